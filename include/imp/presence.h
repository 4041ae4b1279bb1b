/*
 * imp/presence.h: one presence out of many sources, and its three ways onto the wire.
 *
 * Pure: no sockets, no clock, no storage, no server.  A host with users of its own feeds what it knows about a person
 * and gets one presence that also says why ("in a meeting until 15:00, from calendar").  `examples/presence_only.c`
 * shows it.
 *
 *   imp_presence_compose()   a function from sources to one presence, without memory of its own;
 *   imp_composer             the same for many people: keeps their sources, ends them when their time is over, and tells
 *                            whose presence became another;
 *   imp_presence_write_…()   that presence as words, as XMPP, as PIDF with RPID (SIP), as a Microsoft number;
 *   imp_pidf_parse(), imp_presence_from_ms()   the way back.
 *
 *
 * Sources
 * -------
 * What is known about a person comes from sources: each client (one a resource), each phone line, each calendar, an
 * override set by hand, an out-of-office note, and whatever else the host knows (a door, a badge).  A source says one
 * state, and how long it holds.  Nothing is polled: a source may be given before it begins (`from`) and ends
 * by itself (`until`, `expires`), so the edges of meetings are known beforehand and imp_presence.expiry says when to look
 * again.
 *
 * Rules
 * -----
 * Rules are tried in order; the first that finds a source wins.  These are the ones that hold unless a host brings its
 * own (imp_presence_settings.rules; imp_presence_default_rules() gives them to start from):
 *
 *   manual          set by hand: anything but available or tentative
 *   do-not-disturb  a client says so: no client does it by itself
 *   call            a phone line, or a client that is a phone, is in a call
 *   out-of-office   the calendar says so
 *   meeting         the calendar says busy or in a meeting
 *   busy            a client or the host says so
 *   present         set by hand: available
 *   away            clients are away or idle, and none is in use
 *   elsewhere       the calendar says: working elsewhere
 *   available       a client is there
 *
 * Tentative meetings match no rule: they count as free until a host adds one.  The out-of-office note is beside
 * whatever wins.  Without any client a person is offline, whatever calendar and phone say (setting `without_client`).
 * Of several sources that match one rule the one with the highest priority wins; among equals, of clients the
 * one that is most present, of others the most telling and then the one that lasts longest.
 *
 * Time is wall-clock time here, since meetings are: milliseconds since 1970, UTC.  Words need the offset of the
 * reader's clock: it is an argument of those functions that write words, and imp_presence.until is the moment for
 * which the host looks it up (daylight saving time may begin before the meeting ends).
 *
 * Everything here is valid on any thread, an imp_composer on one at a time.
 */
#ifndef IMP_PRESENCE_H
#define IMP_PRESENCE_H

#include <imp/core.h>

