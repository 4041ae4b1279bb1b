#include "xml/ns.h"

#include <string.h>

const char imp_ns_client[] = IMP_NS_CLIENT;
const char imp_ns_server[] = IMP_NS_SERVER;
const char imp_ns_streams[] = IMP_NS_STREAMS;
const char imp_ns_framing[] = IMP_NS_FRAMING;
const char imp_ns_xml[] = IMP_NS_XML;
const char imp_ns_none[] = "";

/* Sorted by length, then by bytes: a unit test checks it. */
static const struct known {
  const char *s;
  size_t len;
} known[] = {
    /* clang-format off */
    {imp_ns_none, 0}, {"a", 1}, {"c", 1}, {"h", 1}, {"p", 1}, {"r", 1}, {"x", 1}, {"by", 2},
    {"id", 2}, {"iq", 2}, {"iv", 2}, {"sm", 2}, {"to", 2}, {"ext", 3}, {"fin", 3}, {"jid", 3},
    {"key", 3}, {"max", 3}, {"rid", 3}, {"set", 3}, {"sid", 3}, {"var", 3}, {"ver", 3},
    {"auth", 4}, {"bind", 4}, {"body", 4}, {"code", 4}, {"copy", 4}, {"from", 4}, {"gone", 4},
    {"hash", 4}, {"host", 4}, {"html", 4}, {"item", 4}, {"keys", 4}, {"lang", 4}, {"last", 4},
    {"name", 4}, {"node", 4}, {"open", 4}, {"ping", 4}, {"port", 4}, {"sent", 4}, {"show", 4},
    {"span", 4}, {"text", 4}, {"time", 4}, {"type", 4}, {"abort", 5}, {"close", 5}, {"count", 5},
    {"delay", 5}, {"error", 5}, {"field", 5}, {"first", 5}, {"label", 5}, {"query", 5},
    {"stamp", 5}, {"store", 5}, {"value", 5}, {"xmlns", 5}, {"active", 6}, {"device", 6},
    {"enable", 6}, {"failed", 6}, {"header", 6}, {"inline", 6}, {"option", 6}, {"paused", 6},
    {"previd", 6}, {"result", 6}, {"resume", 6}, {"status", 6}, {"stream", 6}, {"thread", 6},
    {"disable", 7}, {"enabled", 7}, {"failure", 7}, {"feature", 7}, {"message", 7},
    {"no-copy", 7}, {"payload", 7}, {"private", 7}, {"proceed", 7}, {"replace", 7},
    {"request", 7}, {"resumed", 7}, {"session", 7}, {"subject", 7}, {"success", 7},
    {"version", 7}, {"continue", 8}, {"features", 8}, {"identity", 8}, {"inactive", 8},
    {"location", 8}, {"markable", 8}, {"no-store", 8}, {"optional", 8}, {"presence", 8},
    {"priority", 8}, {"received", 8}, {"required", 8}, {"resource", 8}, {"response", 8},
    {"software", 8}, {"starttls", 8}, {"challenge", 9}, {"composing", 9}, {"displayed", 9},
    {"encrypted", 9}, {"forwarded", 9}, {"mechanism", 9}, {"origin-id", 9}, {"stanza-id", 9},
    {"mechanisms", 10}, {"user-agent", 10}, {"acknowledged", 12}, {"authenticate", 12},
    {imp_ns_client, 13}, {imp_ns_server, 13}, {IMP_NS_DATA, 13}, {"see-other-uri", 13},
    {IMP_NS_PING, 13}, {IMP_NS_SM, 13}, {IMP_NS_TIME, 13}, {"authentication", 14},
    {IMP_NS_CSI, 14}, {IMP_NS_DELAY, 14}, {IMP_NS_HINTS, 14}, {IMP_NS_MAM, 14}, {IMP_NS_SID, 14},
    {"additional-data", 15}, {IMP_NS_BIND2, 15}, {IMP_NS_FAST, 15}, {IMP_NS_SASL2, 15},
    {"initial-response", 16}, {IMP_NS_ROSTER, 16}, {IMP_NS_VERSION, 17}, {IMP_NS_RECEIPTS, 17},
    {"no-permanent-store", 18}, {IMP_NS_CARBONS, 18}, {IMP_NS_FORWARD, 18}, {IMP_NS_SASL_CB, 18},
    {IMP_NS_MARKERS, 23}, {"authorization-identifier", 24}, {IMP_NS_XHTML, 28}, {IMP_NS_MUC, 30},
    {IMP_NS_CAPS, 31}, {IMP_NS_TLS, 31}, {imp_ns_streams, 32}, {IMP_NS_BIND, 32},
    {IMP_NS_SASL, 32}, {IMP_NS_MUC_USER, 35}, {IMP_NS_XHTML_IM, 35}, {imp_ns_framing, 35},
    {IMP_NS_SESSION, 35}, {IMP_NS_STANZAS, 35}, {IMP_NS_STREAM_ERRORS, 35}, {imp_ns_xml, 36},
    {IMP_NS_CHATSTATES, 37}, {IMP_NS_DISCO_INFO, 37}, {IMP_NS_DISCO_ITEMS, 38},
    /* clang-format on */
};

const char *imp_xml_intern(const char *s, size_t len) {
  size_t low = 0, high = sizeof(known) / sizeof(known[0]);
  while (low < high) {
    size_t mid = (low + high) / 2;
    int order = len == known[mid].len ? memcmp(s, known[mid].s, len) : len < known[mid].len ? -1 : 1;
    if (order == 0) {
      return known[mid].s;
    }
    if (order < 0) {
      high = mid;
    } else {
      low = mid + 1;
    }
  }
  return NULL;
}
