#include <string.h>

#include <imp/sys/mem.h>

#include "adapters/curl/internal.h"

/* What a socket of libcurl's waits for. */
typedef struct waiter {
  uv_poll_t poll; /* first */
  imp_curl *curl;
  imp_curl_pool *pool;
  curl_socket_t fd;
} waiter;

/* ---- what libcurl asks of its event loop ---- */

static void on_waiter_closed(uv_handle_t *handle) {
  imp_curl *curl = ((waiter *)(void *)handle)->curl;
  imp_free(handle);
  imp_curl_handle_closed(curl);
}

static void on_ready(uv_poll_t *poll, int status, int events) {
  waiter *w = (waiter *)(void *)poll;
  imp_curl_pool *pool = w->pool;
  int running, flags = status < 0 ? CURL_CSELECT_ERR : 0;
  flags |= events & UV_READABLE ? CURL_CSELECT_IN : 0;
  flags |= events & UV_WRITABLE ? CURL_CSELECT_OUT : 0;
  curl_multi_socket_action(pool->multi, w->fd, flags, &running);
  imp_curl_reap(pool);
}

static waiter *new_waiter(imp_curl_pool *pool, curl_socket_t fd) {
  waiter *w = imp_calloc(1, sizeof *w);
  if (w == NULL) {
    return NULL;
  }
  w->curl = pool->curl;
  w->pool = pool;
  w->fd = fd;
  if (uv_poll_init_socket(pool->curl->loop, &w->poll, fd) < 0) {
    imp_free(w);
    return NULL;
  }
  pool->curl->handles++;
  curl_multi_assign(pool->multi, fd, w);
  return w;
}

/* An error told to libcurl would end the whole pool: the transfer whose socket it is ends, a little later. */
static void give_up(imp_curl_pool *pool, CURL *easy) {
  char *private = NULL;
  if (curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private) == CURLE_OK && private != NULL) {
    imp_curl_transfer *t = (imp_curl_transfer *)(void *)private;
    t->result = IMP_ERR_NOMEM;
    t->why = "nothing to wait for the socket with";
    t->deadline = 0;
    imp_curl_arm(pool->curl, 0);
  }
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *assigned) {
  imp_curl_pool *pool = arg;
  waiter *w = assigned;
  int events = what == CURL_POLL_IN ? UV_READABLE : what == CURL_POLL_OUT ? UV_WRITABLE : UV_READABLE | UV_WRITABLE;
  if (what == CURL_POLL_REMOVE) {
    if (w != NULL) {
      curl_multi_assign(pool->multi, fd, NULL);
      uv_close((uv_handle_t *)&w->poll, on_waiter_closed);
    }
    return 0;
  }
  w = w != NULL ? w : new_waiter(pool, fd);
  if (w == NULL || uv_poll_start(&w->poll, events, on_ready) != 0) {
    give_up(pool, easy);
  }
  return 0;
}

static int on_timeout(CURLM *multi, long ms, void *arg) {
  imp_curl_pool *pool = arg;
  (void)multi;
  pool->due = ms < 0 ? IMP_TSTAMP_NEVER : uv_hrtime() + (imp_tstamp)ms * IMP_MILLISECONDS;
  imp_curl_arm(pool->curl, pool->due);
  return 0;
}

/* ---- pools ---- */

