/*
 * imp/sys/http.h: for those who write an HTTP client adapter.
 *
 * The library makes no connection: a room that needs HTTP (calendars) hands requests to the host as ops and is fed what
 * comes back.  `adapters/curl` is one such host; a test that answers from a table is another.
 *
 *   start(ctx, op, &request)        the library asks; everything in `request` is valid during this call only: copy it
 *     imp_http_status(op, 200)      once the final status line is there
 *     imp_http_header(op, …)        once a header field, in the order of arrival
 *     imp_http_body(op, …)          once a piece, in whatever pieces they come
 *   imp_op_done(op, IMP_OK)         when the response is complete, whatever its status code: 404 and 503 are responses
 *
 * or, when there is no complete response,
 *
 *     imp_http_error(op, "…")       why, in words, for the operator (never with a credential in it)
 *   imp_op_done(op, IMP_ERR_…)
 *       IMP_ERR_UNAVAILABLE         no such host, refused, cut, a proxy's refusal
 *       IMP_ERR_DENIED              the certificate is not that of the host, or is not trusted; no authentication that
 *                                   both sides know
 *       IMP_ERR_TIMEOUT             the op's deadline, or `idle_timeout`
 *       IMP_ERR_INVALID_ARGUMENT    the URL or the method is unusable
 *       IMP_ERR_UNSUPPORTED         a kind of authentication that the adapter does not have
 *
 * What a feeding function returns matters: anything but IMP_OK means "send no more of this one".  The adapter then cuts
 * the transfer and calls imp_op_done() with that error.  It may cut it later: what is fed meanwhile is swallowed.
 *
 * Feeding never calls back into the adapter: neither start() nor cancel() runs inside of imp_http_*() or
 * imp_op_done().  New requests go out when the host ends its turn (imp_calendar_turn(), imp_node_turn()).  So an adapter
 * may feed from inside its own library's callbacks (libcurl's write function).
 *
 * What the adapter does by itself
 *   - the handshake of the authentication that is asked for.  NTLM and Negotiate are bound to a connection (RFC 4559 §6):
 *     connections that carry them are never shared between users.  Only responses that follow the handshake are fed:
 *     neither an intermediate 401 nor 407, nor 1xx.  If the last answer is 401, it is fed as such.
 *   - TLS 1.2 or later with the server's name checked against its certificate, always.
 *   - transfer and content encodings: what is fed is the content.  It counts the bytes after decoding.
 *   - proxies.
 * What it does not do
 *   - redirects: a 3xx is fed with its Location, and the room decides whether credentials may go there.
 *   - cookies, caching, repeating a request that failed.  (Once more on a fresh connection, when a kept one turned out to
 *     be closed before the first byte of an answer, is the transport's own business.)
 *   - logs with credentials: neither `username`, `secret`, nor fields called Authorization, Proxy-Authorization, Cookie
 *     or Set-Cookie, nor the body of a request that is `confidential`.
 */
#ifndef IMP_SYS_HTTP_H
#define IMP_SYS_HTTP_H

#include <imp/op.h>

