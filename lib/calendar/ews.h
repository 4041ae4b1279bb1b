/*
 * Exchange Web Services: SOAP 1.1 requests in the order of the published schema, and what is read from answers.
 *
 *   ews_soap.c       envelopes; faults, and servers that are busy in three ways
 *   ews_read.c       GetUserAvailability, GetUserOofSettings
 *   ews_subscribe.c  which mailboxes share a stream; Subscribe
 *   ews_stream.c     GetStreamingEvents: documents in pieces
 *   ews_discover.c   Autodiscover: which mailboxes belong together
 */
#ifndef IMP_CALENDAR_EWS_H
#define IMP_CALENDAR_EWS_H

#include "calendar/gateway.h"
#include "xml/scan.h"

#define NS_SOAP "http://schemas.xmlsoap.org/soap/envelope/"
#define NS_TYPES "http://schemas.microsoft.com/exchange/services/2006/types"
#define NS_MESSAGES "http://schemas.microsoft.com/exchange/services/2006/messages"

/* Some mailboxes whose changes are told by one response that goes on for minutes. */
typedef struct imp_ews_stream {
  imp_list link; /* in gateway->streams */
  imp_cal_gateway *gateway;
  imp_list boxes; /* by sub_link; the first one's mailbox is the anchor */
  size_t nboxes, asking; /* Subscribe requests under way */
  char affinity[48];
  char *cookie; /* X-BackEndOverrideCookie: where the subscriptions live */
  imp_cal_call *call; /* GetStreamingEvents */
  imp_tstamp not_before, opened;
  imp_timer timer;
  uint8_t open;  /* the server has answered */
  uint8_t stale; /* mailboxes joined that the open stream does not know */
  uint8_t dead;  /* what was read makes it useless: see lost */
  uint8_t lost;  /* its subscriptions are no more */
  imp_buf pending; /* the document that is not whole yet */
  imp_xml_scan scan;
  size_t scanned;
  uint8_t in_document;
} imp_ews_stream;

/* ---- ews_soap.c ---- */

/* A request with the usual fields; `impersonate` is whose mailbox to act for, NULL: nobody's. Then the body's content follows. */
imp_cal_call *imp_ews_call(imp_cal_gateway *gateway, imp_cal_box *const *boxes, size_t count, const char *impersonate,
                           const char *anchor);
int imp_ews_close(imp_cal_call *call, int rv);
/* The first element of an answer's body. NULL: it is a fault or no answer; the gateway was told, the boxes are queued again. */
const imp_elem *imp_ews_open(imp_cal_call *call, uint32_t code, const char *body, size_t len, imp_stanza **document);
/* "NoError", or what a message says went wrong. Never NULL. */
const char *imp_ews_code(const imp_elem *message);
/* Milliseconds of BackOffMilliseconds anywhere below, 0 if there is none. */
uint64_t imp_ews_backoff(const imp_elem *elem);
int imp_ews_is_busy(const char *code);
const char *imp_ews_text(const imp_elem *parent, const char *name, const char *ns);
int imp_ews_time(const char *text, imp_wallclock *t);

/* ---- ews_read.c ---- */
int imp_ews_read(imp_cal_gateway *gateway, imp_cal_box **boxes, size_t count);
int imp_ews_read_oof(imp_cal_gateway *gateway, imp_cal_box *box);
/* HTML to plain text, in place. */
void imp_ews_plain(char *html);

/* ---- ews_subscribe.c ---- */
void imp_ews_run(imp_cal_gateway *gateway);
void imp_ews_forget(imp_cal_box *box);
void imp_ews_reset(imp_cal_gateway *gateway);
/* The subscription is no more: read the mailbox, subscribe anew. */
void imp_ews_lost(imp_cal_box *box);
/* Out of its stream; tried again after so many seconds. */
void imp_ews_retry(imp_cal_box *box, uint32_t seconds);

/* ---- ews_discover.c ---- */
/* Asks for what is not known of mailboxes that wait for a stream. */
void imp_ews_discover(imp_cal_gateway *gateway);
/* Non-zero if it is known where it belongs, or nobody can tell. */
int imp_ews_is_placeable(const imp_cal_box *box);

/* ---- ews_stream.c ---- */
void imp_ews_stream_open(imp_ews_stream *stream);
void imp_ews_stream_close(imp_ews_stream *stream);
/* It is over, as it should be or broken: it is opened again in time. */
void imp_ews_stream_end(imp_ews_stream *stream, int broken);
/* Reads a piece of a stream: IMP_OK, or IMP_ERR_MALFORMED, IMP_ERR_TOO_BIG, IMP_ERR_NOMEM. */
int imp_ews_stream_feed(imp_ews_stream *stream, const void *data, size_t len);
void imp_ews_wait(imp_ews_stream *stream, uint64_t ms);

#endif
