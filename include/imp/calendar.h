/*
 * imp/calendar.h: who is busy when, from calendars; usable alone: no node, no sockets, no XMPP.
 *
 *   imp_calendar_new(&cal, &settings, &callbacks, NULL, ts, now);
 *   imp_calendar_set_http(cal, http, ctx);                      // who does the requests: imp/sys/http.h
 *   imp_gateway_default(&gateway, sizeof gateway, IMP_GATEWAY_EWS);
 *   gateway.name = "head office"; gateway.url = "https://mail.example/EWS/Exchange.asmx"; …
 *   imp_calendar_set_gateway(cal, &gateway);
 *   imp_calendar_map(cal, &(imp_mailbox){sizeof(imp_mailbox), "juliet@capulet.example", "head office", "juliet@corp.example"});
 *   …
 *   // after anything was called or fed, and when imp_calendar_get_expiry() has come:
 *   imp_calendar_turn(cal, ts, now);                            // requests go out, on_change() is called
 *
 * A *user* is whatever name the host knows people by (a bare JID).  A *source* says what a user's calendar holds in a window
 * of time: a gateway that reads it from a server, or the host itself (imp_calendar_put()).  From its sources each user has
 * one merged run of free and busy times.  When the present moves from one run into the next (a meeting starts or ends),
 * on_change() is called: such edges are deadlines (imp_calendar_get_expiry()), nothing is polled for them.
 *
 * Rules
 *   - overlapping blocks merge: out of office > busy > tentative > working elsewhere > free.
 *   - tentative blocks are free, tentative or busy, by setting.
 *   - subjects are withheld, unless a setting says otherwise; those of private blocks always are.
 *   - a source knows nothing outside its window.  When a gateway is down, what was read last stays true until its window
 *     ends, then the source expires and the user's state is "unknown".
 *   - all-day events begin and end at midnight of the mailbox's zone.
 *
 * Two clocks, both arguments: `ts` is monotonic (imp_tstamp) and runs deadlines; `now` is the time of day (imp_wallclock),
 * which may be set: edges follow it.  One thread.  In on_change() and on_gateway() every function here but
 * imp_calendar_del(), _turn() and _handle_expiry() may be called; in get_zone() imp_calendar_add_zone() alone; in want_turn()
 * and log none.
 *
 * The library reads iCalendar by libical, whose errors must not end the process: imp_calendar_new() calls
 * icalerror_set_errors_are_fatal(0), once a process.
 */
#ifndef IMP_CALENDAR_H
#define IMP_CALENDAR_H

#include <imp/core.h>
#include <imp/sys/http.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct imp_calendar imp_calendar;

#define IMP_CALENDAR_NAME_MAX 1023 /**< bytes in a user's name, a mailbox, a source's or a gateway's name */
#define IMP_CALENDAR_TEXT_MAX 1023 /**< bytes of a subject or note that are kept; longer ones are cut */

/** What a block of time is. The greater number wins where blocks overlap. */
typedef enum imp_busy_kind {
  IMP_BUSY_FREE = 0,
  IMP_BUSY_ELSEWHERE, /**< works, but not at the usual place */
  IMP_BUSY_TENTATIVE,
  IMP_BUSY_BUSY,
  IMP_BUSY_OOF /**< out of office */
} imp_busy_kind;

/** "free", "elsewhere", "tentative", "busy", "out of office". Static, never NULL. */
IMP_EXTERN const char *imp_busy_kind_name(imp_busy_kind kind);

/** What becomes of tentative blocks. */
typedef enum imp_tentative {
  IMP_TENTATIVE_FREE = 0,  /**< as if they were not there */
  IMP_TENTATIVE_TENTATIVE, /**< a kind of its own */
  IMP_TENTATIVE_BUSY
} imp_tentative;

/** A block of time, [start, end). */
typedef struct imp_busy {
  size_t size;
  imp_wallclock start, end;
  uint32_t kind; /**< an imp_busy_kind */
  /** Non-zero: the owner marked it private: only its kind is ever told. */
  uint32_t is_private;
  /**
   * Non-zero: `start` and `end` are dates without a zone (midnight, counted as if in UTC), to be taken in the mailbox's
   * zone.
   */
  uint32_t floating;
  const char *subject;  /**< NULL: none, or not told. Kept only if imp_calendar_settings.subjects is set */
  const char *location; /**< as `subject` */
} imp_busy;

