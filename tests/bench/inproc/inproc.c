#include "inproc.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct {
  const char *counts;
  size_t messages, batch;
  int sm, json;
} opt = {"100,1000,10000,100000", 400000, 16, 0, 0};

static _Noreturn void usage(int status) {
  fputs("bench_inproc [--counts N,N,..] [--messages N] [--batch N] [--sm] [--json]\n"
        "  --counts    connections in one node, one line each (even numbers)\n"
        "  --messages  how many to exchange; 0: only log in\n"
        "  --batch     senders that a turn serves, eight messages each\n",
        status ? stderr : stdout);
  exit(status);
}

static void options(int argc, char **argv) {
  static const struct option l[] = {{"counts", 1, NULL, 'c'}, {"messages", 1, NULL, 'm'},
                                    {"batch", 1, NULL, 'b'},  {"sm", 0, &opt.sm, 1},
                                    {"json", 0, &opt.json, 1}, {"help", 0, NULL, 'h'},
                                    {NULL, 0, NULL, 0}};
  for (int ch; (ch = getopt_long(argc, argv, "", l, NULL)) != -1;)
    switch (ch) {
    case 0: break;
    case 'c': opt.counts = optarg; break;
    case 'm': opt.messages = strtoul(optarg, NULL, 10); break;
    case 'b': opt.batch = strtoul(optarg, NULL, 10); break;
    case 'h': usage(0);
    default: usage(1);
    }
}

struct outcome {
  size_t n;
  double heap, rss, login_ns, msg_ns;
  imp_stats stats;
};

static void print(const struct outcome *o) {
  if (opt.json)
    printf("{\"mode\":\"inproc\",\"connections\":%zu,\"sm\":%d,\"heap_bytes\":%.0f,"
           "\"rss_bytes\":%.0f,\"login_ns\":%.0f,\"msg_ns\":%.0f}\n",
           o->n, opt.sm, o->heap, o->rss, o->login_ns, o->msg_ns);
  else
    printf("%11zu %14.0f %13.0f %12.0f %14.0f\n", o->n, o->heap, o->rss, o->login_ns, o->msg_ns);
  fflush(stdout);
}

static void measure_chat(struct world *w, struct outcome *o) {
  inproc_chat(w, opt.messages / 10, opt.batch); /* warm */
  imp_stats before;
  imp_node_stats(w->node, &before, sizeof before);
  struct gauge a = gauge_read();
  inproc_chat(w, opt.messages, opt.batch);
  struct gauge b = gauge_read();
  imp_node_stats(w->node, &o->stats, sizeof o->stats);
  double delivered = (double)(o->stats.stanzas_out - before.stanzas_out);
  if (delivered < (double)opt.messages) {
    fprintf(stderr, "inproc: %.0f of %zu messages delivered\n", delivered, opt.messages);
    exit(1);
  }
  o->msg_ns = (b.cpu_ns - a.cpu_ns) / delivered;
}

static void run(size_t n) {
  struct world w;
  struct outcome o = {.n = n};
  world_open(&w, n, opt.sm);
  struct gauge a = gauge_read();
  while (w.n < n)
    world_login(&w);
  struct gauge b = gauge_read();
  o.heap = (b.heap - a.heap) / (double)n;
  o.rss = (b.rss - a.rss) / (double)n;
  o.login_ns = (b.cpu_ns - a.cpu_ns) / (double)n;
  if (opt.messages)
    measure_chat(&w, &o);
  print(&o);
  world_close(&w);
}

int main(int argc, char **argv) {
  options(argc, argv);
  if (!opt.json)
    printf("%11s %14s %13s %12s %14s\n", "connections", "heap B/session", "RSS B/session",
           "ns per login", "ns per message");
  for (const char *p = opt.counts; *p;) {
    char *end;
    size_t n = strtoul(p, &end, 10) & ~(size_t)1;
    if (end == p || n < 2 || n > 1000000)
      usage(1);
    run(n);
    p = *end == ',' ? end + 1 : end;
  }
  return 0;
}
