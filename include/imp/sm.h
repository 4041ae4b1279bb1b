/*
 * imp/sm.h: stream management (XEP-0198), server side.
 *
 * Pure: no XML, no sockets, no clock, no storage.  A host that has an XMPP server of its own parses <enable/>,
 * <resume/>, <r/> and <a/> and calls the functions here; what is to be sent comes back as text or as packets.  Needs
 * nothing but the C library.  `examples/sm_only.c` shows a whole server side on it.
 *
 * Three objects:
 *   imp_sm_manager   settings, all resumable sessions by their id, what is hibernating and until when, what was handled
 *                    by sessions that are gone;
 *   imp_sm           one session: counters of both directions and the buffer of packets that the client has not
 *                    acknowledged.  An idle one costs about 150 bytes; the buffer exists while something is in it;
 *   imp_ledger       the account of every message: how many are in which state; they add up to what was accepted.
 *
 * A packet is the host's: an opaque pointer and a size in bytes.  The buffer holds it until its fate is known, and
 * hands it back with `settle`, exactly once.
 *
 * Counters wrap at 2^32 as XEP-0198 §4 asks; an `h` is judged modulo 2^32 against what is unacknowledged.
 *
 *
 * How to build it into a server
 * -----------------------------
 * Once:
 *   imp_sm_settings_default(), imp_sm_manager_new() with the callbacks `settle`, `expired` and `random`.
 *
 * In the loop:
 *   call imp_sm_manager_handle_expiry(manager, now) no later than imp_sm_manager_get_expiry(manager).
 *
 * What a client does, and what the host calls (after authentication; <enable/> after resource binding):
 *
 *   <enable resume='' max=''/>  imp_sm_new(), then write imp_sm_write_enabled().  Counting begins here: stanzas that the
 *                               client sends after its <enable/>, and those that the server writes after <enabled/>.
 *                               A second <enable/> on a stream is refused by the host with
 *                               imp_sm_write_failed("unexpected-request", …) and a stream error.
 *   a stanza                    imp_sm_received(): every one, the invalid too.
 *   <r/>                        write imp_sm_write_a() at once.  If effects of stanzas are stored (durable sessions),
 *                               after those of all counted stanzas are safe.
 *   <a h=''/>                   imp_sm_parse_h(), imp_sm_acked().  IMP_ERR_MALFORMED: end the stream with
 *                               <undefined-condition/> and imp_sm_write_too_high().
 *   </stream:stream>            the stream ends on purpose: imp_sm_del(sm, 0, now).
 *   link lost                   imp_sm_disconnected(); if that fails, imp_sm_del(sm, 0, now).
 *   <resume previd='' h=''/>    instead of binding: imp_sm_resume().
 *                                 IMP_SM_RESUMED     close the connection that the session had, if any, with <conflict/> and
 *                                                    make that connection forget the session *before* it reports
 *                                                    its loss; write imp_sm_write_resumed(), write again what
 *                                                    imp_sm_next_unacked() yields, then an <r/> if anything was (imp_sm_requested());
 *                                 IMP_SM_UNKNOWN     write imp_sm_write_failed("item-not-found", known, handled) and let the
 *                                                    client bind;
 *                                 IMP_SM_NO_HISTORY  the same, but first close the connection that the session had, if any, with
 *                                                    <conflict/>: a stanza that came by it after <failed h=''/> would be
 *                                                    sent and handled twice.  Then imp_sm_inherit() the old queue;
 *                                 IMP_SM_H_TOO_HIGH  the stream error, as for <a/>.
 *   binds a resource whose      imp_sm_find_hibernating(), then imp_sm_inherit() once the new session has enabled stream
 *   old session hibernates      management (or walk with imp_sm_next_unacked(), write, and imp_sm_del() if it has none).
 *
 * Every stanza that the server writes to the client, whatever part of the server it comes from:
 *   imp_sm_sent(), then the stanza, then an <r/> if IMP_SM_WANT_R was returned.  While the session hibernates:
 *   imp_sm_sent() alone.
 *
 * What `settle` means for a packet:
 *   IMP_SM_ACKED, IMP_SM_RESENT_ACKED   it has arrived: free it;
 *   IMP_SM_EVICTED                      the buffer has no room: put the message into offline storage with the session's id and
 *                                       the packet's number, and take it out again when `evicted_acked` covers the number;
 *   IMP_SM_ABANDONED                    the session is over: return the message, store it or give it to another resource,
 *                                       as the setting `policy` says.
 *
 * Threads: a manager and its sessions belong to one thread.  Nothing is shared between managers but the hash seed.
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
  IMP_FATE_IN_FLIGHT = 0, /**< accepted; not yet settled: queued, or sent and not acknowledged */
  IMP_FATE_ACKNOWLEDGED,  /**< the recipient's client acknowledged it (XEP-0198) */
  IMP_FATE_RESENT,        /**< sent again after a resumption, and then acknowledged */
  IMP_FATE_RETURNED,      /**< given back to its sender as an error */
  IMP_FATE_STORED,        /**< in offline storage now */
  IMP_FATE_FROM_OFFLINE,  /**< delivered from offline storage and acknowledged, or handed over where none exists */
  IMP_FATE_REDIRECTED,    /**< given to another resource */
  IMP_FATE_HANDED_OVER,   /**< sent where no acknowledgement exists: a stream without SM, a peer server */
  IMP_FATE_CONSUMED,      /**< for the node itself: handled by a handler here */
  IMP_FATE_REFUSED,       /**< refused at entry: the sender has an error for it */
  IMP_FATE_DROPPED,       /**< dropped by a named rule; see imp_drop_rule */
  IMP_FATES               /**< how many there are */
} imp_fate;

