/*
 * imp/curl.h: HTTP requests by libcurl on libuv.  Library imp-curl.
 *
 *   imp_curl_new(&curl, loop, NULL, text, sizeof text);
 *   imp_calendar_set_http(calendar, imp_curl_vtable(), curl);
 *
 * It does what imp/sys/http.h asks of an adapter.  Everything runs on the loop's thread; only names are looked up by
 * threads of libcurl's own.  Deadlines of ops are on the clock uv_hrtime(), as with imp/uv.h.
 *
 * Connections
 *   - HTTP/1.1.  Requests with equal affinity keys share a pool of connections, requests with different keys never do.
 *     Under NTLM and Negotiate a pool belongs to one user as well: another name or another password is another pool.
 *   - A pool that nothing used for `keep` is closed.
 *   - Streams are not counted; of the others `max_requests` run at a time, `max_per_origin` of them to one server, so
 *     that one that hangs does not hold up the rest.  Further ones wait, and servers take turns.
 *
 * Authentication
 *   - Basic, Digest, NTLM, Bearer; Negotiate with the credentials of the process (Kerberos) only: with a name or a
 *     password it is IMP_ERR_UNSUPPORTED.  While a Kerberos ticket is fetched, the thread waits for the KDC.
 *   - What libcurl was built without is IMP_ERR_UNSUPPORTED.
 *   - libcurl keeps copies of passwords as long as a request or its connection lives, and does not wipe them.
 *
 * Bounds
 *   - Header fields: IMP_HTTP_HEADERS_MAX, and four times that for all answers of a handshake together.
 *   - Content encodings gzip and deflate, one at a time; others are an error whatever the server was asked for.  Streams
 *     are asked for without.  Bytes before decoding count too, so input that decodes to nothing ends.
 */
#ifndef IMP_CURL_H
#define IMP_CURL_H

#include <imp/sys/http.h>
#include <uv.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct imp_curl imp_curl;

/** Options. All zero but `size`: the defaults. Strings are copied. */
typedef struct imp_curl_options {
  size_t size;
  uint32_t max_requests;    /**< under way at a time, streams not counted; default 64; 1 … 10,000 */
  uint32_t max_per_origin;  /**< of these to one scheme, host and port; default 32; 1 … 10,000 */
  uint32_t max_idle;        /**< unused connections that a pool keeps; default 8; 1 … 1000 */
  uint32_t keep;            /**< milliseconds that a pool is kept unused; default 60,000; 100 … 3,600,000 */
  uint32_t connect_timeout; /**< milliseconds for name, connection and TLS together; default 30,000; 100 … 600,000 */
  const char *ca_file;      /**< trust anchors for requests that name none: path of a PEM file; NULL: the system's */
  /**
   * For requests that do not say: "http://host:port", "https://…", "socks5://…" or "socks5h://…" (names are looked up
   * by the proxy); NULL: none.  Variables of the environment are not looked at.
   */
  const char *proxy;
  const char *no_proxy;       /**< hosts to go to without `proxy`, separated by commas; "*": all; NULL: none */
  uint32_t proxy_auth;        /**< an imp_http_auth, Basic, Digest, NTLM or Negotiate, towards `proxy` and no other */
  const char *proxy_username; /**< NULL: none */
  const char *proxy_secret;
  const char *user_agent; /**< default "libimp/" and the version; "": none. A request may bring its own */
  /**
   * One line for each request that ends: IMP_LOG_DEBUG, without an answer IMP_LOG_WARN.  Method, URL without its query,
   * status, sizes, time; no credentials, no fields, no bodies.
   */
  imp_log_fn log;
  void *log_user_data;
  uint32_t log_level; /**< an imp_log_level: lines above it are not made */
} imp_curl_options;

/**
 * An HTTP client on a loop.  `options` NULL: defaults.  Returns IMP_ERR_RANGE, IMP_ERR_INVALID_ARGUMENT (an option),
 * IMP_ERR_NOMEM or IMP_ERR_UNAVAILABLE (libcurl does not start); `text` (may be NULL) says what.
 */
IMP_EXTERN int imp_curl_new(imp_curl **curl, uv_loop_t *loop, const imp_curl_options *options, char *text,
                            size_t textlen);
/** For imp_calendar_set_http(calendar, imp_curl_vtable(), curl) and its like. Static. */
IMP_EXTERN const imp_http *imp_curl_vtable(void);

/**
 * Back-pressure: while `paused` is not zero nothing more of this response is fed, and what the server sends beyond a few
 * buffers stays with it.  `idle_timeout` does not count meanwhile; the deadline does.  With 0 it goes on, perhaps with a
 * piece that is fed within this call (and if that is refused, the op is done).  Not from within a feeding function.  IMP_ERR_NOT_FOUND: not under way.
 */
IMP_EXTERN int imp_curl_pause(imp_curl *curl, imp_op *op, int paused);

typedef struct imp_curl_stats {
  size_t size;
  uint64_t requests;    /**< started; those refused at once not counted */
  uint64_t responses;   /**< complete ones, whatever their status code */
  uint64_t failures;    /**< ended without a complete response */
  uint64_t cancelled;   /**< nobody waited any more */
  uint64_t connections; /**< opened */
  uint64_t bytes_in;    /**< of bodies, before decoding, of requests that ended */
  uint64_t bytes_out;
  uint32_t active;  /**< under way now, streams included */
  uint32_t streams; /**< of these */
  uint32_t waiting; /**< not begun for want of a place */
  uint32_t pools;   /**< of connections, kept ones included */
} imp_curl_stats;
IMP_EXTERN void imp_curl_get_stats(const imp_curl *curl, imp_curl_stats *stats, size_t size);

/**
 * Cuts every transfer (ops are done with IMP_ERR_CANCELLED before it returns), closes all connections, and frees the rest
 * when the loop has run once more.  After those who use it: nothing may be started any more.  NULL is allowed.
 */
IMP_EXTERN void imp_curl_del(imp_curl *curl);

#ifdef __cplusplus
}
#endif

#endif /* IMP_CURL_H */
