#include "xml/scan.h"

#include <string.h>

/* Those from START on are inside a tag. */
enum { OUT, TEXT, LESS, BANG, CDATA, START, QUOTED, END, DECLARATION };

#define DECLARATION_MAX 256

void imp_xml_scan_init(imp_xml_scan *scan, unsigned depth) {
  memset(scan, 0, sizeof *scan);
  scan->depth = (uint16_t)depth;
}

int imp_xml_scan_is_idle(const imp_xml_scan *scan) { return scan->state == OUT; }

static int is_space(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

static int can_start_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80;
}

static imp_xml_scan_event fail(imp_xml_scan_result *result, imp_xml_error error, const char *what) {
  result->error = error;
  result->what = what;
  return IMP_XML_SCAN_ERROR;
}

/* What stands after '<'. */
static imp_xml_scan_event begin_tag(imp_xml_scan *scan, char c, const imp_xml_limits *limits,
                                    imp_xml_scan_result *result) {
  scan->attrs = 0;
  scan->slash = scan->match = 0;
  if (c == '/') {
    scan->state = END;
    if (scan->depth == 0) {
      return fail(result, IMP_XML_NOT_WELL_FORMED, "end tag without start tag");
    }
  } else if (c == '!') {
    scan->state = BANG;
    if (scan->depth <= 1) {
      return fail(result, IMP_XML_RESTRICTED, "comment, CDATA or document type outside stanzas");
    }
  } else if (c == '?') {
    scan->state = DECLARATION;
    if (scan->depth > 0) {
      return fail(result, IMP_XML_RESTRICTED, "processing instruction");
    }
  } else if (can_start_name(c)) {
    scan->state = START;
    if (scan->depth > limits->depth) {
      return fail(result, IMP_XML_POLICY_VIOLATION, "elements nested too deeply");
    }
  } else {
    return fail(result, IMP_XML_NOT_WELL_FORMED, "'<' without a name");
  }
  return IMP_XML_SCAN_MORE;
}

/* What a start tag outside of values need not be looked at for. */
static int is_dull(char c) { return c != '>' && c != '<' && c != '\'' && c != '"'; }

/* A start tag from p on, through its attributes, up to its '>', to what may not stand in it, or to the end. A '<' in a
   value is left to libxml2 to find, unless the value has no end yet: it may never come. */
static const char *in_start(imp_xml_scan *scan, const char *p, const char *end) {
  for (;;) {
    if (scan->state == QUOTED) {
      const char *close = p < end ? memchr(p, scan->quote, (size_t)(end - p)) : NULL;
      if (close == NULL) {
        close = p < end ? memchr(p, '<', (size_t)(end - p)) : NULL;
        return close != NULL ? close : end;
      }
      scan->state = START;
      scan->slash = 0;
      p = close + 1;
    }
    const char *from = p;
    while (p < end && is_dull(*p)) {
      ++p;
    }
    if (p > from) {
      scan->slash = p[-1] == '/';
    }
    if (p == end || *p == '>' || *p == '<') {
      return p;
    }
    scan->quote = (uint8_t)*p++;
    scan->state = QUOTED;
    scan->attrs = scan->attrs < UINT16_MAX ? (uint16_t)(scan->attrs + 1) : UINT16_MAX;
  }
}

/* "[CDATA[" byte for byte, then up to "]]>". */
static imp_xml_scan_event in_bang(imp_xml_scan *scan, char c, imp_xml_scan_result *result) {
  if (c != "[CDATA["[scan->match]) {
    return fail(result, IMP_XML_RESTRICTED, "comment or document type");
  }
  if (++scan->match == 7) {
    scan->state = CDATA;
    scan->match = 0;
  }
  return IMP_XML_SCAN_MORE;
}

static const char *in_cdata(imp_xml_scan *scan, const char *p, const char *end) {
  for (; p < end; ++p) {
    if (*p == ']') {
      scan->match = scan->match < 2 ? (uint8_t)(scan->match + 1) : 2;
    } else if (*p == '>' && scan->match == 2) {
      scan->state = TEXT;
      return p + 1;
    } else {
      scan->match = 0;
    }
  }
  return p;
}

/* After the '>' of a start tag: what ended? */
static imp_xml_scan_event end_start_tag(imp_xml_scan *scan, imp_xml_scan_result *result) {
  if (scan->depth == 0) {
    scan->state = OUT;
    scan->depth = 1;
    return scan->slash ? fail(result, IMP_XML_BAD_FORMAT, "stream closed in its own header") : IMP_XML_SCAN_HEADER;
  }
  scan->state = TEXT;
  if (!scan->slash) {
    ++scan->depth;
  } else if (scan->depth == 1) {
    scan->state = OUT;
    return IMP_XML_SCAN_STANZA;
  }
  return IMP_XML_SCAN_MORE;
}

static imp_xml_scan_event end_end_tag(imp_xml_scan *scan) {
  if (--scan->depth == 0) {
    scan->state = OUT;
    return IMP_XML_SCAN_CLOSE;
  }
  scan->state = scan->depth == 1 ? OUT : TEXT;
  return scan->depth == 1 ? IMP_XML_SCAN_STANZA : IMP_XML_SCAN_MORE;
}