/** Rules that drop a copy of a message without an error to anybody. */
typedef enum imp_drop_rule {
  IMP_DROP_CARBON = 0,     /**< a carbon copy whose session ended (XEP-0280) */
  IMP_DROP_ERROR,          /**< type='error' that could not be delivered (RFC 6120 §8.3.1) */
  IMP_DROP_GROUPCHAT,      /**< a group chat message to a session that ended */
  IMP_DROP_HEADLINE,       /**< a headline without a recipient (RFC 6121 §8.5.2.1.1) */
  IMP_DROP_NO_STORE,       /**< the sender's hint forbids storing and nobody was there (XEP-0334) */
  IMP_DROP_CHAT_STATE,     /**< nothing but a chat state or marker, worth nothing later (XEP-0085, XEP-0160) */
  IMP_DROP_ARCHIVE_RESULT, /**< an archive query's result (XEP-0313): the client asks again */
  IMP_DROP_DUPLICATE,      /**< another resource has acknowledged the same message */
  IMP_DROP_BLOCKED,        /**< the recipient blocks the sender (XEP-0191) */
  IMP_DROP_USER_DELETED,   /**< the account was deleted with all that is its */
  IMP_DROP_RULES           /**< how many there are */
} imp_drop_rule;

/** Counters. All are totals since the start but `now[IMP_FATE_IN_FLIGHT]` and `now[IMP_FATE_STORED]`, which are stocks. */
typedef struct imp_ledger {
  size_t size;
  uint64_t accepted;                /**< copies that were ever accepted (found in the store at the start included) */
  uint64_t now[IMP_FATES];          /**< copies in each state; the sum is `accepted` */
  uint64_t dropped[IMP_DROP_RULES]; /**< parts of now[IMP_FATE_DROPPED] */
} imp_ledger;

/** All zero. */
IMP_EXTERN void imp_ledger_init(imp_ledger *ledger);
/** A new copy enters in flight. */
IMP_EXTERN void imp_ledger_accept(imp_ledger *ledger);
/**
 * A copy moves from one state to another. For IMP_FATE_DROPPED use imp_ledger_drop(): a move there leaves the ledger
 * out of balance, and so does a move out of a state that holds none.
 */
IMP_EXTERN void imp_ledger_move(imp_ledger *ledger, imp_fate from, imp_fate to);
/** A copy is dropped by a rule. */
IMP_EXTERN void imp_ledger_drop(imp_ledger *ledger, imp_fate from, imp_drop_rule rule);
/** Non-zero if the states add up to what was accepted and the rules to what was dropped. */
IMP_EXTERN int imp_ledger_balances(const imp_ledger *ledger);
/** "in flight", "acknowledged", …; "carbon", … Static, never NULL. */
IMP_EXTERN const char *imp_fate_name(imp_fate fate);
IMP_EXTERN const char *imp_drop_rule_name(imp_drop_rule rule);

