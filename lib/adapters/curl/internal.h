/*
 * HTTP by libcurl on libuv.  A *transfer* is a request and its op.  It belongs to an *origin* (a server), which counts
 * those under way and queues the rest, and to a *pool*, a multi handle of libcurl with connections of its own.
 *
 * libcurl calls us (socket_cb, timer_cb, header, body) from inside its functions; in there only state is changed and the
 * library fed.  Transfers end and begin outside of it (imp_curl_reap, imp_curl_pump).
 */
#ifndef IMP_CURL_INTERNAL_H
#define IMP_CURL_INTERNAL_H

#include <curl/curl.h>
#include <imp/curl.h>

#if LIBCURL_VERSION_NUM < 0x075700
#  error "libcurl 7.87 or later is needed: earlier ones wait for name look-ups when a transfer is cut"
#endif

#define IMP_CURL_HEADS_MAX (4 * IMP_HTTP_HEADERS_MAX) /* all answers of a handshake, and 1xx */
#define IMP_CURL_RAW_SLACK 65536                      /* encoding may make content longer, a little */
#define IMP_CURL_IDLE_POOLS 64

typedef struct imp_curl_transfer imp_curl_transfer;
typedef struct imp_curl_origin imp_curl_origin;
typedef struct imp_curl_pool imp_curl_pool;

/* A queue, linked both ways. */
typedef struct imp_curl_list {
  imp_curl_transfer *first, *last;
} imp_curl_list;

struct imp_curl_origin {
  imp_curl_origin *next;
  imp_curl_list waiting;
  uint32_t active; /* streams not counted */
  uint32_t users;  /* transfers of whatever kind */
  char name[];     /* "https://host:443" */
};

/* Whose connections these are: strings follow the struct. */
struct imp_curl_pool {
  imp_curl_pool *next;
  imp_curl *curl;
  CURLM *multi;
  imp_tstamp due;   /* when libcurl wants to be called */
  imp_tstamp until; /* unused: when it is closed */
  uint32_t users;   /* transfers, waiting ones included */
  uint32_t active;  /* those with libcurl */
  uint32_t auth;    /* IMP_HTTP_AUTH_NONE unless authentication is bound to connections */
  const char *affinity, *username, *secret; /* NULL or a copy */
  size_t len;                               /* of all strings */
  char strings[];
};

struct imp_curl_transfer {
  imp_curl_transfer *prev, *next;
  imp_curl_list *in; /* the curl's `active` or `streams`, or the origin's `waiting` */
  imp_curl *curl;
  imp_op *op;
  imp_curl_origin *origin;
  imp_curl_pool *pool;
  CURL *easy;
  struct curl_slist *fields;
  char *label; /* "POST https://host:443/path", for the log */
  void *body;  /* wiped at the end */
  size_t bodylen;
  imp_tstamp deadline, begun, heard; /* heard: the last byte from the server, 0: none yet */
  uint32_t idle_timeout;
  curl_off_t raw, raw_max; /* bytes of body before decoding; 0: no bound */
  uint8_t stream, paused;
  uint8_t head_whole; /* the empty line came */
  uint8_t fed;        /* status and fields were fed: a body follows */
  int result;         /* what feeding returned: the transfer ends with it */
  char *head;         /* lines of the latest answer */
  size_t head_len, head_cap, heads_total;
  const char *why; /* instead of libcurl's words */
  char error[CURL_ERROR_SIZE];
};

struct imp_curl {
  uv_loop_t *loop;
  uv_timer_t timer; /* one for everything */
  imp_tstamp armed;
  imp_curl_options options; /* its strings are ours */
  imp_curl_origin *origins; /* the first is the next to have its turn */
  imp_curl_pool *pools;
  imp_curl_list active;
  imp_curl_list streams; /* to begin */
  uint32_t running;      /* active ones but streams */
  uint32_t waiting;      /* those of all origins, and streams to begin */
  imp_curl_stats stats;
  size_t handles; /* not closed yet */
  int deleted;
};

