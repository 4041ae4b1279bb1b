#include <string.h>

#include "xml/sink.h"
#include "xml/writer.h"

static void put_attr(imp_xml_sink *sink, const char *name, const char *value) {
  if (value != NULL) {
    imp_xml_put(sink, name, strlen(name));
    imp_xml_put_lit(sink, "='");
    imp_xml_put_escaped(sink, value, strlen(value));
    imp_xml_put_lit(sink, "'");
  }
}

static void put_header(imp_xml_sink *sink, const void *arg, imp_framing framing) {
  const imp_xml_header *header = arg;
  if (framing == IMP_FRAMING_WEBSOCKET) {
    imp_xml_put_lit(sink, "<open xmlns='" IMP_NS_FRAMING "'");
  } else {
    imp_xml_put_lit(sink, "<?xml version='1.0'?><stream:stream");
    put_attr(sink, " xmlns", header->content_ns);
    imp_xml_put_lit(sink, " xmlns:stream='" IMP_NS_STREAMS "'");
    put_attr(sink, " xmlns:db", header->dialback ? "jabber:server:dialback" : NULL);
  }
  put_attr(sink, " from", header->from);
  put_attr(sink, " to", header->to);
  put_attr(sink, " id", header->id);
  put_attr(sink, " version", "1.0");
  put_attr(sink, " xml:lang", header->lang);
  imp_xml_put(sink, "/>", framing == IMP_FRAMING_WEBSOCKET ? 2 : 0);
  imp_xml_put(sink, ">", framing == IMP_FRAMING_WEBSOCKET ? 0 : 1);
}

typedef struct stream_error {
  const char *condition, *text, *extra;
} stream_error;

static void put_error(imp_xml_sink *sink, const void *arg, imp_framing framing) {
  const stream_error *error = arg;
  imp_xml_put_lit(sink, "<stream:error");
  put_attr(sink, " xmlns:stream", framing == IMP_FRAMING_WEBSOCKET ? IMP_NS_STREAMS : NULL);
  imp_xml_put_lit(sink, "><");
  imp_xml_put(sink, error->condition, strlen(error->condition));
  imp_xml_put_lit(sink, " xmlns='" IMP_NS_STREAM_ERRORS "'/>");
  if (error->text != NULL) {
    imp_xml_put_lit(sink, "<text xmlns='" IMP_NS_STREAM_ERRORS "' xml:lang='en'>");
    imp_xml_put_escaped(sink, error->text, strlen(error->text));
    imp_xml_put_lit(sink, "</text>");
  }
  if (error->extra != NULL) {
    imp_xml_put(sink, error->extra, strlen(error->extra));
  }
  imp_xml_put_lit(sink, "</stream:error>");
}

static int write_twice(imp_buf *out, void (*put)(imp_xml_sink *, const void *, imp_framing), const void *arg,
                       imp_framing framing) {
  imp_xml_sink sink = {NULL, NULL, 0};
  int err;
  put(&sink, arg, framing);
  sink.p = imp_buf_reserve(out, sink.len, &err);
  if (sink.p == NULL) {
    return err;
  }
  sink.end = sink.p + sink.len;
  sink.len = 0;
  put(&sink, arg, framing);
  imp_buf_commit(out, sink.len);
  return IMP_OK;
}

int imp_xml_write_header(imp_buf *out, const imp_xml_header *header, imp_framing framing) {
  return write_twice(out, put_header, header, framing);
}

int imp_xml_write_stream_error(imp_buf *out, const char *condition, const char *text, const char *extra,
                               imp_framing framing) {
  stream_error error = {condition, text, extra};
  return write_twice(out, put_error, &error, framing);
}

int imp_xml_write_close(imp_buf *out, imp_framing framing) {
  return imp_buf_append_str(out, framing == IMP_FRAMING_WEBSOCKET ? "<close xmlns='" IMP_NS_FRAMING "'/>"
                                                                  : "</stream:stream>");
}