static int same(const char *a, const char *b) {
  return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

int imp_curl_is_bound(uint32_t auth) { return auth == IMP_HTTP_AUTH_NTLM || auth == IMP_HTTP_AUTH_NEGOTIATE; }

static int fits(const imp_curl_pool *pool, const imp_http_request *request) {
  uint32_t auth = imp_curl_is_bound(request->auth) ? request->auth : IMP_HTTP_AUTH_NONE;
  return pool->auth == auth && same(pool->affinity, request->affinity) &&
         (!imp_curl_is_bound(auth) || (same(pool->username, request->username) && same(pool->secret, request->secret)));
}

static size_t size_of(const char *s) { return s != NULL ? strlen(s) + 1 : 0; }

static const char *put(char **at, const char *s) {
  size_t size = size_of(s);
  if (s == NULL) {
    return NULL;
  }
  char *copy = memcpy(*at, s, size);
  *at += size;
  return copy;
}

static int open_multi(imp_curl_pool *pool) {
  pool->multi = curl_multi_init();
  return pool->multi != NULL && curl_multi_setopt(pool->multi, CURLMOPT_SOCKETFUNCTION, on_socket) == CURLM_OK &&
         curl_multi_setopt(pool->multi, CURLMOPT_SOCKETDATA, pool) == CURLM_OK &&
         curl_multi_setopt(pool->multi, CURLMOPT_TIMERFUNCTION, on_timeout) == CURLM_OK &&
         curl_multi_setopt(pool->multi, CURLMOPT_TIMERDATA, pool) == CURLM_OK;
}

static imp_curl_pool *new_pool(imp_curl *curl, const imp_http_request *request) {
  int bound = imp_curl_is_bound(request->auth);
  size_t len = size_of(request->affinity) + (bound ? size_of(request->username) + size_of(request->secret) : 0);
  imp_curl_pool *pool = imp_calloc(1, sizeof *pool + len);
  if (pool == NULL) {
    return NULL;
  }
  char *at = pool->strings;
  pool->curl = curl;
  pool->len = len;
  pool->due = pool->until = IMP_TSTAMP_NEVER;
  pool->affinity = put(&at, request->affinity);
  if (bound) {
    pool->auth = request->auth;
    pool->username = put(&at, request->username);
    pool->secret = put(&at, request->secret);
  }
  if (!open_multi(pool)) {
    imp_curl_pool_del(pool);
    return NULL;
  }
  pool->next = curl->pools;
  curl->pools = pool;
  curl->stats.pools++;
  return pool;
}

imp_curl_pool *imp_curl_pool_get(imp_curl *curl, const imp_http_request *request) {
  imp_curl_pool *pool = curl->pools;
  while (pool != NULL && !fits(pool, request)) {
    pool = pool->next;
  }
  pool = pool != NULL ? pool : new_pool(curl, request);
  if (pool != NULL) {
    pool->users++;
    pool->until = IMP_TSTAMP_NEVER;
  }
  return pool;
}

void imp_curl_pool_put(imp_curl_pool *pool) {
  if (--pool->users == 0) {
    pool->until = uv_hrtime() + pool->curl->options.keep * IMP_MILLISECONDS;
    imp_curl_arm(pool->curl, pool->until);
  }
}

/*
 * Between the steps of a handshake a connection counts as unused, and libcurl closes unused ones when there are more of
 * whatever kind than this: with a fixed number, many handshakes at a time would cut each other off for ever.
 */
void imp_curl_pool_count(imp_curl_pool *pool, int by) {
  pool->active += (uint32_t)by;
  curl_multi_setopt(pool->multi, CURLMOPT_MAXCONNECTS, (long)pool->active + (long)pool->curl->options.max_idle);
}

void imp_curl_pool_del(imp_curl_pool *pool) {
  if (pool->multi != NULL) {
    curl_multi_cleanup(pool->multi);
  }
  explicit_bzero(pool->strings, pool->len);
  imp_free(pool);
}

/* ---- those that nobody uses ---- */

static void close_pool(imp_curl *curl, imp_curl_pool **at) {
  imp_curl_pool *pool = *at;
  *at = pool->next;
  curl->stats.pools--;
  imp_curl_pool_del(pool);
}

imp_tstamp imp_curl_pools_sweep(imp_curl *curl, imp_tstamp now) {
  imp_tstamp next = IMP_TSTAMP_NEVER;
  uint32_t idle = 0;
  for (imp_curl_pool **at = &curl->pools; *at != NULL;) {
    if ((*at)->until <= now || ((*at)->users == 0 && ++idle > IMP_CURL_IDLE_POOLS)) {
      close_pool(curl, at);
      continue;
    }
    next = (*at)->until < next ? (*at)->until : next;
    next = (*at)->due < next ? (*at)->due : next;
    at = &(*at)->next;
  }
  return next;
}
