/*
 * Gateways inside: what is read, when, and by which requests.
 *
 *   gateway ── boxes     mailboxes, each with a deadline for its next reading, and one for its automatic replies
 *     │  └──── due       those whose deadline has come, in order
 *     └── calls          requests under way, each about some boxes
 *
 * A kind (EWS, Graph, CalDAV) makes requests out of boxes that are due, and reads what comes back; when, how many at once,
 * waiting, tokens and redirects are the same for all.  A box that is unmapped meanwhile leaves a hole in its calls.
 */
#ifndef IMP_CALENDAR_GATEWAY_H
#define IMP_CALENDAR_GATEWAY_H

#include "calendar/calendar.h"
#include "calendar/zone.h"

#define IMP_CAL_ERROR_MAX 192
#define IMP_CAL_REDIRECTS_MAX 5

typedef struct imp_cal_gateway imp_cal_gateway;
typedef struct imp_cal_call imp_cal_call;

typedef struct imp_cal_box {
  imp_list link;              /* in gateway->boxes */
  imp_list due, oof_due;      /* in gateway->due, ->oof_due */
  imp_list sub_link;          /* EWS: in a stream's boxes; Graph: in gateway->unsubscribed */
  imp_timer timer, oof_timer; /* next readings */
  imp_timer sub_timer;        /* Graph: next renewal */
  struct imp_cal_box *next;   /* of the same user */
  imp_cal_gateway *gateway;
  imp_cal_user *user;
  const imp_zone *zone; /* NULL: UTC */
  char *mailbox, *group, *url;
  imp_cal_call *call, *oof_call, *sub_call; /* under way */
  imp_wallclock last_success;
  imp_map_node sub_node; /* in gateway->subscriptions, by id */
  char *subscription;
  struct imp_ews_stream *stream;
  char *sync;       /* Graph: where the next delta begins */
  struct imp_graph_events *events; /* Graph: as deltas have told so far */
  uint8_t discovered; /* EWS: Autodiscover was asked about it */
  uint8_t fresh;    /* EWS: its subscription is not listened to yet */
  uint8_t again;    /* it changed while it was being read */
  char *error; /* NULL: the last reading succeeded */
} imp_cal_box;

/* What a request is about; freed when it is over. */
struct imp_cal_call {
  imp_list link; /* in gateway->calls; or nowhere */
  imp_cal_gateway *gateway;
  imp_op *op;
  /* Reads the response. Called once, with status IMP_OK and any code, and only while gateway and interest last. */
  void (*done)(imp_cal_call *call, uint32_t code, const char *body, size_t len);
  /* The transfer failed before a response was whole; NULL: what is usual. */
  void (*failed)(imp_cal_call *call, int status);
  imp_cal_box **boxes;
  size_t nboxes;
  imp_wallclock from, to; /* the window that is read */
  void *ctx;
  /* the request, kept for redirects and new tokens */
  const char *method;
  char *url;
  imp_http_field fields[12];
  size_t nfields;
  imp_arena arena; /* values of fields */
  imp_buf body;
  const char *affinity;
  imp_http_body_fn on_body; /* a stream */
  uint8_t redirects, token, confidential, about_box /* what went wrong is about its mailbox alone */, light /* does not count among `concurrency` */;
};

typedef struct imp_cal_kind {
  /* Starts a request for these boxes; on an error the boxes are due later. */
  int (*read)(imp_cal_gateway *gateway, imp_cal_box **boxes, size_t count);
  int (*read_oof)(imp_cal_gateway *gateway, imp_cal_box *box); /* NULL: the kind has none */
  void (*run)(imp_cal_gateway *gateway);                       /* subscriptions; NULL: none */
  void (*forget)(imp_cal_box *box);                            /* it goes; NULL: nothing to do */
  void (*reset)(imp_cal_gateway *gateway);                     /* settings changed, or the end; NULL: nothing to do */
} imp_cal_kind;

/* Non-zero while the server tells changes by this stream. */
int imp_cal_ews_is_open(const struct imp_ews_stream *stream);

extern const imp_cal_kind imp_cal_ews, imp_cal_graph, imp_cal_caldav;

struct imp_cal_gateway {
  imp_list link;
  imp_calendar *cal;
  const imp_cal_kind *kind;
  imp_gateway conf; /* copies */
  imp_list boxes, due, oof_due, calls;
  imp_timer timer; /* when it may ask again */
  imp_tstamp not_before;
  size_t nboxes, nfailing, in_flight, nsubscribed, nstreams;
  uint32_t failures_in_row;
  uint8_t health, told;
  uint8_t token_renewed; /* the server refused a token, and has accepted none since */
  imp_wallclock last_success, last_failure;
  uint64_t requests, failures, notifications;
  char error[IMP_CAL_ERROR_MAX];
  char *token;
  imp_tstamp token_until;
  imp_cal_call *token_call;
  imp_map subscriptions; /* boxes, by the server's id */
  imp_list streams;      /* EWS */
  imp_list unsubscribed; /* boxes that want a subscription, or (Graph) a longer one */
  uint8_t placed;        /* EWS: all of these were looked at, and there is no room for them */
  uint64_t stream_number;
};