#ifdef __cplusplus
extern "C" {
#endif

#define IMP_HTTP_HEADERS_MAX 65536 /**< bytes of header fields that a response may have; more is IMP_ERR_TOO_BIG */

/** How a request proves who it is from. */
typedef enum imp_http_auth {
  IMP_HTTP_AUTH_NONE = 0,
  IMP_HTTP_AUTH_BASIC,     /**< RFC 7617, in UTF-8. `username`, `secret` = password */
  IMP_HTTP_AUTH_DIGEST,    /**< RFC 7616. `username`, `secret` = password */
  IMP_HTTP_AUTH_NTLM,      /**< `username` = "user", "DOMAIN\user" or "user@domain", `secret` = password */
  IMP_HTTP_AUTH_NEGOTIATE, /**< RFC 4559. As NTLM; both NULL: the credentials of the process (Kerberos) */
  IMP_HTTP_AUTH_BEARER     /**< RFC 6750. `secret` = the token. Who asks has fetched it (OAuth 2.0 is requests too) */
} imp_http_auth;

/** A header field of a request. Neither holds CR, LF or NUL: the library has seen to it. */
typedef struct imp_http_field {
  const char *name;
  const char *value;
} imp_http_field;

/** A request. Members are only ever appended. */
typedef struct imp_http_request {
  size_t size;
  const char *method; /**< "GET", "POST", "REPORT", …: a token of RFC 9110, in upper case */
  const char *url;    /**< absolute, http or https, ASCII, without fragment and without user information */
  const imp_http_field *fields; /**< beside Host, Content-Length, Authorization and those of the connection */
  size_t nfields;
  const void *body; /**< NULL: none. An adapter keeps a copy: a handshake may need it twice */
  size_t bodylen;
  uint32_t auth; /**< an imp_http_auth; no other kind is tried */
  const char *username; /**< NULL where `auth` needs none */
  const char *secret;
  /**
   * Non-zero: `body` holds a secret (a token request). Neither logged nor kept longer than needed.
   */
  uint32_t confidential;
  /**
   * Requests with equal keys belong together: they should take the same connections where the protocol allows it, and
   * requests with different keys never share one.  So each long stream has its own, and what is bound to a connection
   * stays with it.  NULL: no wish.  At most 255 bytes, no secret.
   */
  const char *affinity;
  /**
   * Non-zero: the response is one that goes on for minutes (EWS GetStreamingEvents). Each piece is fed as soon as it is
   * there, and the transfer does not count among those of a limit on concurrent requests.
   */
  uint32_t stream;
  /** Milliseconds without a byte from the server, once it began to answer, after which the transfer is given up; 0: none */
  uint32_t idle_timeout;
  /**
   * Bytes of body (decoded) that are wanted at most.  The library counts for itself and refuses the rest
   * (IMP_ERR_TOO_BIG from imp_http_body()); an adapter may refuse earlier, by Content-Length.  0: no bound.
   */
  uint64_t body_max;
  /** Trust anchors: path of a PEM file; NULL: those of the system. */
  const char *ca_file;
  /** "http://host:port" or "socks5h://host:port"; NULL: as the adapter is configured. "": none, whatever it says. */
  const char *proxy;
} imp_http_request;

/** An HTTP client. `ctx` is the pointer given beside the vtable. */
typedef struct imp_http {
  size_t size;
  /** A name for logs: "curl". */
  const char *name;
  /**
   * Starts a request.  As with every op: returns IMP_ERR_PENDING and completes it later, or completes it at once and
   * returns IMP_OK, or returns another error, which is how it ends.  imp_op_deadline(op) says by when the response must
   * be complete, on the clock that the host gives to the library; IMP_TSTAMP_NEVER: no such limit.
   * There is no limit on how many are asked for: an adapter that bounds concurrency keeps a queue.
   */
  int (*start)(void *ctx, imp_op *op, const imp_http_request *request);
  /**
   * Nobody waits for this op any more (its deadline passed, a gateway was removed): cut the transfer and call imp_op_done(op,
   * IMP_ERR_CANCELLED), now or later.  Called at most once an op, between the return of start() and imp_op_done().
   * Optional (NULL): then transfers run to their end unheard.
   */
  void (*cancel)(void *ctx, imp_op *op);
} imp_http;

/**
 * Feeds the status code (100 … 599; one below 200 is ignored).  Each call begins the response anew: fields that were fed
 * before it are forgotten.  IMP_ERR_INVALID_ARGUMENT for other numbers or after a body began; IMP_ERR_NOMEM;
 * IMP_ERR_CANCELLED: nobody waits.
 */
IMP_EXTERN int imp_http_status(imp_op *op, uint32_t status);

/**
 * Feeds a header field: bytes without the line's end; surrounding white space is taken off, everything is copied.
 * IMP_ERR_TOO_BIG: over IMP_HTTP_HEADERS_MAX; IMP_ERR_STATE: no status yet; IMP_ERR_NOMEM; IMP_ERR_CANCELLED.
 */
IMP_EXTERN int imp_http_header(imp_op *op, const char *name, size_t namelen, const char *value, size_t valuelen);

/**
 * Feeds a piece of the body.  Everything is copied or read at once.
 * IMP_ERR_TOO_BIG: over the request's `body_max`; IMP_ERR_STATE: no status yet; IMP_ERR_NOMEM; IMP_ERR_CANCELLED: nobody
 * waits; IMP_ERR_MALFORMED: the reader of a stream can make nothing of it.
 */
IMP_EXTERN int imp_http_body(imp_op *op, const void *data, size_t len);

/** Says in words why there is no response; copied, cut at 255 bytes. Before imp_op_done() with an error. */
IMP_EXTERN void imp_http_error(imp_op *op, const char *text);

/* ---- The response, for those who use an adapter without a room: with ops of imp/sys/op.h, in an imp_ops_fn ---- */

/**
 * Called for each piece of the body of a streamed response, and not kept.  Returns IMP_OK, or an error that imp_http_body()
 * passes on to the adapter.  It may not call the adapter.
 */
typedef int (*imp_http_body_fn)(imp_op *op, const void *data, size_t len, void *user_data);

/**
 * Makes an op that imp_ops_add() gave ready for a response: at most `body_max` bytes (0: no bound), kept in memory, or, with
 * `fn`, handed to it piece by piece.  Before the request is started.  IMP_ERR_NOMEM.
 */
IMP_EXTERN int imp_http_expect(imp_op *op, uint64_t body_max, imp_http_body_fn fn, void *user_data);
/** The status code, 0 if none was fed. */
IMP_EXTERN uint32_t imp_http_get_status(const imp_op *op);
/** The first field of that name (in any case), NULL if there is none. */
IMP_EXTERN const char *imp_http_get_header(const imp_op *op, const char *name);
/** The i-th field in order of arrival; IMP_ERR_NOT_FOUND past the last. */
IMP_EXTERN int imp_http_get_field(const imp_op *op, size_t i, const char **name, const char **value);
/** The body that was kept; ends with a NUL that *len does not count. "" if there is none. */
IMP_EXTERN const char *imp_http_get_body(const imp_op *op, size_t *len);
/** What imp_http_error() said, or "". */
IMP_EXTERN const char *imp_http_get_error(const imp_op *op);

#ifdef __cplusplus
}
#endif

#endif /* IMP_SYS_HTTP_H */