/* ---- settings ---- */

/** What happens to messages of a session that did not come back in time. The host acts on it, see imp_sm_get_settings(). */
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
  uint32_t max_hibernated; /**< sessions of one user that may wait at a time, the oldest goes; default 10; 1–100
                                (lifted: 1–10,000) */
  uint32_t handled_time;   /**< seconds that `h` of a session that is gone is known; default 172,800 (48 h); 0–2,592,000 */
  uint32_t handled_max;    /**< how many such at a time, the oldest goes; default 100,000; 0–10,000,000 */
} imp_sm_settings;

/** The defaults. `size` is the host's sizeof: an older host keeps its shorter struct. */
IMP_EXTERN void imp_sm_settings_default(imp_sm_settings *settings, size_t size);
/**
 * Checks every value against its range. On IMP_ERR_RANGE `text` (NULL is allowed) names the setting, the value, the range and the
 * profile, for example "sm timeout 15: must be 30 to 90 (strict profile)". A host may call it before it stores
 * a change; imp_sm_manager_new() and imp_sm_manager_set() do so themselves.
 */
IMP_EXTERN int imp_sm_settings_check(const imp_sm_settings *settings, char *text, size_t textlen);

/* ---- manager ---- */

typedef struct imp_sm_manager imp_sm_manager;
typedef struct imp_sm imp_sm;

/** Why a packet leaves the buffer. */
typedef enum imp_sm_settled {
  IMP_SM_ACKED = 0,    /**< the client has acknowledged it */
  IMP_SM_RESENT_ACKED, /**< it had been sent again (resumption or imp_sm_inherit()), and is acknowledged now */
  IMP_SM_EVICTED,      /**< the buffer is full: the oldest goes, unacknowledged; its number is still tracked, see evicted_acked */
  IMP_SM_ABANDONED     /**< the session ended without an acknowledgement: the host gives it its fate */
} imp_sm_settled;

/**
 * Callbacks. Those marked optional may be NULL. A callback may call anything on other sessions (an error that is returned may have to
 * be queued there). On the session that it is about it may call imp_sm_get_…() and imp_sm_sent(): to hand out the
 * next stored message when one was acknowledged, or an error to a client that wrote to itself. Nothing else.
 */
typedef struct imp_sm_callbacks {
  size_t size;
  /**
   * The buffer lets go of a packet; ownership returns to the host. `count` is its number on the stream (the first
   * stanza sent has 1; what `h` covers). Always oldest first.
   */
  void (*settle)(imp_sm *sm, void *packet, uint32_t count, imp_sm_settled how, void *user_data);
  /** Optional. An `h` covers packets evicted before, those with numbers up to `count`: what was stored for them can go. */
  void (*evicted_acked)(imp_sm *sm, uint32_t count, void *user_data);
  /**
   * A hibernating session was not resumed in time, or had to go for a newer one (max_hibernated). Called once, before
   * the buffer is abandoned; the host ends what it has for the session (contacts see it unavailable now). The id is
   * unknown already. `sm` lives until every packet has been settled as abandoned, which happens right after this call;
   * the host does not delete it.
   */
  void (*expired)(imp_sm *sm, void *user_data);
  /** Fills `len` unguessable bytes. Returns 0, or an error, which fails imp_sm_manager_new() or imp_sm_new(). */
  int (*random)(void *bytes, size_t len, void *user_data);
  /**
   * Optional. A <resume/> of a session that is gone was refused, but its `h` is a valid acknowledgement: packets of the session `id`
   * with numbers up to `count` had arrived. What was put into storage for them, when they were evicted or
   * abandoned, can be taken out: the client has it. Known as long as the session's handled count is.
   */
  void (*late_acked)(const char *user, const char *id, uint32_t count, void *user_data);
} imp_sm_callbacks;

/**
 * A new manager. `prefix` begins every session id (the node's name in a cluster; NULL or "": none; at most 32 characters
 * out of A–Z a–z 0–9 . _ -). Settings are checked; NULL: defaults. `text` receives what is wrong, as in
 * imp_sm_settings_check(); NULL is allowed. `user_data` is passed to every callback.
 * IMP_ERR_RANGE, IMP_ERR_INVALID_ARGUMENT (a callback that is missing, a prefix), IMP_ERR_NOMEM, or what `random` returned.
 */