/** Out-of-office as it is set at the mailbox; independent of the calendar's blocks. */
typedef struct imp_oof {
  size_t size;
  uint32_t enabled;         /**< replies are sent, now or (with start and end) then */
  imp_wallclock start, end; /**< both 0: from now on without end */
  const char *note;         /**< plain text, NULL: none */
} imp_oof;

/** What a calendar says of a user at the present. */
typedef struct imp_calendar_state {
  size_t size;
  uint32_t known; /**< 0: no source knows about this moment; all below but out-of-office is 0 or NULL then */
  uint32_t kind;  /**< imp_busy_kind, after merging and the policy for tentative blocks */
  imp_wallclock since;  /**< since when this kind lasts (as far back as a source's window goes) */
  imp_wallclock until;  /**< until when, over all blocks that follow each other without a gap */
  uint32_t until_known; /**< 0: `until` is only as far as the window goes */
  uint32_t is_private;
  const char *subject;  /**< NULL unless settings.subjects and the block that wins has one and is not private */
  const char *location; /**< as `subject` */
  const char *source;   /**< name of the gateway or source whose block wins; "" when free */
  uint32_t out_of_office;  /**< non-zero: automatic replies are on at this moment */
  const char *note;        /**< their text, NULL if none */
  imp_wallclock oof_until; /**< 0: no end is known */
} imp_calendar_state;

/** Settings. imp_calendar_settings_default() fills them in. */
typedef struct imp_calendar_settings {
  size_t size;
  uint32_t tentative;     /**< an imp_tentative; default IMP_TENTATIVE_FREE */
  uint32_t subjects;      /**< 1: keep and tell subjects and places of blocks that are not private; default 0 */
  uint32_t notes;         /**< 1: keep and tell out-of-office notes; default 1 */
  uint32_t blocks_max;    /**< blocks of one source; further ones are ignored. 1000; 10 … 10,000 */
  uint32_t users_max;     /**< 1,000,000; 1 … 10,000,000 */
  uint32_t answer_bytes;  /**< a response may have: 8 MiB; 64 KiB … 15 MiB */
  uint32_t event_bytes;   /**< one calendar object (CalDAV): 256 KiB; 4 KiB … 8 MiB */
  /** Days (of hourly events: hours) that are looked at for recurring events in one reading: 4,000,000; 10,000 … 100,000,000. */
  uint32_t occurrences;
} imp_calendar_settings;

/** The defaults, as far as `size`, the host's sizeof(imp_calendar_settings), goes. */
IMP_EXTERN void imp_calendar_settings_default(imp_calendar_settings *settings, size_t size);
/** IMP_ERR_RANGE, or IMP_ERR_INVALID_ARGUMENT for no `size`; `text` (may be NULL) names setting, value and range. */
IMP_EXTERN int imp_calendar_settings_check(const imp_calendar_settings *settings, char *text, size_t textlen);

/* ---- gateways ---- */

typedef enum imp_gateway_kind {
  IMP_GATEWAY_EWS = 0, /**< Exchange Web Services, Exchange 2013 and later on one's own premises */
  IMP_GATEWAY_GRAPH,   /**< Microsoft Graph v1.0 */
  IMP_GATEWAY_CALDAV   /**< RFC 4791 */
} imp_gateway_kind;

/**
 * A gateway: a server that calendars are read from, and how.  imp_gateway_default() fills in what is usual for its kind.
 * Strings are copied; secrets are wiped when they are no longer needed, and never logged.
 */
