#include "core/buf.h"
#include "core/mem.h"
#include "xml/sax.h"
#include "xml/writer.h"

/* What a peer's header declares, told to the stream: the content namespace as attribute "xmlns" of the header element,
   and the header once more for later contexts, unless it is the usual one. */

static uint8_t content_of(const xmlChar *uri) {
  return xmlStrEqual(uri, (const xmlChar *)IMP_NS_CLIENT)   ? IMP_CONTENT_CLIENT
         : xmlStrEqual(uri, (const xmlChar *)IMP_NS_SERVER) ? IMP_CONTENT_SERVER
                                                            : IMP_CONTENT_NONE;
}

/* libxml2 hands pairs: prefix (NULL: the default), namespace. */
static uint8_t find_content(int count, const xmlChar **declared, const xmlChar **uri) {
  uint8_t content = IMP_CONTENT_NONE;
  *uri = NULL;
  for (int i = 0; i < count; ++i) {
    const xmlChar *prefix = declared[2 * i], *ns = declared[2 * i + 1];
    uint8_t found = content_of(ns);
    if (prefix == NULL && (found != IMP_CONTENT_NONE || content == IMP_CONTENT_NONE)) {
      *uri = ns;
      content = found;
      if (found != IMP_CONTENT_NONE) {
        break;
      }
    } else if (found != IMP_CONTENT_NONE && content == IMP_CONTENT_NONE) {
      *uri = ns;
      content = found;
    }
  }
  return content;
}

static int is_usual(const xmlChar *prefix, const xmlChar *local, int count, const xmlChar **declared) {
  int have_default = 0;
  for (int i = 0; i < count; ++i) {
    if (declared[2 * i] == NULL) {
      have_default = content_of(declared[2 * i + 1]) != IMP_CONTENT_NONE;
    } else if (!xmlStrEqual(declared[2 * i], (const xmlChar *)"stream") ||
               !xmlStrEqual(declared[2 * i + 1], (const xmlChar *)IMP_NS_STREAMS)) {
      return 0;
    }
  }
  return have_default && xmlStrEqual(prefix, (const xmlChar *)"stream") &&
         xmlStrEqual(local, (const xmlChar *)"stream") && count == 2;
}

static int put_name(imp_buf *buf, const char *between, const xmlChar *prefix, const xmlChar *local) {
  int err = imp_buf_append_str(buf, between);
  if (err == IMP_OK && prefix != NULL) {
    err = imp_buf_append_str(buf, (const char *)prefix);
    err = err == IMP_OK && local != NULL ? imp_buf_append_str(buf, ":") : err;
  }
  return err == IMP_OK && local != NULL ? imp_buf_append_str(buf, (const char *)local) : err;
}

static char *header_again(const xmlChar *prefix, const xmlChar *local, int count, const xmlChar **declared) {
  imp_buf buf;
  imp_buf_init(&buf, 1 << 20);
  int err = put_name(&buf, "<", prefix, local);
  for (int i = 0; i < count && err == IMP_OK; ++i) {
    const char *uri = (const char *)declared[2 * i + 1];
    err = put_name(&buf, declared[2 * i] != NULL ? " xmlns:" : " xmlns", declared[2 * i], NULL);
    err = err == IMP_OK ? imp_buf_append_str(&buf, "='") : err;
    err = err == IMP_OK && uri != NULL ? imp_xml_escape(&buf, uri, strlen(uri)) : err;
    err = err == IMP_OK ? imp_buf_append_str(&buf, "'") : err;
  }
  if (err == IMP_OK) {
    err = imp_buf_append_str(&buf, ">");
  }
  char *text = err == IMP_OK ? imp_strndup((char *)imp_buf_data(&buf), imp_buf_len(&buf)) : NULL;
  imp_buf_reset(&buf);
  return text;
}

int imp_xml_header_note(imp_xml_ctx *ctx, const xmlChar *prefix, const xmlChar *local, int count,
                        const xmlChar **declared) {
  const xmlChar *uri;
  ctx->header_content = find_content(count, declared, &uri);
  if (uri != NULL) {
    size_t len = strlen((const char *)uri);
    const char *copy = imp_arena_strndup(&ctx->st->arena, (const char *)uri, len);
    if (copy == NULL || imp_elem_put_attr(ctx->st, &ctx->st->root, "xmlns", imp_ns_none, copy, len) == NULL) {
      return 0;
    }
  }
  if (!is_usual(prefix, local, count, declared)) {
    ctx->header = header_again(prefix, local, count, declared);
    return ctx->header != NULL;
  }
  return 1;
}