IMP_EXTERN int imp_sm_manager_new(imp_sm_manager **manager, const imp_sm_settings *settings,
                                  const imp_sm_callbacks *callbacks, const char *prefix, char *text, size_t textlen,
                                  void *user_data);
/**
 * Every connected session must be gone (imp_sm_del()). Hibernating ones are abandoned: settle is called for their packets,
 * expired is not. NULL is allowed.
 */
IMP_EXTERN void imp_sm_manager_del(imp_sm_manager *manager);
/** Changes the settings for sessions that are enabled from now on. On an error nothing changes. */
IMP_EXTERN int imp_sm_manager_set(imp_sm_manager *manager, const imp_sm_settings *settings, char *text, size_t textlen);
/** Valid until imp_sm_manager_set(). */
IMP_EXTERN const imp_sm_settings *imp_sm_manager_get(const imp_sm_manager *manager);
/** The next moment at which imp_sm_manager_handle_expiry() has something to do, or IMP_TSTAMP_NEVER. */
IMP_EXTERN imp_tstamp imp_sm_manager_get_expiry(const imp_sm_manager *manager);
/** Ends hibernating sessions whose time is over, forgets old `h` values. */
IMP_EXTERN void imp_sm_manager_handle_expiry(imp_sm_manager *manager, imp_tstamp ts);
/** Ends every hibernating session now, as if its time were over: before a host stops for good. */
IMP_EXTERN void imp_sm_manager_expire_all(imp_sm_manager *manager, imp_tstamp ts);

/** Statistics. `packets` = `queued` + `acked` + `evicted` + `abandoned`, at any moment. */
typedef struct imp_sm_stats {
  size_t size;
  uint64_t sessions;     /**< enabled now, hibernating ones included */
  uint64_t hibernating;  /**< now */
  uint64_t queued;       /**< packets in all buffers now */
  uint64_t queued_bytes; /**< and their bytes */
  uint64_t enabled;      /**< totals since the start from here on: sessions enabled (restored ones are not) */
  uint64_t resumed;      /**< resumptions */
  uint64_t refused;      /**< resumptions refused */
  uint64_t expired;      /**< sessions that were not resumed in time, or had to go for newer ones */
  uint64_t acked;        /**< packets acknowledged while in a buffer */
  uint64_t resent;       /**< packets sent again, each time it happens */
  uint64_t evicted;      /**< packets that a full buffer let go of */
  uint64_t abandoned;    /**< packets left when their session ended */
  uint64_t packets;      /**< packets ever taken into a buffer (moved ones once) */
  uint64_t inherited;    /**< packets moved by imp_sm_inherit() */
  uint64_t handled;      /**< now: sessions that are gone and whose handled count is known */
} imp_sm_stats;
IMP_EXTERN void imp_sm_manager_stats(const imp_sm_manager *manager, imp_sm_stats *stats, size_t size);

/* ---- a session ---- */

/** Longest id, NUL not counted: prefix and 144 random bits in base64url. */
#define IMP_SM_ID_MAX 64

/**
 * <enable/>: a new session for `user` (a bare JID, prepared; copied; at most 2,047 bytes). `resume` is the client's wish; `max` the
 * seconds that it asked for, 0 if none: it gets the setting, or less if it asked for less. Without `resume` there is no
 * id and imp_sm_disconnected() refuses it.
 * Returns IMP_ERR_DENIED when stream management is off, IMP_ERR_NOMEM, or what `random` returned.
 */
IMP_EXTERN int imp_sm_new(imp_sm_manager *manager, imp_sm **sm, const char *user, int resume, uint32_t max, imp_tstamp ts,
                          void *session_data);
/**
 * Abandons what is in the buffer (settle is called for each) and frees. The id can never be resumed. Our `h` is remembered if
 * the session was resumable and `remember` is non-zero (not after a clean close, where nobody will ask). NULL is
 * allowed.
 */
IMP_EXTERN void imp_sm_del(imp_sm *sm, int remember, imp_tstamp ts);

