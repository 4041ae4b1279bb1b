/*
 * imp/sm.h: stream management (XEP-0198), server side.
 *
 * Pure: no XML, no sockets, no clock, no storage.  A host that has an XMPP server of its own parses <enable/>, <resume/>, <r/>
 * and <a/> and calls the functions here; what is to be sent comes back as text or as packets.  Needs nothing but the C
 * library.  `examples/sm_only.c` shows a whole server side on it.
 *
 * Three objects:
 *   imp_sm_manager   settings, all sessions by their id, what is hibernating and until when, what was handled by
 *                    sessions that are gone;
 *   imp_sm           one session: counters of both directions and the buffer of packets that the client has not
 *                    acknowledged;
 *   imp_ledger       the account of every message: how many are in which state; they add up to what was accepted.
 *
 * A packet is the host's: an opaque pointer and a size in bytes.  The buffer holds it until its fate is known, and
 * hands it back with `settle`.
 *
 * Counters wrap at 2^32 as XEP-0198 §4 asks; `h` is judged modulo 2^32 against what is in the buffer.
 */
#ifndef IMP_SM_H
#define IMP_SM_H

#include <imp/core.h>

#ifdef __cplusplus
extern "C" {
#endif

#define IMP_NS_SM "urn:xmpp:sm:3"

/* ---- fates ---- */

/** In which state a copy of a message is. It is in exactly one of them at any moment. */
typedef enum imp_fate {
  IMP_FATE_IN_FLIGHT = 0,     /**< accepted; not yet settled: queued, or sent and not acknowledged */
  IMP_FATE_ACKNOWLEDGED,      /**< the recipient's client acknowledged it (XEP-0198) */
  IMP_FATE_RESENT,            /**< sent again after a resumption, and then acknowledged */
  IMP_FATE_RETURNED,          /**< given back to its sender as an error */
  IMP_FATE_STORED,            /**< in offline storage now */
  IMP_FATE_FROM_OFFLINE,      /**< delivered from offline storage and acknowledged, or handed over where none exists */
  IMP_FATE_REDIRECTED,        /**< given to another resource */
  IMP_FATE_HANDED_OVER,       /**< sent where no acknowledgement exists: a stream without SM, a peer server */
  IMP_FATE_CONSUMED,          /**< for the node itself: handled by a handler here */
  IMP_FATE_REFUSED,           /**< refused at entry: the sender has an error for it */
  IMP_FATE_DROPPED,           /**< dropped by a named rule; see imp_drop_rule */
  IMP_FATES                   /**< how many there are */
} imp_fate;

/** Rules that drop a copy of a message without an error to anybody. */
typedef enum imp_drop_rule {
  IMP_DROP_CARBON = 0,    /**< a carbon copy whose session ended (XEP-0280) */
  IMP_DROP_ERROR,         /**< type='error' that could not be delivered (RFC 6120 §8.3.1) */
  IMP_DROP_GROUPCHAT,     /**< a group chat message to a session that ended */
  IMP_DROP_HEADLINE,      /**< a headline without a recipient (RFC 6121 §8.5.2.1.1) */
  IMP_DROP_NO_STORE,      /**< the sender's hint forbids storing and nobody was there (XEP-0334) */
  IMP_DROP_CHAT_STATE,    /**< nothing but a chat state or marker, worth nothing later (XEP-0085, XEP-0160) */
  IMP_DROP_ARCHIVE_RESULT,/**< an archive query's result (XEP-0313): the client asks again */
  IMP_DROP_DUPLICATE,     /**< another resource has acknowledged the same message */
  IMP_DROP_BLOCKED,       /**< the recipient blocks the sender (XEP-0191) */
  IMP_DROP_USER_DELETED,  /**< the account was deleted with all that is its */
  IMP_DROP_RULES
} imp_drop_rule;

/** Counters. All are totals since the start but `now[IMP_FATE_IN_FLIGHT]` and `now[IMP_FATE_STORED]`, which are stocks. */
typedef struct imp_ledger {
  size_t size;
  uint64_t accepted;              /**< copies that were ever accepted (found in the store at the start included) */
  uint64_t now[IMP_FATES];        /**< copies in each state; the sum is `accepted` */
  uint64_t dropped[IMP_DROP_RULES]; /**< parts of now[IMP_FATE_DROPPED] */
} imp_ledger;

IMP_EXTERN void imp_ledger_init(imp_ledger *ledger);
/** A new copy enters in flight. */
IMP_EXTERN void imp_ledger_accept(imp_ledger *ledger);
/** A copy moves from one state to another. For IMP_FATE_DROPPED use imp_ledger_drop(). */
IMP_EXTERN void imp_ledger_move(imp_ledger *ledger, imp_fate from, imp_fate to);
IMP_EXTERN void imp_ledger_drop(imp_ledger *ledger, imp_fate from, imp_drop_rule rule);
/** Non-zero if the states add up to what was accepted and the rules to what was dropped. */
IMP_EXTERN int imp_ledger_balances(const imp_ledger *ledger);
/** "in flight", "acknowledged", …; "carbon", … Static, never NULL. */
IMP_EXTERN const char *imp_fate_name(imp_fate fate);
IMP_EXTERN const char *imp_drop_rule_name(imp_drop_rule rule);

/* ---- settings ---- */

/** What happens to messages of a session that did not come back in time. */
typedef enum imp_sm_policy {
  IMP_SM_RETURN = 0, /**< to their senders, as errors (the default) */
  IMP_SM_STORE,      /**< into offline storage */
  IMP_SM_REDIRECT    /**< to another resource of the user, or returned if there is none */
} imp_sm_policy;

/** Which ranges hold. */
typedef enum imp_sm_profile {
  IMP_SM_PROFILE_STRICT = 0, /**< the ranges of an enterprise cluster, as documented at each setting */
  IMP_SM_PROFILE_LIFTED      /**< wide ranges, for mobile deployments; the host asked for it */
} imp_sm_profile;

/** Settings. imp_sm_settings_default() fills them in. They hold for sessions that are enabled afterwards. */
typedef struct imp_sm_settings {
  size_t size;
  uint32_t enabled;        /**< 0 or 1; default 1 */
  uint32_t profile;        /**< an imp_sm_profile; default strict */
  uint32_t timeout;        /**< seconds a lost session can be resumed; default 60; 30–90 (lifted: 1–86,400) */
  uint32_t buffer_packets; /**< packets kept for a session; default 100; 5–150 (lifted: 1–65,536) */
  uint64_t buffer_bytes;   /**< and bytes; default 1 MiB; 65,536–16 MiB (lifted: 4,096–1 GiB) */
  uint32_t ack_rate;       /**< stanzas sent before <r/>; default 5; 1–64 (lifted: 1–4,096) */
  uint32_t policy;         /**< an imp_sm_policy; default return */
  uint32_t max_hibernated; /**< sessions of one user that may wait at a time, the oldest goes; default 10; 1–100 (lifted: 1–10,000) */
  uint32_t handled_time;   /**< seconds that `h` of a session that is gone is known; default 172,800; 0–2,592,000 */
  uint32_t handled_max;    /**< how many such at a time; default 100,000; 0–10,000,000 */
} imp_sm_settings;

IMP_EXTERN void imp_sm_settings_default(imp_sm_settings *settings, size_t size);
/**
 * Checks every value against its range. On IMP_ERR_RANGE `text` names the setting, the value and the range, for
 * example "sm timeout 15: must be 30 to 90 (strict profile)".
 */
IMP_EXTERN int imp_sm_settings_check(const imp_sm_settings *settings, char *text, size_t textlen);

/* ---- manager ---- */

typedef struct imp_sm_manager imp_sm_manager;
typedef struct imp_sm imp_sm;

/** Why a packet leaves the buffer. */
typedef enum imp_sm_settled {
  IMP_SM_ACKED = 0,    /**< the client has acknowledged it */
  IMP_SM_RESENT_ACKED, /**< it had been sent again after a resumption, and is acknowledged now */
  IMP_SM_EVICTED,      /**< the buffer is full: the oldest goes, unacknowledged; still tracked by its count, see evicted_acked */
  IMP_SM_ABANDONED     /**< the session ended without an acknowledgement: the host gives it its fate */
} imp_sm_settled;

/** Callbacks. Those marked optional may be NULL. None may call back into the same session but imp_sm_get…. */
typedef struct imp_sm_callbacks {
  size_t size;
  /** The buffer lets go of a packet; ownership returns to the host. `count` is its number on the stream (what `h` covers). */
  void (*settle)(imp_sm *sm, void *packet, uint32_t count, imp_sm_settled how, void *user_data);
  /** Optional. An `h` covers packets evicted before, those with numbers up to `count`: what was stored for them can go. */
  void (*evicted_acked)(imp_sm *sm, uint32_t count, void *user_data);
  /**
   * A hibernating session was not resumed in time, or had to go for a newer one (max_hibernated). Called once, before
   * the buffer is abandoned; the host ends what it has for the session and must not use `sm` afterwards: it is deleted when the
   * callback has returned and every packet has been settled as abandoned.
   */
  void (*expired)(imp_sm *sm, void *user_data);
  /** Fills `len` unguessable bytes. Returns 0, or an error, which fails imp_sm_new(). */
  int (*random)(void *bytes, size_t len, void *user_data);
} imp_sm_callbacks;

/**
 * A new manager. `prefix` begins every session id (the node's name in a cluster; NULL or "": none; at most 32 characters out of
 * A–Z a–z 0–9 . _ -). Settings are checked; NULL: defaults. `text` receives what is wrong, as in imp_sm_settings_check(); NULL is allowed.
 */
IMP_EXTERN int imp_sm_manager_new(imp_sm_manager **manager, const imp_sm_settings *settings,
                                  const imp_sm_callbacks *callbacks, const char *prefix, char *text, size_t textlen,
                                  void *user_data);
/** Every session must be gone (imp_sm_del()). NULL is allowed. */
IMP_EXTERN void imp_sm_manager_del(imp_sm_manager *manager);
/** Changes the settings for sessions that are enabled from now on. */
IMP_EXTERN int imp_sm_manager_set(imp_sm_manager *manager, const imp_sm_settings *settings, char *text, size_t textlen);
IMP_EXTERN const imp_sm_settings *imp_sm_manager_get(const imp_sm_manager *manager);
/** The next moment at which imp_sm_manager_handle_expiry() has something to do, or IMP_TSTAMP_NEVER. */
IMP_EXTERN imp_tstamp imp_sm_manager_get_expiry(const imp_sm_manager *manager);
/** Ends hibernating sessions whose time is over, forgets old `h` values. */
IMP_EXTERN void imp_sm_manager_handle_expiry(imp_sm_manager *manager, imp_tstamp ts);

typedef struct imp_sm_stats {
  size_t size;
  uint64_t sessions;    /**< enabled now, hibernating ones included */
  uint64_t hibernating; /**< now */
  uint64_t queued;      /**< packets in all buffers now */
  uint64_t queued_bytes;
  uint64_t enabled;     /**< totals since the start from here on */
  uint64_t resumed;
  uint64_t refused;     /**< resumptions refused */
  uint64_t expired;
  uint64_t acked;
  uint64_t resent;
  uint64_t evicted;
  uint64_t abandoned;
} imp_sm_stats;
IMP_EXTERN void imp_sm_manager_stats(const imp_sm_manager *manager, imp_sm_stats *stats, size_t size);

/* ---- a session ---- */

/**
 * <enable/>: a new session for `user` (a bare JID; copied). `resume` is the client's wish; `max` the seconds that it asked for, 0 if none: it
 * gets the setting, or less if it asked for less. Without `resume` there is no id and imp_sm_disconnect() ends it at once.
 * Returns IMP_ERR_DENIED when stream management is off.
 */
IMP_EXTERN int imp_sm_new(imp_sm_manager *manager, imp_sm **sm, const char *user, int resume, uint32_t max,
                          imp_tstamp ts, void *session_data);
/** Abandons what is in the buffer (settle is called for each) and frees. The id can never be resumed. `h` is remembered if resumable
 *  and `remember` is non-zero (not after a clean close, where nobody will ask). NULL is allowed. */
IMP_EXTERN void imp_sm_del(imp_sm *sm, int remember, imp_tstamp ts);

IMP_EXTERN void *imp_sm_get_session_data(const imp_sm *sm);
IMP_EXTERN void imp_sm_set_session_data(imp_sm *sm, void *session_data);
/** The id for <enabled/>, "" if not resumable. */
IMP_EXTERN const char *imp_sm_get_id(const imp_sm *sm);
IMP_EXTERN const char *imp_sm_get_user(const imp_sm *sm);
/** The granted seconds for <enabled max=''/>. */
IMP_EXTERN uint32_t imp_sm_get_max(const imp_sm *sm);
/** Stanzas received and handled (our `h`), sent, and acknowledged by the client, modulo 2^32. */
IMP_EXTERN uint32_t imp_sm_get_in(const imp_sm *sm);
IMP_EXTERN uint32_t imp_sm_get_out(const imp_sm *sm);
IMP_EXTERN uint32_t imp_sm_get_acked(const imp_sm *sm);
/** Packets in the buffer. */
IMP_EXTERN size_t imp_sm_get_queued(const imp_sm *sm);
IMP_EXTERN int imp_sm_is_hibernating(const imp_sm *sm);
/** When a hibernating session ends; IMP_TSTAMP_NEVER while connected. */
IMP_EXTERN imp_tstamp imp_sm_get_deadline(const imp_sm *sm);

/** A stanza came in (valid or not: every one counts). */
IMP_EXTERN void imp_sm_received(imp_sm *sm);

/** What imp_sm_sent() asks for. */
#define IMP_SM_WANT_R 1

/**
 * A stanza goes out (or would, if the session hibernates): the buffer keeps `packet`. Every stanza on the stream must
 * pass here in the order in which it is written, `packet` NULL for one that is counted but not worth keeping.
 * Returns IMP_SM_WANT_R if an <r/> should follow (never while one is outstanding), IMP_OK, or IMP_ERR_NOMEM: then the packet was not
 * taken and the stanza must not be written.
 * A full buffer evicts its oldest packet (settle with IMP_SM_EVICTED).
 */
IMP_EXTERN int imp_sm_sent(imp_sm *sm, void *packet, size_t bytes);

/**
 * <a h=''/>. Settles what it covers. An `h` above what was sent is IMP_ERR_MALFORMED: end the stream with
 * <undefined-condition/> and <handled-count-too-high/> (imp_sm_write_too_high()). An old `h` again is no error.
 */
IMP_EXTERN int imp_sm_acked(imp_sm *sm, uint32_t h);
/** Non-zero if an <r/> is outstanding. */
IMP_EXTERN int imp_sm_r_outstanding(const imp_sm *sm);
/** For a host that writes an <r/> of its own accord (before closing, when the client becomes active). */
IMP_EXTERN void imp_sm_requested(imp_sm *sm);

/**
 * CSI (XEP-0352): an inactive client is asked for acknowledgement only when the buffer is half full.
 */
IMP_EXTERN void imp_sm_set_inactive(imp_sm *sm, int inactive);

/**
 * The link is gone. A resumable session hibernates until imp_sm_get_deadline(); may end the user's oldest hibernating session (expired).
 * Returns IMP_ERR_STATE if it is not resumable: then imp_sm_del() it.
 */
IMP_EXTERN int imp_sm_disconnected(imp_sm *sm, imp_tstamp ts);

/** What came of a <resume/>. */
typedef enum imp_sm_resume_result {
  IMP_SM_RESUMED = 0,
  IMP_SM_UNKNOWN,     /**< no such session of this user: <item-not-found/>; *handled may be known */
  IMP_SM_NO_HISTORY,  /**< the client needs more than the buffer has kept: <item-not-found/>; *handled is known, *sm is set: its queue can be inherited */
  IMP_SM_H_TOO_HIGH   /**< h is above what was sent: stream error; *sm is set and goes on waiting */
} imp_sm_resume_result;

/**
 * <resume previd='' h=''/> by `user`. On IMP_SM_RESUMED what `h` covers has been settled, the session is connected again (if it looked
 * connected still, the host closes the old connection with <conflict/>), and the host writes <resumed/>, then sends again what
 * imp_sm_next_unacked() yields. A refusal leaves the session and its deadline as they were.
 * *handled is our count for <failed h=''/>, *known says whether there is one.
 */
IMP_EXTERN imp_sm_resume_result imp_sm_resume(imp_sm_manager *manager, const char *user, const char *previd,
                                              uint32_t h, imp_tstamp ts, imp_sm **sm, uint32_t *handled, int *known);

/** Walks the buffer, oldest first: start with *pos = 0; returns the packet (marked as sent again if `resend`), NULL at the end.
 *  Packets that were kept as NULL are skipped. */
IMP_EXTERN void *imp_sm_next_unacked(imp_sm *sm, size_t *pos, uint32_t *count, int resend);

/**
 * Takes over the queue of `old` (the client bound anew, or its resumption was refused) minus what `h` covers (`has_h`), in order,
 * behind what `sm` has sent; `old` ends without a fate for them, its `h` remembered. For each packet that is moved `sent(packet)` is called after it
 * was counted on `sm`, for the host to write it. On error nothing was moved.
 */
IMP_EXTERN int imp_sm_inherit(imp_sm *sm, imp_sm *old, int has_h, uint32_t h, imp_tstamp ts,
                              void (*sent)(imp_sm *sm, void *packet, uint32_t count, void *user_data), void *user_data);
/** The user's newest hibernating session; NULL if there is none. */
IMP_EXTERN imp_sm *imp_sm_find_hibernating(imp_sm_manager *manager, const char *user);

/* ---- durable sessions: what a host stores and gives back after a restart ---- */

/** A session as it is stored. Strings are valid while the session lives and does not change. */
typedef struct imp_sm_state {
  size_t size;
  const char *id;
  const char *user;
  uint32_t in, out, acked; /**< `acked` + 1 is the number of the first kept packet, if any evicted are not counted */
  uint32_t max;            /**< granted seconds */
  uint32_t evicted;        /**< packets above `acked` that are not in the buffer */
} imp_sm_state;
IMP_EXTERN void imp_sm_get_state(const imp_sm *sm, imp_sm_state *state, size_t size);
/** Makes a session from its state, hibernating from `ts` on with its full `max`. Then imp_sm_restore_packet() for each kept, in order. */
IMP_EXTERN int imp_sm_restore(imp_sm_manager *manager, imp_sm **sm, const imp_sm_state *state, imp_tstamp ts,
                              void *session_data);
IMP_EXTERN int imp_sm_restore_packet(imp_sm *sm, void *packet, size_t bytes, uint32_t count);
/** Remembers what a session that is gone had handled. */
IMP_EXTERN int imp_sm_restore_handled(imp_sm_manager *manager, const char *user, const char *id, uint32_t h,
                                      uint32_t seconds_left, imp_tstamp ts);

/* ---- the elements as text, for hosts that write strings ---- */

/** Room that is enough for any of these. */
#define IMP_SM_TEXT_MAX 512

/** Each writes a NUL-ended element into `dst` (at least IMP_SM_TEXT_MAX bytes) and returns its length. `location` may be NULL. */
IMP_EXTERN size_t imp_sm_write_enabled(const imp_sm *sm, const char *location, char *dst);
IMP_EXTERN size_t imp_sm_write_resumed(const imp_sm *sm, char *dst);
IMP_EXTERN size_t imp_sm_write_failed(const char *condition, int has_h, uint32_t h, char *dst);
IMP_EXTERN size_t imp_sm_write_r(char *dst);
IMP_EXTERN size_t imp_sm_write_a(const imp_sm *sm, char *dst);
/** The application-specific part of the stream error for an `h` that is too high (XEP-0198 §6). */
IMP_EXTERN size_t imp_sm_write_too_high(uint32_t h, uint32_t sent, char *dst);

#ifdef __cplusplus
}
#endif

#endif /* IMP_SM_H */
