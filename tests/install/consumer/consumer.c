/* What a host does first, against an installed copy: a node, a loop, a store, a client. */
#include <stdio.h>
#include <string.h>

#include <imp/curl.h>
#include <imp/imp.h>
#include <imp/sqlite.h>
#include <imp/testkit.h>
#include <imp/uv.h>

static int check_jid(void) {
  imp_jid *jid;
  if (imp_jid_new(&jid, "Juliet@Capulet.example/Balcony", strlen("Juliet@Capulet.example/Balcony")) != IMP_OK) {
    return 1;
  }
  int bad = strcmp(imp_jid_full(jid), "juliet@capulet.example/Balcony") != 0;
  imp_jid_del(jid);
  return bad;
}

static int check_node(void) {
  imp_settings settings;
  imp_callbacks callbacks;
  imp_node *node;
  imp_uv *uv;
  uv_loop_t loop;
  imp_settings_default(&settings, sizeof settings);
  settings.domain = "capulet.example";
  imp_uv_callbacks(&callbacks, sizeof callbacks);
  if (uv_loop_init(&loop) != 0 || imp_node_new(&node, &settings, &callbacks, NULL) != IMP_OK) {
    return 1;
  }
  if (imp_uv_new(&uv, &loop, node) != IMP_OK) {
    return 1;
  }
  imp_uv_del(uv);
  uv_run(&loop, UV_RUN_DEFAULT);
  imp_node_del(node);
  return uv_loop_close(&loop) != 0;
}

/* The installed test kit, on the installed store. */
static int check_store(const char *path) {
  imp_testkit_store kit = {.size = sizeof kit, .vtable = imp_sqlite_vtable()};
  imp_sqlite *store;
  char text[200];
  remove(path);
  if (imp_sqlite_new(&store, path, NULL, text, sizeof text) != IMP_OK) {
    puts(text);
    return 1;
  }
  kit.ctx = store;
  int bad = imp_testkit_store_check(&kit, text, sizeof text) != IMP_OK;
  imp_sqlite_del(store);
  printf("store: %s\n", bad ? text : "conforms");
  return bad;
}

static int check_client(void) {
  uv_loop_t loop;
  imp_curl *curl;
  char text[200];
  if (uv_loop_init(&loop) != 0 || imp_curl_new(&curl, &loop, NULL, text, sizeof text) != IMP_OK) {
    return 1;
  }
  int bad = imp_curl_vtable()->start == NULL;
  imp_curl_del(curl);
  uv_run(&loop, UV_RUN_DEFAULT);
  return uv_loop_close(&loop) != 0 || bad;
}

int main(int argc, char **argv) {
  char path[1024];
  snprintf(path, sizeof path, "%s.db", argc > 0 ? argv[0] : "consumer");
  int bad = strcmp(imp_version(), IMP_VERSION) != 0 || check_jid() || check_node() ||
            check_store(path) || check_client();
  puts(bad ? "bad" : "good");
  return bad;
}
