/*
 * Requests to an account: publishing, nodes, vCards, private storage, bookmarks; and what a client says about itself.
 * A line is a stanza; it is from the user, or from a stranger if it begins with '-'. What a request leaves is read back.
 */
#include <imp/imp.h>
#include <imp/pep.h>
#include <stdlib.h>

#include "fuzz.h"
#include "node/node.h"
#include "pep/caps.h"

#define LINES_MAX 24

static imp_pep_settings bounds;

static void check(const imp_pep *pep) {
  imp_jid *jid;
  if (imp_jid_new_parts(&jid, "a", "d.example", NULL) != IMP_OK) {
    return;
  }
  const imp_pep_account *a = imp_pep_account_find(pep, jid);
  size_t bytes = 0, nodes = 0;
  if (a != NULL) {
    for (const imp_list *l = a->nodes.next; l != &a->nodes; l = l->next, nodes++) {
      const imp_pep_node *n = IMP_CONTAINER_OF(l, imp_pep_node, link);
      FUZZ_CHECK(n->nitems <= n->config.max_items && n->config.max_items <= bounds.max_items);
      for (uint32_t i = 0; i < n->nitems; i++) {
        bytes += n->items[i].bytes;
        FUZZ_CHECK(i == 0 || n->items[i].number > n->items[i - 1].number);
      }
    }
    FUZZ_CHECK(bytes == a->bytes && bytes <= bounds.max_bytes && nodes == a->nnodes && nodes <= bounds.max_nodes);
  }
  FUZZ_CHECK(pep->njobs == 0 && pep->kept == 0 && imp_list_empty(&pep->jobs));
  imp_jid_del(jid);
}

static void send_one(imp_node *node, const char *text, size_t len) {
  int stranger = len > 0 && text[0] == '-';
  imp_stanza *st;
  imp_jid *from, *to;
  char ver[96];
  if (imp_stanza_parse(&st, text + stranger, len - (size_t)stranger) != IMP_OK) {
    return;
  }
  (void)imp_caps_hash(imp_stanza_root(st), "sha-1", ver);
  if (imp_jid_new_parts(&from, stranger ? "b" : "a", "d.example", "r") == IMP_OK) {
    if (imp_jid_new_parts(&to, "a", "d.example", NULL) == IMP_OK) {
      imp_stanza_set_from(st, from);
      imp_stanza_set_to(st, to);
      imp_jid_del(to);
      if (!imp_stanza_is_broken(st) && imp_stanza_get_kind(st) == IMP_STANZA_IQ) {
        imp_node_route(node, NULL, st);
      }
    }
    imp_jid_del(from);
  }
  imp_stanza_del(st);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  imp_settings settings;
  imp_node *node;
  const char *p = (const char *)data, *end = p + size;
  imp_tstamp now = IMP_SECONDS;
  imp_settings_default(&settings, sizeof settings);
  settings.domain = "d.example";
  settings.log_level = IMP_LOG_ERROR;
  imp_pep_settings_default(&bounds, sizeof bounds);
  bounds.max_nodes = 4;
  bounds.max_items = 8;
  bounds.max_item_bytes = 1024;
  bounds.max_bytes = 4096;
  bounds.private_items = 4;
  bounds.private_bytes = 2048;
  FUZZ_CHECK(imp_node_new(&node, &settings, NULL, NULL) == IMP_OK);
  FUZZ_CHECK(imp_pep_set_settings(node, &bounds) == IMP_OK);
  for (int i = 0; p < end && i < LINES_MAX; i++) {
    const char *eol = memchr(p, '\n', (size_t)(end - p));
    size_t len = (size_t)((eol != NULL ? eol : end) - p);
    send_one(node, p, len);
    for (int turn = 0; turn < 8; turn++) {
      imp_node_turn(node, now++);
    }
    check(imp_pep_of(node));
    p += len + 1;
  }
  imp_node_del(node);
  return 0;
}
