/*
 * libimp - an embeddable library for instant messaging and presence
 *
 * imp/core.h: what every room shares: version, time, errors, memory, logging.
 *
 * Conventions that hold in every header:
 *
 * - Every function that can fail returns an int: 0 (IMP_OK) or a value above on success, one of the negative
 *   `imp_error` values on failure.  Out parameters are written on success only, unless said otherwise.
 * - Strings are UTF-8.  A parameter named `xlen` beside `x` is a length in bytes; without one, `x` ends with NUL.
 * - Structs that a host fills in begin with `size_t size`, which the host sets to `sizeof` its own
 *   definition.  Members are only ever appended, so an older host keeps working with a newer library.
 * - An object is confined to the thread that its node (or, for a room used alone, its host) runs on.
 * - Time is an argument.  See imp_tstamp.
 */
#ifndef IMP_CORE_H
#define IMP_CORE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(IMP_STATIC)
#  define IMP_EXTERN
#elif defined(__GNUC__)
#  define IMP_EXTERN __attribute__((visibility("default")))
#else
#  define IMP_EXTERN
#endif

#define IMP_VERSION_MAJOR 0
#define IMP_VERSION_MINOR 1
#define IMP_VERSION_PATCH 0
#define IMP_VERSION "0.1.0"

/**
 * The version of the library that is linked, for example "0.1.0".  Never NULL, never freed.
 */
IMP_EXTERN const char *imp_version(void);

/**
 * A point on a monotonic clock, in nanoseconds.  The origin is the host's choice (uv_hrtime(),
 * CLOCK_MONOTONIC, a test's counter), as long as one node sees one clock.  Values never go back;
 * an earlier value than the last one seen is taken as the last one seen.
 */
typedef uint64_t imp_tstamp;

/** No deadline: later than everything. */
#define IMP_TSTAMP_NEVER UINT64_MAX

#define IMP_MICROSECONDS ((imp_tstamp)1000)
#define IMP_MILLISECONDS ((imp_tstamp)1000000)
#define IMP_SECONDS ((imp_tstamp)1000000000)

/** Wall-clock time, in milliseconds since 1970-01-01T00:00:00Z, where a protocol needs it (XEP-0203). */
typedef uint64_t imp_wallclock;

/**
 * Errors.  Three ranges, apart:
 *   -101 … -199  recoverable: the call did nothing; the object is as before.
 *   -501 … -599  fatal for the object: only its `_del` is legal afterwards.
 *   -901 … -999  internal: never returned by a public function.
 */
typedef enum imp_error {
  IMP_OK = 0,

  IMP_ERR_INVALID_ARGUMENT = -101, /**< An argument is not acceptable; last error says which. */
  IMP_ERR_RANGE = -102,            /**< A setting is outside its range; last error names setting, value, range. */
  IMP_ERR_STATE = -103,            /**< Not now: the object is in a state that forbids the call. */
  IMP_ERR_NOT_FOUND = -104,        /**< No such thing. */
  IMP_ERR_EXISTS = -105,           /**< There is one already. */
  IMP_ERR_PENDING = -106,          /**< The host will finish later, by imp_op_done(). */
  IMP_ERR_TOO_BIG = -107,          /**< A bound on size, count or depth was passed. */
  IMP_ERR_CANCELLED = -108,        /**< The operation was cancelled. */
  IMP_ERR_TIMEOUT = -109,          /**< The deadline passed. */
  IMP_ERR_DENIED = -110,           /**< Not permitted; for credentials: wrong or unknown. */
  IMP_ERR_UNAVAILABLE = -111,      /**< A service of the host (store, network) is down; trying again may help. */
  IMP_ERR_MALFORMED = -112,        /**< Input that breaks its grammar. */
  IMP_ERR_LIMIT = -113,            /**< A rate or quota is used up. */
  IMP_ERR_UNSUPPORTED = -114,      /**< Not offered, or not compiled in. */
  IMP_ERR_CONFLICT = -115,         /**< Somebody else holds it. */
  IMP_ERR_NOMEM = -116,            /**< Memory allocation failed. */

  IMP_ERR_CLOSED = -501,           /**< The connection has ended. */
  IMP_ERR_CALLBACK = -502,         /**< A callback of the host returned an error. */
  IMP_ERR_CORRUPT = -503           /**< Stored data is not what was stored. */
} imp_error;

/**
 * Says an error in words, for example "setting out of range".
 * Returns a static string, never NULL, also for numbers that are no error.
 */
IMP_EXTERN const char *imp_strerror(int error);

/** The enumerator's name, for example "IMP_ERR_RANGE".  Static, never NULL. */
IMP_EXTERN const char *imp_error_name(int error);

/** Non-zero if `error` is in the fatal range: only `_del` is legal on the object that returned it. */
IMP_EXTERN int imp_error_is_fatal(int error);

/**
 * Memory functions.  Same contracts as those of the C library.
 */
typedef void *(*imp_malloc_fn)(size_t size);
typedef void *(*imp_calloc_fn)(size_t count, size_t size);
typedef void *(*imp_realloc_fn)(void *ptr, size_t size);
typedef void (*imp_free_fn)(void *ptr);

/**
 * Replaces the allocator of the whole library (not those of libxml2 or GnuTLS).
 *
 * Call before any other function of the library, and from one thread.  All four functions must be given.
 * Returns IMP_ERR_INVALID_ARGUMENT if one is NULL.
 */
IMP_EXTERN int imp_replace_allocator(imp_malloc_fn malloc_fn, imp_calloc_fn calloc_fn, imp_realloc_fn realloc_fn,
                                     imp_free_fn free_fn);

/** Frees memory that a function of the library handed over and said to free with this. NULL is allowed. */
IMP_EXTERN void imp_free(void *ptr);

/** How much a log line matters. */
typedef enum imp_log_level {
  IMP_LOG_ERROR = 0, /**< Something the operator must look at. */
  IMP_LOG_WARN = 1,  /**< Something odd that was dealt with: a hostile peer, a slow store. */
  IMP_LOG_INFO = 2,  /**< Sessions come and go. */
  IMP_LOG_DEBUG = 3, /**< Negotiation steps. */
  IMP_LOG_TRACE = 4  /**< One line a stanza. Never holds credentials. */
} imp_log_level;

/** Which room speaks. */
typedef enum imp_log_area {
  IMP_LOG_CORE = 0,
  IMP_LOG_XML,
  IMP_LOG_STREAM,
  IMP_LOG_TLS,
  IMP_LOG_SASL,
  IMP_LOG_SM,
  IMP_LOG_SESSION,
  IMP_LOG_ROUTE,
  IMP_LOG_STORE,
  IMP_LOG_PRESENCE,
  IMP_LOG_FEDERATION,
  IMP_LOG_ARCHIVE,
  IMP_LOG_RCC,
  IMP_LOG_HTTP,
  IMP_LOG_AREAS /**< How many there are. */
} imp_log_area;

/** "error", "warn", … and "stream", "sm", … Static, never NULL. */
IMP_EXTERN const char *imp_log_level_name(imp_log_level level);
IMP_EXTERN const char *imp_log_area_name(imp_log_area area);

/**
 * Receives log lines.
 *
 * `text` is one line without a newline, valid during the call.  `subject` names what it is about (a JID, a peer's
 * address) or is "".  Called on the node's thread; it must not call into the library.
 */
typedef void (*imp_log_fn)(void *user_data, imp_log_area area, imp_log_level level, const char *subject,
                           const char *text);

#ifdef __cplusplus
}
#endif

#endif /* IMP_CORE_H */
