/*
 * imp/uv.h: a node on libuv.  Library imp-uv.
 */
#ifndef IMP_UV_H
#define IMP_UV_H

#include <imp/node.h>
#include <uv.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct imp_uv imp_uv;

/**
 * Callbacks for imp_node_new() that a node on libuv needs (want_write, want_turn, wallclock); the host may fill in the
 * rest.
 */
IMP_EXTERN void imp_uv_callbacks(imp_callbacks *callbacks, size_t size);
/**
 * Joins a node made with imp_uv_callbacks() to a loop. The node's user_data stays the host's; the user_data of its
 * connections is ours. The node and the loop outlive it. The node's turn ends once in every iteration of the loop.
 */
IMP_EXTERN int imp_uv_new(imp_uv **uv, uv_loop_t *loop, imp_node *node);
/** Options of a listener. */
typedef struct imp_uv_listen_options {
  size_t size;
  uint32_t allow_plaintext; /**< see imp_conn_params */
  uint32_t proxy_protocol;
  uint32_t backlog; /**< default 1024 */
} imp_uv_listen_options;
/** Listens on `address`, IPv4 or IPv6 in figures ("::" is both). `port` 0: any; *bound (may be NULL) receives the port.
 * `options` NULL: defaults. Errors: imp_uv_last_error(). */
IMP_EXTERN int imp_uv_listen(imp_uv *uv, imp_role role, const char *address, uint16_t port,
                             const imp_uv_listen_options *options, uint16_t *bound);
/** Closes streams in good order ("system-shutdown"), stops listening, and calls `done` when every connection is closed
 * and committed. */
IMP_EXTERN void imp_uv_shutdown(imp_uv *uv, void (*done)(imp_uv *uv, void *user_data), void *user_data);
/**
 * Runs `fn(arg)` on the node's thread, and a turn of the node after it; callable from any thread, as no other function
 * here is. What was posted runs in the order of posting, at the latest in imp_uv_del(). Returns IMP_ERR_NOMEM: not
 * posted.
 */
IMP_EXTERN int imp_uv_post(imp_uv *uv, void (*fn)(void *arg), void *arg);
/** The same with `uv` as the last argument: what adapters with a thread of their own ask for (imp_sqlite_options.post;
 * post_ctx is the imp_uv). */
IMP_EXTERN int imp_uv_poster(void (*fn)(void *arg), void *arg, void *uv);
IMP_EXTERN uv_loop_t *imp_uv_loop(const imp_uv *uv);
IMP_EXTERN imp_node *imp_uv_node(const imp_uv *uv);
IMP_EXTERN const char *imp_uv_last_error(const imp_uv *uv);
/** Connections that are open now. */
IMP_EXTERN size_t imp_uv_connections(const imp_uv *uv);
/**
 * After imp_uv_shutdown() is done, or at any time: runs what was posted, deletes every connection of the node at once,
 * and frees the rest when the loop has run once more; the node may be deleted right after this call. NULL is allowed.
 */
IMP_EXTERN void imp_uv_del(imp_uv *uv);

#ifdef __cplusplus
}
#endif

#endif /* IMP_UV_H */
