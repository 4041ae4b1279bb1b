#include "core/log.h"
#include "core/mem.h"
#include "xml/context.h"
#include "xml/sax.h"

struct imp_xml_pool {
  imp_list free; /* used last first */
  size_t total, held, max;
  imp_jid_cache *jids;
  char error[200];
};

int imp_xml_pool_new(imp_xml_pool **out, size_t max_contexts, imp_jid_cache *cache) {
  if (max_contexts < 2 || max_contexts > 4096) {
    return IMP_ERR_RANGE;
  }
  imp_xml_pool *pool = imp_calloc(1, sizeof *pool);
  if (pool == NULL) {
    return IMP_ERR_NOMEM;
  }
  xmlInitParser();
  imp_list_init(&pool->free);
  pool->max = max_contexts;
  pool->jids = cache;
  *out = pool;
  return IMP_OK;
}

static void destroy(imp_xml_pool *pool, imp_xml_ctx *ctx) {
  imp_list_remove(&ctx->link);
  imp_xml_ctx_del(ctx);
  --pool->total;
}

void imp_xml_pool_del(imp_xml_pool *pool) {
  if (pool == NULL) {
    return;
  }
  while (!imp_list_empty(&pool->free)) {
    destroy(pool, IMP_CONTAINER_OF(pool->free.next, imp_xml_ctx, link));
  }
  imp_free(pool);
}

imp_jid_cache *imp_xml_pool_jids(imp_xml_pool *pool) { return pool->jids; }

size_t imp_xml_pool_contexts(const imp_xml_pool *pool) { return pool->total; }

const char *imp_xml_pool_error_text(const imp_xml_pool *pool) { return pool->error; }

void imp_xml_pool_set_error(imp_xml_pool *pool, const char *what, size_t where) {
  size_t len = strcspn(what, "\n");
  imp_set_error(pool->error, sizeof pool->error, "%.*s (byte %lu)", (int)(len < 140 ? len : 140), what,
                (unsigned long)where);
  for (char *p = pool->error; *p != '\0'; ++p) { /* libxml2 quotes the peer, also what is no UTF-8 */
    if (*p < 0x20 || *p > 0x7e) {
      *p = '?';
    }
  }
}

/* One that stands in this header; else one that nobody misses: of no use as it is, or not used for longest. Reading a
   peer's header (content NONE) mostly leaves a client's context behind, so it may take one. */
static imp_xml_ctx *find(imp_xml_pool *pool, uint8_t content) {
  imp_xml_ctx *useless = NULL, *client = NULL, *ctx = NULL;
  for (imp_list *node = pool->free.next; node != &pool->free; node = node->next) {
    ctx = IMP_CONTAINER_OF(node, imp_xml_ctx, link);
    if (content != IMP_CONTENT_NONE && ctx->content == content) {
      return ctx;
    }
    useless = ctx->content == IMP_CONTENT_NONE ? ctx : useless;
    client = ctx->content == IMP_CONTENT_CLIENT ? ctx : client;
  }
  if (useless == NULL && content == IMP_CONTENT_NONE) {
    useless = client;
  }
  return useless != NULL || pool->total < pool->max ? useless : ctx;
}

static const char *header_for(uint8_t content, const char *header) {
  switch (content) {
  case IMP_CONTENT_CLIENT:
    return "<stream:stream xmlns='" IMP_NS_CLIENT "' xmlns:stream='" IMP_NS_STREAMS "'>";
  case IMP_CONTENT_SERVER:
    return "<stream:stream xmlns='" IMP_NS_SERVER "' xmlns:stream='" IMP_NS_STREAMS "'>";
  case IMP_CONTENT_BARE:
    return "<document>";
  default:
    return header;
  }
}

imp_xml_ctx *imp_xml_pool_take(imp_xml_pool *pool, const imp_xml_limits *limits, uint8_t content, const char *header,
                               int hold, int *err) {
  if (hold && pool->held + 1 >= pool->max) {
    *err = IMP_ERR_LIMIT;
    return NULL;
  }
  imp_xml_ctx *ctx = find(pool, content);
  *err = IMP_OK;
  if (ctx == NULL) {
    ctx = imp_xml_ctx_new(pool);
    if (ctx == NULL) {
      *err = IMP_ERR_NOMEM;
      return NULL;
    }
    ++pool->total;
  }
  header = header_for(content, header);
  if (header != NULL && (content == IMP_CONTENT_NONE || ctx->content != content)) {
    *err = imp_xml_ctx_open(ctx, limits, content, header, strlen(header));
    if (*err != IMP_OK) {
      destroy(pool, ctx);
      return NULL;
    }
  }
  imp_list_remove(&ctx->link);
  ctx->held = (uint8_t)hold;
  pool->held += hold != 0;
  imp_xml_ctx_begin(ctx, limits);
  return ctx;
}

void imp_xml_pool_put(imp_xml_pool *pool, imp_xml_ctx *ctx, int good) {
  pool->held -= ctx->held;
  ctx->held = 0;
  if (!good || imp_xml_ctx_is_worn(ctx)) {
    destroy(pool, ctx);
  } else {
    imp_list_prepend(&pool->free, &ctx->link);
  }
}