#ifdef __cplusplus
extern "C" {
#endif

/** No moment: later than every. */
#define IMP_WALLCLOCK_NEVER UINT64_MAX

#define IMP_NS_ACTIVITY "http://jabber.org/protocol/activity"
#define IMP_NS_PIDF "urn:ietf:params:xml:ns:pidf"
#define IMP_NS_RPID "urn:ietf:params:xml:ns:pidf:rpid"

/* ---- sources ---- */

/** What a source says, and what comes out. */
typedef enum imp_presence_state {
  IMP_PRESENCE_OFFLINE = 0,  /**< not there; a source that says so counts as none, unless it was set by hand */
  IMP_PRESENCE_AVAILABLE,    /**< there; of a phone or calendar: free */
  IMP_PRESENCE_CHAT,         /**< there and glad to talk */
  IMP_PRESENCE_ELSEWHERE,    /**< there, working from another place */
  IMP_PRESENCE_TENTATIVE,    /**< perhaps in a meeting */
  IMP_PRESENCE_IDLE,         /**< there, but the keyboard has not been touched for a while */
  IMP_PRESENCE_BUSY,         /**< busy, and no more is known */
  IMP_PRESENCE_MEETING,      /**< in a meeting */
  IMP_PRESENCE_CALL,         /**< on the phone */
  IMP_PRESENCE_DND,          /**< do not disturb */
  IMP_PRESENCE_BRB,          /**< be right back */
  IMP_PRESENCE_AWAY,         /**< away */
  IMP_PRESENCE_XA,           /**< away for long ("extended away") */
  IMP_PRESENCE_OUT_OF_OFFICE, /**< out of office, on vacation */
  IMP_PRESENCE_STATES        /**< how many there are */
} imp_presence_state;

/** Where it comes from. */
typedef enum imp_source_kind {
  IMP_SOURCE_CLIENT = 0,    /**< a resource; `priority` as in RFC 6121 §4.7.2.3 */
  IMP_SOURCE_PHONE,         /**< a phone line */
  IMP_SOURCE_CALENDAR,      /**< a calendar: its `note` is the subject */
  IMP_SOURCE_MANUAL,        /**< set by hand by the person or an administrator */
  IMP_SOURCE_OUT_OF_OFFICE, /**< the out-of-office note: `note` alone counts, no rule looks at it */
  IMP_SOURCE_HOST,          /**< anything else; words say "from" and its id */
  IMP_SOURCES               /**< how many there are */
} imp_source_kind;

/** One source. Zeroed members are good defaults. */
typedef struct imp_source {
  size_t size;
  uint32_t kind;         /**< an imp_source_kind */
  uint32_t state;        /**< an imp_presence_state */
  int32_t priority;      /**< among sources of the same rule; the higher wins */
  const char *id;        /**< one among those of its kind: resource, line, calendar; NULL is "" */
  const char *note;      /**< the person's own words, UTF-8; NULL: none */
  imp_wallclock from;    /**< holds from then on; 0: at once */
  imp_wallclock until;   /**< its state ends then, and words say so; 0: not known */
  imp_wallclock expires; /**< not to be believed any longer from then on; not said in words; 0: never */
} imp_source;

/** "offline", "available", …, "in a meeting", "on the phone", …; "client", "phone", … Static, never NULL. */
IMP_EXTERN const char *imp_presence_state_name(imp_presence_state state);
IMP_EXTERN const char *imp_source_kind_name(imp_source_kind kind);

/* ---- rules and settings ---- */

/** A rule: it matches a source whose kind and state are among these. A set is bits: `1 << kind`, `1 << state`. */
typedef struct imp_presence_rule {
  size_t size;       /**< the same in all rules of an array */
  const char *name;  /**< for the host; "" is fine */
  uint32_t kinds;    /**< set of imp_source_kind */
  uint32_t states;   /**< set of imp_presence_state */
  uint32_t unless;   /**< set of states: one source of these kinds that says one of them, and the rule does not match */
  uint32_t show_as;  /**< the state to show; 0: what the source says */
} imp_presence_rule;

/** The rules described above, in order; *count of them. Static. */
IMP_EXTERN const imp_presence_rule *imp_presence_default_rules(size_t *count);

/** Settings. imp_presence_settings_default() fills them in. */
typedef struct imp_presence_settings {
  size_t size;
  uint32_t without_client;   /**< set of kinds (phone, calendar, host) that are shown although no client is there;
                                  default none. What is set by hand is shown with them */
  uint32_t busy_show;        /**< XMPP <show/> of busy, in a meeting, on the phone: 0 none (default), 1 away. Never dnd, on
                                  which clients mute */
  uint32_t publish_subjects; /**< 0 (default) or 1: the note of a calendar source may be read by others */
  uint32_t status_source;    /**< 0, or 1 (default): <status/> says from which source, too */
  uint32_t max_sources;      /**< of one person; default 64; 1–1,000 (imp_composer only) */
  uint32_t max_note;         /**< bytes of a note, more are cut off; default 1,024; 0–65,536 (imp_composer only) */
  size_t rules_count;        /**< 0–64 */
  const imp_presence_rule *rules; /**< NULL: the default rules; a composer copies them */
} imp_presence_settings;

/** The defaults. `size` is the host's sizeof. */
IMP_EXTERN void imp_presence_settings_default(imp_presence_settings *settings, size_t size);
/**
 * Checks every value against its range, and rules for kinds and states that do not exist. On IMP_ERR_RANGE or
 * IMP_ERR_INVALID_ARGUMENT `text` (NULL is allowed) names what is wrong: "presence busy_show 2: must be 0 to 1".
 */
IMP_EXTERN int imp_presence_settings_check(const imp_presence_settings *settings, char *text, size_t textlen);

/* ---- composing ---- */

/** Of imp_presence.rule: no rule matched. */
#define IMP_PRESENCE_NO_RULE 4294967295u

/** One presence. Strings are those of the sources: valid as long as they are. */
typedef struct imp_presence {
  size_t size;
  uint32_t state;        /**< an imp_presence_state */
  uint32_t kind;         /**< of the source that won; IMP_SOURCES: none did */
  uint32_t rule;         /**< which rule matched, or IMP_PRESENCE_NO_RULE */
  uint32_t idle;         /**< 1: there are clients, and none is in use */
  imp_wallclock at;      /**< when it was composed */
  imp_wallclock from;    /**< when the state began; 0: not known */
  imp_wallclock until;   /**< when it ends; 0: not known */
  imp_wallclock expiry;  /**< compose again then; IMP_WALLCLOCK_NEVER */
  const char *id;        /**< of the source that won; never NULL */
  const char *note;      /**< the person's own words, "" if none: of the override that won, else of a client */
  const char *subject;   /**< of the meeting, "" unless settings allow it */
  const char *away_note; /**< the out-of-office note, "" if none; also while offline */
} imp_presence;

/**
 * Composes. `size` is the host's sizeof(imp_presence); settings NULL: the defaults. `sources` are pointers, NULL among them
 * are passed over. A kind or state that does not exist is passed over, too.
 * Returns IMP_OK, or IMP_ERR_INVALID_ARGUMENT for settings that imp_presence_settings_check() would refuse.
 */
IMP_EXTERN int imp_presence_compose(imp_presence *presence, size_t size, const imp_presence_settings *settings,
                                    const imp_source **sources, size_t count, imp_wallclock now);
/** Non-zero if others would see the same: all members but `at`, `from`, `rule`, `id` and `expiry`. */
IMP_EXTERN int imp_presence_equal(const imp_presence *a, const imp_presence *b);

/* ---- words ---- */

/*
 * Functions that write text take `dst` with room for `dstlen` bytes, the NUL included, and return the length that the
 * text has without it, as snprintf() does.  Unlike there, a text that does not fit is left out whole: dst is "" then.
 * `utc_offset` is in minutes east of Greenwich, as it is at `presence->until`.
 */

/** Why: "in a meeting until 15:00, from calendar"; "offline, no client"; "away until 3 Dec, 09:00, set by hand". */
IMP_EXTERN size_t imp_presence_write_reason(const imp_presence *presence, int32_t utc_offset, char *dst, size_t dstlen);
/**
 * What others read as status text: what the state is unless that goes without saying, the person's own words, and the
 * out-of-office note: "In a meeting until 15:00, from calendar. Back soon! Out of office: ask Romeo". "" if nothing is to be said.
 */
IMP_EXTERN size_t imp_presence_write_status(const imp_presence *presence, const imp_presence_settings *settings,
                                            int32_t utc_offset, char *dst, size_t dstlen);

/* ---- XMPP ---- */

/** The content of <show/> (RFC 6121 §4.7.2.1); "" if there is none to be written. */
IMP_EXTERN const char *imp_presence_get_show(const imp_presence *presence, const imp_presence_settings *settings);
/** <show/> and <status/> as they stand in <presence/>, escaped; either may be missing. */
IMP_EXTERN size_t imp_presence_write_xmpp(const imp_presence *presence, const imp_presence_settings *settings,
                                          int32_t utc_offset, char *dst, size_t dstlen);
/**
 * <activity/> (XEP-0108), a payload for PEP: working/in_a_meeting, talking/on_the_phone, inactive/on_vacation, with the
 * reason as <text/>. An empty <activity/>, which takes back the last, for all other states.
 */
IMP_EXTERN size_t imp_presence_write_activity(const imp_presence *presence, int32_t utc_offset, char *dst,
                                              size_t dstlen);
/** The other way: the state that <show/> stands for (NULL or "" or unknown: available). */
IMP_EXTERN imp_presence_state imp_presence_from_show(const char *show);

/* ---- PIDF with RPID ---- */

/** What the document says beside the presence. */
typedef struct imp_pidf_options {
  size_t size;
  const char *entity;   /**< whose presence: "sip:juliet@example.org" or "pres:…"; required */
  const char *contact;  /**< where to reach her; NULL: no <contact/> */
  const char *tuple_id; /**< an XML name; NULL: "t1" */
  int32_t utc_offset;   /**< for words */
} imp_pidf_options;

/**
 * A whole document, application/pidf+xml (RFC 3863), with RPID activities (RFC 4480) in <person/> (RFC 4479) and under
 * tuple/status: there also in the form of the drafts before the RFC, which some clients read, and with XMPP's <show/> as RFC
 * 7248 has it. settings NULL: the defaults.
 */
IMP_EXTERN size_t imp_presence_write_pidf(const imp_presence *presence, const imp_presence_settings *settings,
                                          const imp_pidf_options *options, char *dst, size_t dstlen);

/** A document that was read. */
typedef struct imp_pidf {
  size_t size;
  const char *entity;    /**< whose it is */
  const char *contact;   /**< of the tuple that is open, "" if none */
  imp_presence presence; /**< state, idle, from, until, note; kind is IMP_SOURCE_CLIENT */
} imp_pidf;

/**
 * Reads a document: of several tuples the one that is open, of several activities the most telling; activities anywhere in
 * tuples and persons count, from the RFC or the drafts. What is not understood is passed over. At most 65,536 bytes.
 * IMP_ERR_MALFORMED: no XML, or no PIDF; IMP_ERR_TOO_BIG; IMP_ERR_NOMEM. Free with imp_pidf_del().
 */
IMP_EXTERN int imp_pidf_parse(imp_pidf **pidf, const char *text, size_t textlen, imp_wallclock now);
/** NULL is allowed. */
IMP_EXTERN void imp_pidf_del(imp_pidf *pidf);

/* ---- Microsoft ---- */

/**
 * The aggregate number: 3500 available, 4500 idle, 6000 busy, 7500 busy and idle, 9000 do not disturb, 12000 be right back,
 * 15000 away, 18000 offline.
 */
IMP_EXTERN uint32_t imp_presence_get_ms_number(const imp_presence *presence);
/** The activity's token: "in-a-meeting", "on-the-phone", "out-of-office"; "" for none. Static. */
IMP_EXTERN const char *imp_presence_get_ms_activity(const imp_presence *presence);
/**
 * The other way. `activity` is a token, NULL if there is none; an unknown one is passed over. `size` is the host's
 * sizeof(imp_presence). Below 3000 and from 18000 on: offline.
 */
IMP_EXTERN void imp_presence_from_ms(imp_presence *presence, size_t size, uint32_t number, const char *activity);

/* ---- many people ---- */

typedef struct imp_composer imp_composer;

typedef struct imp_composer_callbacks {
  size_t size;
  /**
   * Somebody's presence became another (imp_presence_equal() says no). At the end of the call that caused it, once a person. May read
   * (imp_composer_get(), imp_composer_next_source()); other functions of the composer return IMP_ERR_STATE.
   */
  void (*changed)(imp_composer *composer, const char *person, const imp_presence *presence, void *user_data);
} imp_composer_callbacks;

/**
 * A new composer without people. Settings are checked and copied, with their rules; NULL: defaults. `text` receives what
 * is wrong, as in imp_presence_settings_check(). IMP_ERR_RANGE, IMP_ERR_INVALID_ARGUMENT, IMP_ERR_NOMEM.
 */
IMP_EXTERN int imp_composer_new(imp_composer **composer, const imp_presence_settings *settings,
                                const imp_composer_callbacks *callbacks, char *text, size_t textlen, void *user_data);
/** Forgets everything; tells nobody. NULL is allowed. */
IMP_EXTERN void imp_composer_del(imp_composer *composer);
/** Other settings, for everybody; tells whose presence becomes another. On an error nothing changes. */
IMP_EXTERN int imp_composer_set_settings(imp_composer *composer, const imp_presence_settings *settings, char *text,
                                         size_t textlen, imp_wallclock now);

/**
 * A person's source: new, or in place of that with the same kind and id. Everything is copied. A person exists while it
 * has sources; `person` is any name, at most 3,071 bytes.
 * IMP_ERR_INVALID_ARGUMENT (kind, state, a name or text that is not UTF-8), IMP_ERR_LIMIT (max_sources), IMP_ERR_NOMEM,
 * IMP_ERR_STATE: then nothing changed.
 */
IMP_EXTERN int imp_composer_set(imp_composer *composer, const char *person, const imp_source *source,
                                imp_wallclock now);
/** Takes a source away; `id` NULL is "". IMP_ERR_NOT_FOUND, IMP_ERR_STATE. */
IMP_EXTERN int imp_composer_remove(imp_composer *composer, const char *person, imp_source_kind kind, const char *id,
                                   imp_wallclock now);
/** Takes all of a person's sources away: she is offline. IMP_ERR_NOT_FOUND, IMP_ERR_STATE. */
IMP_EXTERN int imp_composer_forget(imp_composer *composer, const char *person, imp_wallclock now);
/**
 * Somebody's presence at `now`; who has no sources is offline. Strings are valid until the next call that changes this
 * person's sources, or handles an expiry. `size` is the host's sizeof(imp_presence).
 */
IMP_EXTERN void imp_composer_get(const imp_composer *composer, const char *person, imp_presence *presence, size_t size,
                                 imp_wallclock now);
/** A person's sources one by one: *pos is 0 at first; NULL at the end. Valid as those of imp_composer_get(). */
IMP_EXTERN const imp_source *imp_composer_next_source(const imp_composer *composer, const char *person, size_t *pos);
/** The moment at which imp_composer_handle_expiry() has something to do, or IMP_WALLCLOCK_NEVER. */
IMP_EXTERN imp_wallclock imp_composer_get_expiry(const imp_composer *composer);
/** Sources begin and end: tells whose presence became another. IMP_ERR_STATE within a callback. */
IMP_EXTERN int imp_composer_handle_expiry(imp_composer *composer, imp_wallclock now);
/** How many people have sources. */
IMP_EXTERN size_t imp_composer_count(const imp_composer *composer);

#ifdef __cplusplus
}
#endif

#endif /* IMP_PRESENCE_H */
