/*
 * imp/status.h: what contacts see of a node's users: "In a meeting until 15:00, from calendar".
 *
 * A node that was built with the room `status` composes each user's presence (imp/presence.h) out of
 *   - the presence of each client session: <show/>, priority, idle (XEP-0319),
 *   - calendars, of gateways or of the host's own (imp/calendar.h; imp_status_get_calendar()),
 *   - what the host says of them: imp_status_put(), for overrides by hand, phone lines, out-of-office notes, doors.
 * and shows it to the contacts.  Nothing needs to be set up for what clients say alone: presence passes as it is, and
 * costs nothing here.
 *
 *   imp_status_put(node, "juliet", &(imp_source){.size = sizeof(imp_source), .kind = IMP_SOURCE_PHONE,
 *                                                .state = IMP_PRESENCE_CALL, .id = "line 1"});
 *   imp_status_get_calendar(node, &calendar);                   // then imp_calendar_set_http(), _set_gateway(), _map()
 *
 * How it shows
 * ------------
 * XMPP has a presence for each resource; what is composed of all is written into each as its contacts get it:
 *   - When a client's own presence wins, the client's words and <show/> stay as they are.
 *   - <status/> of a client that has none says what wins, and why; settings.text can do more or less.  Words that
 *     go with an override set by hand take the place of the client's; an out-of-office note stands behind either.
 *   - <show/> becomes the composed one (imp_presence_get_show()) when that is further away than the client's own: chat,
 *     none, away, xa, dnd.  An override set by hand counts whatever the client says.
 *   - Offline, set by hand: contacts see nobody.  Messages and the user's own clients are not concerned.
 *   - Without any client, and if settings.presence->without_client says so, contacts see a resource of the node's own.
 *   - The activity (XEP-0108) of meetings, calls and absence is published for the user, if the node has PEP.
 * The user's own resources see each other, and those to whom presence is directed see it, as the client sent it.
 *
 * Cost: a user who has clients only is not looked at.  Meetings begin and end by one deadline of the node's
 * (imp_node_get_expiry()); users whose presence became another stand in a line, and each turn shows no more of them
 * than settings allow.
 *
 * `username` is a local part ("juliet"), prepared as in JIDs; the users of the node's calendar are called the same.  Nobody
 * checks that there is such an account.  Time of day is that of the node (imp_callbacks.wallclock).  After a start the
 * host says again what holds: the store knows only what is to be taken back, activities and presence without a client.
 */
#ifndef IMP_STATUS_H
#define IMP_STATUS_H

#include <imp/calendar.h>
#include <imp/node.h>
#include <imp/presence.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The node's own sources, of kinds calendar and out-of-office, have this id: hosts use others. */
#define IMP_STATUS_GATEWAYS "gateways"

/** When <status/> is written. */
typedef enum imp_status_text {
  IMP_STATUS_TEXT_NEVER = 0, /**< the client's alone is seen */
  IMP_STATUS_TEXT_IF_NONE,   /**< if the client has none (default) */
  IMP_STATUS_TEXT_ALWAYS     /**< always; the client's own words stand behind */
} imp_status_text;

/** Settings. imp_status_settings_default() fills them in; imp_status_set_settings() checks every one and copies all. */
typedef struct imp_status_settings {
  size_t size;
  uint32_t text;             /**< an imp_status_text, 0–2; default IMP_STATUS_TEXT_IF_NONE */
  uint32_t activity;         /**< 0–1; 1: activities (XEP-0108) are published; default 1 */
  uint32_t everybody;        /**< 0–1; 1: users who have clients only are composed, and told to `changed`, too; default 0 */
  /*
   * The work of one turn. What one recipient gets in it leaves in one write: more users in a turn cost less, and others wait
   * longer.
   */
  uint32_t users_per_turn;   /**< that are shown to contacts; default 4,000; 1–100,000 */
  uint32_t stanzas_per_turn; /**< after which no further user is taken; default 30,000; 1–1,000,000 */
  const char *zone;          /**< whose clock words show: an IANA or Windows name; default "UTC" */
  const char *resource;      /**< that contacts see of users without a client; default "status" */
  const imp_presence_settings *presence; /**< how presence is composed, and said; NULL: the defaults */
  const imp_calendar_settings *calendar; /**< NULL: the defaults. Not changed any more once the calendar is there */
} imp_status_settings;