/* options.c */
int imp_curl_options_read(imp_curl_options *to, const imp_curl_options *from, char *text, size_t textlen);
void imp_curl_options_reset(imp_curl_options *options);

/* url.c */
/* Checks the URL; makes t->label, and the name of the origin, which the caller frees. */
int imp_curl_parse_url(imp_curl_transfer *t, const imp_http_request *request, char **origin);
int imp_curl_proxy_ok(const char *proxy);

/* request.c */
/* Makes the easy handle. IMP_ERR_INVALID_ARGUMENT, IMP_ERR_UNSUPPORTED, IMP_ERR_NOMEM; t->why may say why. */
int imp_curl_request(imp_curl_transfer *t, const imp_http_request *request);

/* auth.c */
/* IMP_ERR_UNSUPPORTED, IMP_ERR_INVALID_ARGUMENT; t->why says why. */
int imp_curl_set_auth(imp_curl_transfer *t, const imp_http_request *request);
int imp_curl_set_proxy(imp_curl_transfer *t, const imp_http_request *request);

/* response.c */
size_t imp_curl_on_header(char *data, size_t size, size_t count, void *transfer);
size_t imp_curl_on_body(char *data, size_t size, size_t count, void *transfer);
int imp_curl_on_progress(void *transfer, curl_off_t total, curl_off_t now, curl_off_t up_total, curl_off_t up_now);
/* Feeds status and fields, once. */
int imp_curl_feed_head(imp_curl_transfer *t);
/* The error that a code of libcurl stands for. */
int imp_curl_error(CURLcode code);

/* pool.c */
/* NTLM and Negotiate prove who is at the other end of a connection, not who sent a request. */
int imp_curl_is_bound(uint32_t auth);
/* Finds or makes one, and counts the user. NULL: no memory. */
imp_curl_pool *imp_curl_pool_get(imp_curl *curl, const imp_http_request *request);
void imp_curl_pool_put(imp_curl_pool *pool);
/* One transfer more with libcurl (1), or one less (-1). */
void imp_curl_pool_count(imp_curl_pool *pool, int by);
void imp_curl_pool_del(imp_curl_pool *pool);
/* Closes those that were unused long enough, or are too many; returns when the next one will be. */
imp_tstamp imp_curl_pools_sweep(imp_curl *curl, imp_tstamp now);

/* transfer.c */
int imp_curl_start(void *ctx, imp_op *op, const imp_http_request *request);
void imp_curl_cancel(void *ctx, imp_op *op);
/* Hands a transfer that waits to libcurl. */
void imp_curl_begin(imp_curl_transfer *t);
/* Ends a transfer: its op is done, its memory freed. */
void imp_curl_end(imp_curl_transfer *t, int status, const char *why);
/* Ends what libcurl says is over in this pool, and begins what waits. */
void imp_curl_reap(imp_curl_pool *pool);

/* queue.c */
/* Puts a new transfer where it waits. */
int imp_curl_enqueue(imp_curl_transfer *t, const char *origin);
void imp_curl_move(imp_curl_transfer *t, imp_curl_list *to);
/* Out of its list and its origin. */
void imp_curl_leave(imp_curl_transfer *t);
/* Begins transfers that wait, as far as there are places. */
void imp_curl_pump(imp_curl *curl);
/* Ends those whose time is up; returns when the next one's is. */
imp_tstamp imp_curl_expire(imp_curl *curl, imp_tstamp now);
void imp_curl_drop_all(imp_curl *curl);

/* curl.c */
/* Something is to be done at this time. */
void imp_curl_arm(imp_curl *curl, imp_tstamp at);
void imp_curl_handle_closed(imp_curl *curl);
/* The loop goes on while there are transfers, and not for the sake of connections that are kept. */
void imp_curl_hold_loop(imp_curl *curl);

#endif