IMP_EXTERN void *imp_sm_get_session_data(const imp_sm *sm);
IMP_EXTERN void imp_sm_set_session_data(imp_sm *sm, void *session_data);
IMP_EXTERN imp_sm_manager *imp_sm_get_manager(const imp_sm *sm);
/** The id for <enabled/>, "" if not resumable. */
IMP_EXTERN const char *imp_sm_get_id(const imp_sm *sm);
IMP_EXTERN const char *imp_sm_get_user(const imp_sm *sm);
/** The settings under which the session was enabled (restored: those at that time). */
IMP_EXTERN const imp_sm_settings *imp_sm_get_settings(const imp_sm *sm);
/** The granted seconds for <enabled max=''/>; 0 if not resumable. */
IMP_EXTERN uint32_t imp_sm_get_max(const imp_sm *sm);
/** Stanzas received and handled (our `h`), sent, and acknowledged by the client, modulo 2^32. */
IMP_EXTERN uint32_t imp_sm_get_in(const imp_sm *sm);
IMP_EXTERN uint32_t imp_sm_get_out(const imp_sm *sm);
IMP_EXTERN uint32_t imp_sm_get_acked(const imp_sm *sm);
/** Packets in the buffer, and their bytes. */
IMP_EXTERN size_t imp_sm_get_queued(const imp_sm *sm);
IMP_EXTERN uint64_t imp_sm_get_queued_bytes(const imp_sm *sm);
/** How many more packets fit before the oldest is evicted: hand out an offline flood no faster than this. */
IMP_EXTERN size_t imp_sm_get_room(const imp_sm *sm);
IMP_EXTERN int imp_sm_is_hibernating(const imp_sm *sm);
/** When a hibernating session ends; IMP_TSTAMP_NEVER while connected. */
IMP_EXTERN imp_tstamp imp_sm_get_deadline(const imp_sm *sm);

/** A stanza came in (valid or not: every one counts). */
IMP_EXTERN void imp_sm_received(imp_sm *sm);

/** What imp_sm_sent(), imp_sm_acked() and imp_sm_inherit() ask for. */
#define IMP_SM_WANT_R 1

/**
 * A stanza goes out (or would, if the session hibernates): the buffer keeps `packet`. Every stanza on the stream must
 * pass here in the order in which it is written, `packet` NULL for one that is counted but not worth keeping: it is not
 * sent again, and at a resumption the numbers of those behind it move up.
 *
 * Returns IMP_SM_WANT_R if an <r/> is to follow; it counts as written then. Never while one is outstanding; after `ack_rate`
 * stanzas since the last; and once when the buffer becomes half full. Else IMP_OK, or IMP_ERR_NOMEM, or IMP_ERR_STATE (in a callback
 * of a session that is ending): then the packet was not taken, nothing was counted and the stanza must not be written.
 *
 * A full buffer evicts its oldest packets (settle with IMP_SM_EVICTED) before the new one is taken. The newest is always kept, even
 * if it alone is above `buffer_bytes`. `bytes` counts up to 2^31 - 1.
 */
IMP_EXTERN int imp_sm_sent(imp_sm *sm, void *packet, size_t bytes);

/**
 * <a h=''/>. Settles what it covers. An `h` above what was sent is IMP_ERR_MALFORMED and changes nothing: end the stream with
 * <undefined-condition/> and <handled-count-too-high/> (imp_sm_write_too_high()). An old `h` again is no error.
 * Returns IMP_SM_WANT_R if so much was sent since the last <r/> that another is due (only after `ack_rate` new stanzas,
 * so a client that counts wrongly makes no loop); it counts as written then. Else IMP_OK.
 */
IMP_EXTERN int imp_sm_acked(imp_sm *sm, uint32_t h);
/** Non-zero if an <r/> is outstanding: written, and no <a/> has come since that could be its answer. */
IMP_EXTERN int imp_sm_r_outstanding(const imp_sm *sm);
/** For a host that writes an <r/> of its own accord (after a replay, before closing, when the client becomes active). */
IMP_EXTERN void imp_sm_requested(imp_sm *sm);

/**
 * CSI (XEP-0352): an inactive client is asked for acknowledgement only when the buffer becomes half full, and then again only
 * after another half. Survives resumption.
 */
IMP_EXTERN void imp_sm_set_inactive(imp_sm *sm, int inactive);