typedef struct imp_gateway {
  size_t size;
  const char *name; /**< unique; shown in states and logs */
  uint32_t kind;    /**< an imp_gateway_kind */
  /**
   * https (http only for tests and behind tunnels).  EWS: ".../EWS/Exchange.asmx".  Graph: NULL is
   * "https://graph.microsoft.com/v1.0".  CalDAV: a calendar collection, in which "{mailbox}" stands for the mailbox,
   * percent-encoded; a mailbox that begins with "/" or "http" replaces path or URL.
   */
  const char *url;
  uint32_t auth; /**< an imp_http_auth. Bearer needs `secret` (a token) or the four members of OAuth 2.0 */
  const char *username;
  const char *secret;
  /** OAuth 2.0 client credentials (RFC 6749 §4.4): tokens are fetched, kept until shortly before they expire, and renewed. */
  const char *token_url;
  const char *client_id;
  const char *client_secret;
  const char *scope;
  const char *ca_file; /**< PEM file of trust anchors; NULL: the system's */
  const char *proxy;   /**< see imp_http_request */
  /** EWS: 1: `username` may impersonate the mailboxes (ApplicationImpersonation). Needed for streams and out-of-office. */
  uint32_t impersonate;
  uint32_t poll_seconds;    /**< between two readings of a mailbox: 300; 15 … 86,400 */
  uint32_t window_hours;    /**< how far ahead is read: 48; 1 … 1,440 */
  uint32_t batch;           /**< mailboxes in a call. EWS 100; 1 … 100. Graph 20; 1 … 20. CalDAV 1 */
  uint32_t concurrency;     /**< requests at once, streams not counted: EWS 10; 1 … 27. Others 4; 1 … 64 */
  uint32_t timeout_seconds; /**< of a request: 60; 5 … 600 */
  uint32_t out_of_office;   /**< 1: read automatic replies too. EWS, Graph. Default 1 */
  uint32_t oof_seconds;     /**< between two readings of these: 900; 60 … 86,400 */
  uint32_t notify;          /**< 1: be told of changes (EWS streams, Graph webhooks); polling goes on, less often. Default 1 */
  uint32_t notified_seconds; /**< between two readings of a mailbox whose changes are told: 3600; 60 … 86,400 */
  uint32_t streams;          /**< EWS: streaming connections. 3; 1 … 10 */
  uint32_t subscriptions;    /**< EWS: in one stream. 200; 1 … 200 */
  uint32_t stream_minutes;   /**< EWS: length of a stream: 30; 1 … 30 */
  const char *webhook_url;   /**< Graph: where Microsoft reaches the host by https; NULL: no webhooks */
  const char *client_state;  /**< Graph: a secret of at most 128 bytes that notifications must bring along; required with the URL */
  uint32_t subscription_minutes; /**< Graph: how long a subscription is asked for: 4,230; 45 … 10,070 */
  /**
   * Graph: 0 (default): free and busy times by getSchedule, up to `batch` mailboxes a call.  1: events by calendarView/delta, a
   * mailbox a call, afterwards only what changed; needs the permission Calendars.Read.
   */
  uint32_t delta;
  /**
   * EWS: "https://…/autodiscover/autodiscover.svc": who belongs to one group, and the URL of each, is asked there for mailboxes
   * that were mapped without a `group` and `url`.  NULL: it is not.
   */
  const char *autodiscover_url;
} imp_gateway;

/** The defaults of a kind, as far as `size`, the host's sizeof(imp_gateway), goes: names and URLs are still missing. */
IMP_EXTERN void imp_gateway_default(imp_gateway *gateway, size_t size, imp_gateway_kind kind);
/** As imp_calendar_settings_check(). */
IMP_EXTERN int imp_gateway_check(const imp_gateway *gateway, char *text, size_t textlen);

/** How a gateway fares. */
typedef enum imp_gateway_health {
  IMP_GATEWAY_NEW = 0, /**< nothing was asked yet */
  IMP_GATEWAY_UP,      /**< the last request was answered as it should be */
  IMP_GATEWAY_BUSY,    /**< the server asked us to wait */
  IMP_GATEWAY_DOWN     /**< the last request failed */
} imp_gateway_health;

/** Strings live until the next call for this gateway. */
typedef struct imp_gateway_status {
  size_t size;
  const char *name;
  uint32_t kind;
  uint32_t health;            /**< an imp_gateway_health */
  imp_wallclock last_success; /**< 0: never */
  imp_wallclock last_failure; /**< 0: never */
  const char *last_error;     /**< of the last failure, in words; "" if there was none */
  imp_wallclock waits_until;  /**< no request before; 0: it waits for nothing */
  uint32_t mailboxes;         /**< mapped */
  uint32_t mailboxes_failing; /**< whose last reading failed by itself (unknown mailbox, no permission) */
  uint32_t subscribed;        /**< mailboxes whose changes are told */
  uint32_t streams;           /**< open now */
  uint32_t in_flight;         /**< requests, streams not counted */
  uint64_t requests;          /**< since the gateway was set */
  uint64_t failures;
  uint64_t notifications;
} imp_gateway_status;

/* ---- callbacks ---- */