const char *imp_cal_gateway_name(const imp_cal_gateway *gateway);
imp_cal_gateway *imp_cal_gateway_find(imp_calendar *cal, const char *name);
void imp_cal_gateways_run(imp_calendar *cal);
void imp_cal_gateways_tell(imp_calendar *cal);
void imp_cal_gateways_del(imp_calendar *cal);

/* ---- gateway_conf.c ---- */
int imp_cal_conf_copy(imp_gateway *dst, const imp_gateway *src);
void imp_cal_conf_reset(imp_gateway *conf);

/* ---- box.c ---- */
void imp_cal_box_del(imp_cal_box *box);
/* Read it again after so many seconds (0: at once). */
void imp_cal_box_after(imp_cal_box *box, uint32_t seconds);
void imp_cal_box_oof_after(imp_cal_box *box, uint32_t seconds);
/* Its calendar changed. */
void imp_cal_box_changed(imp_cal_box *box);
/* What came of reading a box: blocks in call's window, or an error in words that is about this box alone. */
void imp_cal_box_read(imp_cal_call *call, size_t i, const imp_busy *blocks, size_t count);
void imp_cal_box_failed(imp_cal_call *call, size_t i, const char *why);
void imp_cal_box_oof_read(imp_cal_call *call, size_t i, const imp_oof *oof);
imp_cal_box *imp_cal_box_find(imp_cal_gateway *gateway, const char *subscription, size_t len);
int imp_cal_box_subscribe(imp_cal_box *box, const char *subscription);
void imp_cal_box_unsubscribe(imp_cal_box *box);
/* Credentials of the gateway go there: only by the gateway's scheme. */
int imp_cal_is_proper_url(const imp_cal_gateway *gateway, const char *url);

/* ---- gateway_run.c ---- */
/* How the server fared. */
void imp_cal_gateway_up(imp_cal_gateway *gateway);
void imp_cal_gateway_busy(imp_cal_gateway *gateway, uint64_t ms, const char *why);
__attribute__((format(printf, 2, 3))) void imp_cal_gateway_down(imp_cal_gateway *gateway, const char *fmt, ...);
/* The boxes of a call that came to nothing are read when the gateway may ask again. */
void imp_cal_requeue(imp_cal_call *call);
/* Milliseconds that "Retry-After" says (RFC 9110 §10.2.3, seconds only); `fallback` without. */
uint64_t imp_cal_retry_after(const imp_cal_call *call, uint64_t fallback);
/* For codes that mean the same everywhere: 401, 403, 404, 429, 5xx and what is not `want`. 0: it is what was wanted. */
int imp_cal_bad_code(imp_cal_call *call, uint32_t code, uint32_t want);

/* ---- call.c ---- */
imp_cal_call *imp_cal_call_new(imp_cal_gateway *gateway, imp_cal_box *const *boxes, size_t count);
/* Not started, or over. */
void imp_cal_call_del(imp_cal_call *call);
int imp_cal_call_url(imp_cal_call *call, const char *url);
/* Adds a field; the value is copied. IMP_ERR_NOMEM, IMP_ERR_MALFORMED: it cannot stand in a field. */
int imp_cal_call_field(imp_cal_call *call, const char *name, const char *value);
/* Sends it; it is over, and freed, when its `done` or `failed` was called. On an error it is freed at once. */
int imp_cal_call_start(imp_cal_call *call);
/* Nobody wants it any more; neither function will be called. */
void imp_cal_call_cancel(imp_cal_call *call);
void imp_cal_call_forget(imp_cal_call *call, imp_cal_box *box);

/* ---- oauth.c ---- */
int imp_cal_wants_token(const imp_cal_gateway *gateway);
/* Non-zero: there is a token, or none is needed. Else one is being fetched, or will be. */
int imp_cal_has_token(imp_cal_gateway *gateway);
void imp_cal_drop_token(imp_cal_gateway *gateway);

/* ---- text ---- */
/* Appends formatted text. IMP_ERR_NOMEM, IMP_ERR_TOO_BIG. */
__attribute__((format(printf, 2, 3))) int imp_cal_printf(imp_buf *buf, const char *fmt, ...);
/* Appends as XML character data, as part of a URL (RFC 3986 unreserved characters stay; '/' too if `slash`), as a form's value. */
int imp_cal_xml(imp_buf *buf, const char *text);
int imp_cal_percent(imp_buf *buf, const char *text, int slash);

#endif