/**
 * The link is gone. A resumable session hibernates until imp_sm_get_deadline(); may end the user's oldest hibernating
 * sessions (expired). One that hibernates already stays as it is.
 * Returns IMP_ERR_STATE if it is not resumable, or IMP_ERR_NOMEM: then imp_sm_del() it.
 */
IMP_EXTERN int imp_sm_disconnected(imp_sm *sm, imp_tstamp ts);

/** What came of a <resume/>. */
typedef enum imp_sm_resume_result {
  IMP_SM_RESUMED = 0,
  IMP_SM_UNKNOWN,    /**< no such session of this user: <item-not-found/>; *handled may be known */
  IMP_SM_NO_HISTORY, /**< the client needs more than the buffer has kept: <item-not-found/>; *handled is known, *sm is
                          set: its queue can be inherited */
  IMP_SM_H_TOO_HIGH  /**< h is above what was sent: stream error; *sm is set and goes on waiting */
} imp_sm_resume_result;

/**
 * <resume previd='' h=''/> by `user`. On IMP_SM_RESUMED what `h` covers has been settled, the session is connected again (if
 * it looked connected still, the host closes the old connection with <conflict/>), and the host writes <resumed/>,
 * then sends again what imp_sm_next_unacked() yields. Its id stays: it can be resumed again.
 *
 * A refusal leaves the session and its deadline as they were, but for one thing: what `h` acknowledges counts as
 * acknowledged (evicted_acked, late_acked). Another user's id is unknown in every respect. A session whose time is
 * over can be resumed until imp_sm_manager_handle_expiry() has ended it.
 *
 * *sm is set, or NULL. *handled is our count for <failed h=''/>, *known says whether there is one.
 */
IMP_EXTERN imp_sm_resume_result imp_sm_resume(imp_sm_manager *manager, const char *user, const char *previd, uint32_t h,
                                              imp_tstamp ts, imp_sm **sm, uint32_t *handled, int *known);

/**
 * Walks the buffer, oldest first: start with *pos = 0; returns the packet, which the buffer still owns, and NULL at the
 * end. `count` (may be NULL) is its number. With `resend` it is being written to the client: one that had been
 * written before the link was lost is marked as sent again; one that came while the session hibernated is
 * written for the first time. Nothing may be sent, acknowledged or ended on the session during the walk.
 */
IMP_EXTERN void *imp_sm_next_unacked(imp_sm *sm, size_t *pos, uint32_t *count, int resend);

/**
 * Takes over the queue of `old`, a session of the same user (the client bound anew, or its resumption was refused), minus what `h`
 * covers (`has_h`), in order, behind what `sm` has sent; `old` ends without a fate for them, its handled count
 * remembered, and is gone. For each packet that is moved `sent` (may be NULL) is called after it was counted on `sm`, for the host to write it.
 * As in imp_sm_sent(), a full buffer evicts. Packets that `old` evicted are where the host put them.
 *
 * Returns IMP_SM_WANT_R if an <r/> is to follow, IMP_OK, or an error, on which nothing was moved and `old` is as it was:
 * IMP_ERR_INVALID_ARGUMENT (another user's, or the same session), IMP_ERR_MALFORMED (`h` above what was sent), IMP_ERR_NOMEM.
 */
IMP_EXTERN int imp_sm_inherit(imp_sm *sm, imp_sm *old, int has_h, uint32_t h, imp_tstamp ts,
                              void (*sent)(imp_sm *sm, void *packet, uint32_t count, void *user_data), void *user_data);
/** The user's newest hibernating session; NULL if there is none. */
IMP_EXTERN imp_sm *imp_sm_find_hibernating(imp_sm_manager *manager, const char *user);
/** The next older hibernating session of the same user; NULL if there is none, or if `sm` does not hibernate. */
IMP_EXTERN imp_sm *imp_sm_next_hibernating(const imp_sm *sm);
/** The resumable session with this id, if it is `user`'s, connected or hibernating; NULL if there is none. */
IMP_EXTERN imp_sm *imp_sm_find(imp_sm_manager *manager, const char *user, const char *id);

/* ---- durable sessions: what a host stores and gives back after a restart ---- */