/** The defaults, as far as `size`, the host's sizeof(imp_status_settings), goes. */
IMP_EXTERN void imp_status_settings_default(imp_status_settings *settings, size_t size);
/**
 * IMP_ERR_RANGE, or IMP_ERR_INVALID_ARGUMENT; `text` (NULL is allowed) names what is wrong: "status text 7: must be 0 to 2".
 * Whether there is such a zone is found out by imp_status_set_settings().
 */
IMP_EXTERN int imp_status_settings_check(const imp_status_settings *settings, char *text, size_t textlen);

/** All are optional. They may call any function here but imp_status_set_settings(); not imp_node_turn() and its like. */
typedef struct imp_status_callbacks {
  size_t size;
  /** A user's presence became another. At the end of a turn; only of users that are composed. Strings are valid during the call. */
  void (*changed)(imp_node *node, const char *username, const imp_presence *presence, void *user_data);
  /** A gateway's health changed. */
  void (*gateway)(imp_node *node, const imp_gateway_status *status, void *user_data);
  /** Rules of a zone are needed: as imp_calendar_callbacks.get_zone, which see. */
  int (*get_zone)(imp_calendar *calendar, const char *name, void *user_data);
} imp_status_callbacks;

/**
 * Sets them, at any time; what is shown already follows.  `settings` and `callbacks` may be NULL: defaults, none.
 * IMP_ERR_RANGE, IMP_ERR_INVALID_ARGUMENT; IMP_ERR_NOT_FOUND: no such zone; IMP_ERR_STATE: the calendar's settings, while
 * there is a calendar; the last error says which. Then nothing has changed.
 */
IMP_EXTERN int imp_status_set_settings(imp_node *node, const imp_status_settings *settings,
                                       const imp_status_callbacks *callbacks, void *user_data);

/**
 * The node's calendar, made when it is first asked for; the node runs it and deletes it.  Everything of imp/calendar.h may be
 * done with it but imp_calendar_turn(), _handle_expiry() and _del(). HTTP (imp_calendar_set_http()) must outlive the node.
 * IMP_ERR_NOMEM.
 */
IMP_EXTERN int imp_status_get_calendar(imp_node *node, imp_calendar **calendar);

/**
 * Says something of a user: new, or in place of what has the same kind and id; see imp_composer_set(). With `until` or
 * `expires` it ends by itself. Everything is copied. A client is one that is not the node's (SIP): its id is no resource of a
 * session. IMP_ERR_INVALID_ARGUMENT, IMP_ERR_MALFORMED (no user name), IMP_ERR_CONFLICT (IMP_STATUS_GATEWAYS), IMP_ERR_LIMIT
 * (settings.presence->max_sources), IMP_ERR_NOMEM.
 */
IMP_EXTERN int imp_status_put(imp_node *node, const char *username, const imp_source *source);
/** Takes it back; `id` NULL is "". IMP_ERR_NOT_FOUND, IMP_ERR_MALFORMED. */
IMP_EXTERN int imp_status_remove(imp_node *node, const char *username, imp_source_kind kind, const char *id);
/**
 * A user's presence now, composed of all sources, whether contacts have been told yet or not. Strings are valid until the
 * next call of a function here or the end of the next turn. `size` is the host's sizeof(imp_presence).
 */
IMP_EXTERN int imp_status_get(imp_node *node, const char *username, imp_presence *presence, size_t size);
/** Calls `fn` for each of a user's sources, clients included; non-zero from it stops. `fn` changes nothing. */
IMP_EXTERN int imp_status_each_source(imp_node *node, const char *username,
                                      int (*fn)(const imp_source *source, void *user_data), void *user_data);
/** Minutes east of Greenwich of settings.zone at a moment: for imp_presence_write_reason() and its like. */
IMP_EXTERN int32_t imp_status_utc_offset(imp_node *node, imp_wallclock moment);

typedef struct imp_status_stats {
  size_t size;
  uint64_t users;      /**< composed now */
  uint64_t waiting;    /**< whose change contacts do not see yet */
  uint64_t changes;    /**< of composed presence, since the start */
  uint64_t shown;      /**< presences of sessions that were shown anew because of them */
  uint64_t activities; /**< published or taken back */
  uint64_t full_turns; /**< turns that left users waiting */
} imp_status_stats;
/** Figures of now; as far as `size`, the host's sizeof(imp_status_stats), goes. */
IMP_EXTERN void imp_status_get_stats(const imp_node *node, imp_status_stats *stats, size_t size);

#ifdef __cplusplus
}
#endif

#endif /* IMP_STATUS_H */