/** All are optional. */
typedef struct imp_calendar_callbacks {
  size_t size;
  /** The present of a user changed. Strings live during the call. Called in imp_calendar_turn() and _handle_expiry(). */
  void (*on_change)(imp_calendar *cal, const char *user, const imp_calendar_state *state, void *user_data);
  /** A gateway's health changed. Called as on_change(). */
  void (*on_gateway)(imp_calendar *cal, const imp_gateway_status *status, void *user_data);
  /**
   * A zone is needed whose rules are not known yet.  The host calls imp_calendar_add_zone(), and returns IMP_OK, or
   * IMP_ERR_NOT_FOUND.  `name` is an IANA name ("Europe/Berlin") or what a server wrote in its place: check it before it
   * becomes part of a path (letters, digits and "/_+-" are left of it here, without ".." and no "/" in front).
   */
  int (*get_zone)(imp_calendar *cal, const char *name, void *user_data);
  /** There is work for imp_calendar_turn(). Called at most once between two turns. */
  void (*want_turn)(imp_calendar *cal, void *user_data);
  imp_log_fn log;
  uint32_t log_level; /**< an imp_log_level */
} imp_calendar_callbacks;

/* ---- life ---- */

/** `settings` and `callbacks` may be NULL. IMP_ERR_RANGE, IMP_ERR_INVALID_ARGUMENT, IMP_ERR_NOMEM. */
IMP_EXTERN int imp_calendar_new(imp_calendar **cal, const imp_calendar_settings *settings,
                                const imp_calendar_callbacks *callbacks, void *user_data, imp_tstamp ts,
                                imp_wallclock now);
/** Requests under way are cancelled. NULL is allowed. */
IMP_EXTERN void imp_calendar_del(imp_calendar *cal);
/** Who does the requests; before the first gateway is set (IMP_ERR_STATE). Both outlive the calendar. */
IMP_EXTERN int imp_calendar_set_http(imp_calendar *cal, const imp_http *http, void *ctx);
/** What was wrong, of the last function that failed. Never NULL. */
IMP_EXTERN const char *imp_calendar_last_error(const imp_calendar *cal);

/** Reads what was fed, runs what is due, sends requests, tells changes. IMP_ERR_STATE within a callback. */
IMP_EXTERN int imp_calendar_turn(imp_calendar *cal, imp_tstamp ts, imp_wallclock now);
/** When imp_calendar_handle_expiry() is due, by the clocks as they were last seen. IMP_TSTAMP_NEVER: nothing is. */
IMP_EXTERN imp_tstamp imp_calendar_get_expiry(const imp_calendar *cal);
/** The same as imp_calendar_turn(). */
IMP_EXTERN int imp_calendar_handle_expiry(imp_calendar *cal, imp_tstamp ts, imp_wallclock now);

/* ---- sources of the host's own ---- */

/**
 * Replaces what `source` knows about a user: within [from, to) there are these blocks (in any order, overlapping as
 * they like) and no others.  Before and after nothing is known.  Everything is copied.  to <= from: the source goes away.
 * `zone` is for floating blocks: an IANA or Windows name; NULL: UTC.  A name of a gateway is refused (IMP_ERR_CONFLICT).
 * Blocks past settings.blocks_max are ignored.  IMP_ERR_NOT_FOUND: the zone; IMP_ERR_LIMIT: settings.users_max.
 */
IMP_EXTERN int imp_calendar_put(imp_calendar *cal, const char *user, const char *source, const char *zone,
                                imp_wallclock from, imp_wallclock to, const imp_busy *blocks, size_t count);
/** Sets (NULL: forgets) a user's automatic replies as `source` knows them. */
IMP_EXTERN int imp_calendar_put_oof(imp_calendar *cal, const char *user, const char *source, const imp_oof *oof);

/** The present of a user. IMP_ERR_NOT_FOUND: no source ever named the user. Strings live until the next call. */
IMP_EXTERN int imp_calendar_get(imp_calendar *cal, const char *user, imp_calendar_state *state);
/**
 * A user's merged times that touch [from, to), one after the other: runs of equal kind, free ones too where a source knows.
 * `fn` returns 0 to go on; anything else ends it and is returned. `state` has known, kind, since, until (of the run),
 * is_private, subject, location, source.  IMP_ERR_NOT_FOUND: no source ever named the user.
 */
typedef int (*imp_calendar_run_fn)(const imp_calendar_state *state, void *user_data);
IMP_EXTERN int imp_calendar_runs(imp_calendar *cal, const char *user, imp_wallclock from, imp_wallclock to,
                                 imp_calendar_run_fn fn, void *user_data);

/* ---- gateways, while running ---- */

/**
 * Adds a gateway, or changes the one of that name: requests under way end, what was read stays until it is read anew.
 * IMP_ERR_RANGE, IMP_ERR_INVALID_ARGUMENT (last error says what), IMP_ERR_STATE: no imp_calendar_set_http() yet,
 * IMP_ERR_CONFLICT: the kind of an existing one cannot change.
 */
