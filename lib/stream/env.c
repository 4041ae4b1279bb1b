#include "core/mem.h"
#include "stream/internal.h"
#include "stream/ws.h"

/* Spare memory of buffers that were drained: a connection at rest keeps none. */
#define SPARE_BUFS 64
#define SPARE_CAP_MIN 4096
#define SPARE_CAP_MAX 20480 /* a full TLS record and what is around it */
#define SPARE_DECODERS 4

struct imp_stream_cache {
  struct {
    uint8_t *mem;
    size_t cap;
  } bufs[SPARE_BUFS];
  size_t nbufs;
  imp_ws_decoder *decoders[SPARE_DECODERS];
  size_t ndecoders;
};

int imp_stream_env_init(imp_stream_env *env) {
  env->cache = imp_calloc(1, sizeof *env->cache);
  imp_list_init(&env->conns);
  imp_list_init(env->dirty);
  env->bytes_in = env->bytes_out = 0;
  return env->cache != NULL ? IMP_OK : IMP_ERR_NOMEM;
}

void imp_stream_env_reset(imp_stream_env *env) {
  imp_stream_cache *cache = env->cache;
  if (cache == NULL) {
    return;
  }
  while (cache->nbufs > 0) {
    imp_free(cache->bufs[--cache->nbufs].mem);
  }
  while (cache->ndecoders > 0) {
    imp_ws_decoder_del(cache->decoders[--cache->ndecoders]);
  }
  imp_free(cache);
  env->cache = NULL;
}

void imp_stream_set_now(imp_stream_env *env, imp_tstamp ts) {
  if (ts > env->now) {
    env->now = ts;
  }
}

void imp_stream_buf_take(imp_stream_env *env, imp_buf *buf) {
  imp_stream_cache *cache = env->cache;
  if (buf->mem != NULL) {
    return;
  }
  if (cache->nbufs > 0) {
    cache->nbufs--;
    buf->mem = cache->bufs[cache->nbufs].mem;
    buf->cap = cache->bufs[cache->nbufs].cap;
  } else if (buf->max >= SPARE_CAP_MIN && (buf->mem = imp_malloc(SPARE_CAP_MIN)) != NULL) {
    buf->cap = SPARE_CAP_MIN;
  }
  buf->off = buf->end = 0;
}

void imp_stream_buf_give(imp_stream_env *env, imp_buf *buf) {
  imp_stream_cache *cache = env->cache;
  if (buf->mem == NULL) {
    return;
  }
  if (cache->nbufs < SPARE_BUFS && buf->cap >= SPARE_CAP_MIN && buf->cap <= SPARE_CAP_MAX) {
    cache->bufs[cache->nbufs].mem = buf->mem;
    cache->bufs[cache->nbufs++].cap = buf->cap;
    buf->mem = NULL;
  }
  imp_buf_reset(buf);
}

imp_ws_decoder *imp_stream_decoder_take(imp_stream_env *env) {
  imp_stream_cache *cache = env->cache;
  return cache->ndecoders > 0 ? cache->decoders[--cache->ndecoders] : imp_ws_decoder_new();
}

void imp_stream_decoder_give(imp_stream_env *env, imp_ws_decoder *decoder) {
  imp_stream_cache *cache = env->cache;
  if (cache->ndecoders < SPARE_DECODERS) {
    cache->decoders[cache->ndecoders++] = decoder;
  } else {
    imp_ws_decoder_del(decoder);
  }
}

imp_conn *imp_conn_next_dirty(imp_stream_env *env) {
  imp_list *node = imp_list_pop(env->dirty);
  if (node == NULL) {
    return NULL;
  }
  imp_conn *conn = IMP_CONTAINER_OF(node, imp_conn, dirty);
  imp_conn_settle(conn);
  return conn;
}

void imp_conn_each(imp_stream_env *env, void (*fn)(imp_conn *conn, void *ctx), void *ctx) {
  imp_list *next;
  for (imp_list *node = env->conns.next; node != &env->conns; node = next) {
    next = node->next;
    fn(IMP_CONTAINER_OF(node, imp_conn, all), ctx);
  }
}