/** A session as it is stored. Strings are valid while the session lives and does not change. */
typedef struct imp_sm_state {
  size_t size;
  const char *id;
  const char *user;
  uint32_t in, out, acked; /**< the counters, as from imp_sm_get_in() and its kin */
  uint32_t max;            /**< granted seconds */
  uint32_t evicted;        /**< `acked` + this is the number of the newest evicted packet; 0: none is tracked */
  uint32_t past;           /**< how many stanzas were ever acknowledged, at most 2^31: tells an old `h` from one too high
                                after a wrap. A host that does not store it leaves it out of `size` or sets it to `acked` */
} imp_sm_state;
IMP_EXTERN void imp_sm_get_state(const imp_sm *sm, imp_sm_state *state, size_t size);
/**
 * Makes a session from its state, hibernating from `ts` on with its full `max`. Then imp_sm_restore_packet() for each kept,
 * in order. Works also while stream management is off, and above max_hibernated (the next to hibernate makes room).
 * IMP_ERR_EXISTS (the id), IMP_ERR_MALFORMED (a state that cannot be), IMP_ERR_NOMEM.
 */
IMP_EXTERN int imp_sm_restore(imp_sm_manager *manager, imp_sm **sm, const imp_sm_state *state, imp_tstamp ts,
                              void *session_data);
/**
 * A kept packet with its number. A smaller buffer than before evicts as in imp_sm_sent().
 * IMP_ERR_MALFORMED (not above the one before it, or not between what was evicted and what was sent), IMP_ERR_STATE
 * (the session does not hibernate), IMP_ERR_NOMEM: the packet was not taken.
 */
IMP_EXTERN int imp_sm_restore_packet(imp_sm *sm, void *packet, size_t bytes, uint32_t count);
/**
 * Remembers what a session that is gone had handled (`in`), for `seconds_left`. An `h` between `acked` and `out` of its
 * client is told to late_acked; where they are equal it is told nothing. Of the state `id`, `user` and these three count.
 * IMP_ERR_EXISTS, IMP_ERR_MALFORMED, IMP_ERR_NOMEM.
 */
IMP_EXTERN int imp_sm_restore_handled(imp_sm_manager *manager, const imp_sm_state *state, uint32_t seconds_left,
                                      imp_tstamp ts);

/* ---- the elements as text, for hosts that write strings ---- */

/** Room that is enough for any of these. */
#define IMP_SM_TEXT_MAX 512

/**
 * Each writes a NUL-ended element into `dst` (at least IMP_SM_TEXT_MAX bytes) and returns its length. `location` (host and
 * port where the client had best resume, XEP-0198 §3) may be NULL; it is escaped, and left out if it does not fit or the session is
 * not resumable. `condition` is the name of a stanza error (RFC 6120 §8.3.3), "unexpected-request" and so on.
 */
IMP_EXTERN size_t imp_sm_write_enabled(const imp_sm *sm, const char *location, char *dst);
IMP_EXTERN size_t imp_sm_write_resumed(const imp_sm *sm, char *dst);
IMP_EXTERN size_t imp_sm_write_failed(const char *condition, int has_h, uint32_t h, char *dst);
IMP_EXTERN size_t imp_sm_write_r(char *dst);
IMP_EXTERN size_t imp_sm_write_a(const imp_sm *sm, char *dst);
/** The application-specific part of the stream error for an `h` that is too high (XEP-0198 §6). */
IMP_EXTERN size_t imp_sm_write_too_high(uint32_t h, uint32_t sent, char *dst);

/**
 * Attributes as they come from a client.  `h`: an unsignedInt (XML Schema: surrounding white space and leading zeros are
 * allowed); IMP_ERR_MALFORMED for anything else, NULL (missing) included: then <bad-request/> for <resume/>, and for <a/> a stream error.
 */
IMP_EXTERN int imp_sm_parse_h(const char *text, uint32_t *h);
/** `resume` in <enable/>: 1 for "true" and "1", 0 for anything else and NULL. "false" means false. */
IMP_EXTERN int imp_sm_parse_resume(const char *text);
/** `max` in <enable/>: seconds; 0 (no wish) for NULL and for what is no number; UINT32_MAX for more than that. */
IMP_EXTERN uint32_t imp_sm_parse_max(const char *text);

#ifdef __cplusplus
}
#endif

#endif /* IMP_SM_H */