IMP_EXTERN int imp_calendar_set_gateway(imp_calendar *cal, const imp_gateway *gateway);
/** Removes it, its mailboxes and all that was read from it. IMP_ERR_NOT_FOUND. */
IMP_EXTERN int imp_calendar_remove_gateway(imp_calendar *cal, const char *name);
/**
 * How it goes with one; status->size is set by the host. Strings are valid until anything of the calendar is called.
 * IMP_ERR_NOT_FOUND, IMP_ERR_INVALID_ARGUMENT (no `size`).
 */
IMP_EXTERN int imp_calendar_gateway_status(imp_calendar *cal, const char *name, imp_gateway_status *status);
/** The i-th gateway, in the order in which they were added; IMP_ERR_NOT_FOUND past the last. */
IMP_EXTERN int imp_calendar_gateway_at(imp_calendar *cal, size_t i, imp_gateway_status *status);

/** Whose mailbox is whose: the identity map. */
typedef struct imp_mailbox {
  size_t size;
  const char *user;
  const char *gateway;
  const char *mailbox; /**< EWS, Graph: an SMTP address (Graph: also an object id); CalDAV: see imp_gateway.url */
  const char *zone;    /**< IANA or Windows name, for all-day events; NULL: UTC until the server tells */
  /** EWS: mailboxes with equal groups (Autodiscover's GroupingInformation) share streams. NULL: one group. */
  const char *group;
  const char *url; /**< EWS: ExternalEwsUrl, if it is not the gateway's; it must have the gateway's scheme. NULL: the gateway's */
} imp_mailbox;

/** Adds or changes an entry (one for each user and gateway). It is read at once. IMP_ERR_NOT_FOUND: no such gateway, zone. */
IMP_EXTERN int imp_calendar_map(imp_calendar *cal, const imp_mailbox *mailbox);
/** Takes an entry out, and what was read of the mailbox. IMP_ERR_NOT_FOUND. */
IMP_EXTERN int imp_calendar_unmap(imp_calendar *cal, const char *user, const char *gateway);

typedef struct imp_mailbox_status {
  size_t size;
  const char *mailbox;
  imp_wallclock last_success; /**< 0: never */
  const char *last_error;     /**< "" if the last reading succeeded */
  uint32_t subscribed;        /**< changes are told */
  imp_wallclock known_until;  /**< end of the window that was read last; 0: none */
} imp_mailbox_status;
/** How it goes with one; as imp_calendar_gateway_status(). */
IMP_EXTERN int imp_calendar_mailbox_status(imp_calendar *cal, const char *user, const char *gateway,
                                           imp_mailbox_status *status);
/** Reads a mailbox soon, whatever its turn (a user asked for it). IMP_ERR_NOT_FOUND: no such entry. */
IMP_EXTERN int imp_calendar_refresh(imp_calendar *cal, const char *user, const char *gateway);

/** What to answer to a request that came to `webhook_url`. */
typedef struct imp_webhook_answer {
  size_t size;
  uint32_t status;           /**< 200, 202, 400, 403, 413 */
  const char *content_type;  /**< NULL: no body */
  const char *body;          /**< lives until the next call */
  size_t bodylen;
} imp_webhook_answer;
/**
 * Microsoft Graph calls: `query` is the part of the URL behind "?" as it came (NULL or "": none).  Answer at once: Microsoft
 * waits three seconds.  Always returns IMP_OK with an answer, but for IMP_ERR_INVALID_ARGUMENT.
 */
IMP_EXTERN int imp_calendar_webhook(imp_calendar *cal, const char *query, const void *body, size_t bodylen,
                                    imp_webhook_answer *answer);

/* ---- zones ---- */

/** Rules of a zone: a TZif file (RFC 9636), as under /usr/share/zoneinfo. Replaces them. IMP_ERR_MALFORMED. */
IMP_EXTERN int imp_calendar_add_zone(imp_calendar *cal, const char *name, const void *tzif, size_t len);
/** From a local date and time (milliseconds as if it were UTC) to a moment. IMP_ERR_NOT_FOUND: no such zone.
 *  Where the clock was put back, the first; where it was put forward, as by the clock before (RFC 5545 §3.3.5). */
IMP_EXTERN int imp_calendar_local_time(imp_calendar *cal, const char *zone, imp_wallclock local, imp_wallclock *moment);
/** "W. Europe Standard Time" -> "Europe/Berlin". NULL if it is no Windows name. Static. */
IMP_EXTERN const char *imp_windows_zone(const char *name);

#ifdef __cplusplus
}
#endif

#endif /* IMP_CALENDAR_H */