static imp_xml_scan_event step_start(imp_xml_scan *scan, const imp_xml_limits *limits, const char **p, const char *end,
                                     imp_xml_scan_result *result) {
  *p = in_start(scan, *p, end);
  if (scan->attrs > limits->attributes) {
    return fail(result, IMP_XML_POLICY_VIOLATION, "too many attributes");
  }
  if (*p == end) {
    return IMP_XML_SCAN_MORE;
  }
  return *(*p)++ == '>' ? end_start_tag(scan, result) : fail(result, IMP_XML_NOT_WELL_FORMED, "'<' inside a tag");
}

static imp_xml_scan_event step_end(imp_xml_scan *scan, const char **p, const char *end, imp_xml_scan_result *result) {
  const char *gt = memchr(*p, '>', (size_t)(end - *p));
  if (gt != NULL) {
    *p = gt + 1;
    return end_end_tag(scan);
  }
  if (memchr(*p, '<', (size_t)(end - *p)) != NULL) {
    return fail(result, IMP_XML_NOT_WELL_FORMED, "'<' inside a tag");
  }
  *p = end;
  return IMP_XML_SCAN_MORE;
}

static imp_xml_scan_event in_declaration(imp_xml_scan *scan, const char **p, const char *end) {
  while (*p < end) {
    char c = *(*p)++;
    if (c == '>' && scan->match) {
      scan->state = OUT;
      return IMP_XML_SCAN_DECLARATION;
    }
    scan->match = c == '?';
  }
  return IMP_XML_SCAN_MORE;
}

/* White space outside stanzas, up to a '<' that begins something. */
static imp_xml_scan_event step_out(imp_xml_scan *scan, const char **p, const char *end, const char *data,
                                   imp_xml_scan_result *result) {
  while (*p < end && is_space(**p)) {
    ++*p;
  }
  result->start = (size_t)(*p - data);
  if (*p == end) {
    return IMP_XML_SCAN_MORE;
  }
  if (**p != '<') {
    return scan->depth == 0 ? fail(result, IMP_XML_NOT_WELL_FORMED, "text in front of the stream header")
                            : fail(result, IMP_XML_BAD_FORMAT, "text between stanzas");
  }
  scan->bytes = scan->tagpos = 0;
  scan->state = LESS;
  ++*p;
  return IMP_XML_SCAN_MORE;
}

static int in_tag(const imp_xml_scan *scan) { return scan->state >= START; }

/* A tag from its second byte on. Tags have a bound of their own: without it one could be as big as a stanza. */
static imp_xml_scan_event step_tag(imp_xml_scan *scan, const imp_xml_limits *limits, const char **p, const char *end,
                                   const char *data, imp_xml_scan_result *result) {
  size_t most = scan->state == DECLARATION ? DECLARATION_MAX : limits->attribute_bytes;
  imp_xml_scan_event event = scan->state == END           ? step_end(scan, p, end, result)
                             : scan->state == DECLARATION ? in_declaration(scan, p, end)
                                                          : step_start(scan, limits, p, end, result);
  size_t at = (size_t)(*p - data);
  if (event != IMP_XML_SCAN_ERROR && scan->bytes + at - result->start - scan->tagpos > most) {
    return fail(result, IMP_XML_POLICY_VIOLATION, "tag too big");
  }
  if (!in_tag(scan)) {
    result->safe = at;
  }
  return event;
}

static imp_xml_scan_event step(imp_xml_scan *scan, const imp_xml_limits *limits, const char **p, const char *end,
                               const char *data, imp_xml_scan_result *result) {
  switch (scan->state) {
  case OUT:
    return step_out(scan, p, end, data, result);
  case TEXT:
    *p = memchr(*p, '<', (size_t)(end - *p));
    if (*p == NULL) {
      *p = end;
    } else {
      scan->tagpos = scan->bytes + (uint32_t)((size_t)(*p - data) - result->start);
      scan->state = LESS;
      ++*p;
    }
    return IMP_XML_SCAN_MORE;
  case LESS:
    return begin_tag(scan, *(*p)++, limits, result);
  case BANG:
    return in_bang(scan, *(*p)++, result);
  case CDATA:
    *p = in_cdata(scan, *p, end);
    return IMP_XML_SCAN_MORE;
  default:
    return step_tag(scan, limits, p, end, data, result);
  }
}

imp_xml_scan_event imp_xml_scan_next(imp_xml_scan *scan, const imp_xml_limits *limits, const char *data, size_t len,
                                     imp_xml_scan_result *result) {
  const char *p = data, *end = data + len;
  imp_xml_scan_event event = IMP_XML_SCAN_MORE;
  memset(result, 0, sizeof *result);
  while (p < end && event == IMP_XML_SCAN_MORE) {
    event = step(scan, limits, &p, end, data, result);
  }
  result->used = (size_t)(p - data);
  if (event == IMP_XML_SCAN_MORE && imp_xml_scan_is_idle(scan)) {
    return event;
  }
  size_t bytes = scan->bytes + result->used - result->start;
  if (event != IMP_XML_SCAN_ERROR && bytes > limits->stanza_bytes) {
    return fail(result, IMP_XML_POLICY_VIOLATION, scan->depth == 0 ? "stream header too big" : "stanza too big");
  }
  scan->bytes = bytes < UINT32_MAX ? (uint32_t)bytes : UINT32_MAX;
  return event;
}
