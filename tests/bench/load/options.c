#include "xload.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct xl_options opt = {.host = "127.0.0.1",
                         .domain = "localhost",
                         .pass = "pass",
                         .port = 5222,
                         .sm_every = 5,
                         .n = 100,
                         .ramp = 500,
                         .par = 50,
                         .window = 8,
                         .body = 100,
                         .k = 20,
                         .rounds = 1,
                         .gap_ms = 100,
                         .drop = DROP_RX,
                         .hold = 5,
                         .time = 10,
                         .warm = 2,
                         .maxtime = 300};

static const char *const mode_names[] = {"idle", "chat", "echo", "resume", "presence", "storm"};

const char *options_mode_name(void) {
  return mode_names[opt.mode];
}

static _Noreturn void usage(int status) {
  fputs("xload MODE [options]   MODE: idle | chat | echo | resume | presence | storm\n"
        "  --host A --port P --domain D --pass S   where, and the users' password\n"
        "  --tls --scram --session --presence      STARTTLS, SCRAM-SHA-1 (else PLAIN), session iq\n"
        "  --sm --sm-every N                       XEP-0198; <r/> after every N stanzas\n"
        "  -n N   sessions (idle, echo, storm), pairs (chat, resume), contacts (presence)\n"
        "  --ramp R --par P                        logins a second, logins under way at once\n"
        "  --hold T                                idle: seconds held\n"
        "  --time T --warm T -W N -B N             measured, warm-up, window, body bytes\n"
        "  --rate R                                chat, echo: R messages/s in all, no window\n"
        "  --bare --to JID                         bare JIDs; the echo address\n"
        "  --raw                                   no negotiation (relay, handshake floor)\n"
        "  -K N --rounds R --gap MS --drop rx|tx|both   resume, storm\n"
        "  --pid P[,P..] --pid-tree                the server's processes\n"
        "  --max-time T --json\n",
        status ? stderr : stdout);
  exit(status);
}

static int number(const char *s) {
  char *end;
  long v = strtol(s, &end, 10);
  if (end == s || *end || v < 0 || v > 1000000000)
    usage(1);
  return (int)v;
}

static void read_pids(const char *s) {
  char *end;
  for (; *s && opt.npids < XL_MAXPIDS; s = *end == ',' ? end + 1 : end) {
    opt.pids[opt.npids++] = (int)strtol(s, &end, 10);
    if (end == s)
      usage(1);
  }
}

enum { O_HOST = 256, O_PORT, O_DOMAIN, O_PASS, O_SMEVERY, O_RAMP, O_PAR, O_HOLD, O_TIME, O_WARM,
       O_TO, O_ROUNDS, O_GAP, O_DROP, O_PID, O_MAXTIME, O_RATE, O_HELP };

static const struct option long_options[] = {
    {"host", 1, NULL, O_HOST},       {"port", 1, NULL, O_PORT},
    {"domain", 1, NULL, O_DOMAIN},   {"pass", 1, NULL, O_PASS},
    {"tls", 0, &opt.tls, 1},         {"scram", 0, &opt.scram, 1},
    {"session", 0, &opt.session, 1}, {"presence", 0, &opt.presence, 1},
    {"sm", 0, &opt.sm, 1},           {"sm-every", 1, NULL, O_SMEVERY},
    {"ramp", 1, NULL, O_RAMP},       {"par", 1, NULL, O_PAR},
    {"hold", 1, NULL, O_HOLD},       {"time", 1, NULL, O_TIME},
    {"warm", 1, NULL, O_WARM},       {"bare", 0, &opt.bare, 1},
    {"to", 1, NULL, O_TO},           {"raw", 0, &opt.raw, 1},
    {"rounds", 1, NULL, O_ROUNDS},   {"gap", 1, NULL, O_GAP},
    {"drop", 1, NULL, O_DROP},       {"pid", 1, NULL, O_PID},
    {"pid-tree", 0, &opt.pidtree, 1}, {"max-time", 1, NULL, O_MAXTIME},
    {"json", 0, &opt.json, 1},       {"rate", 1, NULL, O_RATE},
    {"help", 0, NULL, O_HELP},       {NULL, 0, NULL, 0}};

static void one_option(int ch, const char *arg) {
  switch (ch) {
  case 0: break;
  case O_HOST: opt.host = arg; break;
  case O_PORT: opt.port = number(arg); break;
  case O_DOMAIN: opt.domain = arg; break;
  case O_PASS: opt.pass = arg; break;
  case O_SMEVERY: opt.sm_every = number(arg); break;
  case O_RAMP: opt.ramp = number(arg); break;
  case O_PAR: opt.par = number(arg); break;
  case O_HOLD: opt.hold = strtod(arg, NULL); break;
  case O_TIME: opt.time = strtod(arg, NULL); break;
  case O_WARM: opt.warm = strtod(arg, NULL); break;
  case O_TO: opt.to = arg; break;
  case O_ROUNDS: opt.rounds = number(arg); break;
  case O_GAP: opt.gap_ms = number(arg); break;
  case O_DROP: opt.drop = !strcmp(arg, "tx") ? DROP_TX : !strcmp(arg, "both") ? 3 : DROP_RX; break;
  case O_PID: read_pids(arg); break;
  case O_MAXTIME: opt.maxtime = strtod(arg, NULL); break;
  case O_RATE: opt.rate = strtod(arg, NULL); break;
  case 'n': opt.n = number(arg); break;
  case 'W': opt.window = number(arg); break;
  case 'B': opt.body = number(arg); break;
  case 'K': opt.k = number(arg); break;
  case O_HELP: usage(0);
  default: usage(1);
  }
}

void options_read(int argc, char **argv) {
  int mode = -1, ch;
  if (argc > 1 && !strcmp(argv[1], "--help"))
    usage(0);
  for (int i = 0; argc > 1 && i < (int)(sizeof mode_names / sizeof *mode_names); i++)
    if (!strcmp(argv[1], mode_names[i]))
      mode = i;
  if (mode < 0)
    usage(1);
  opt.mode = (enum xl_mode)mode;
  optind = 2;
  while ((ch = getopt_long(argc, argv, "n:W:B:K:", long_options, NULL)) != -1)
    one_option(ch, optarg);
  if (opt.n < 1 || opt.n > 200000 || opt.body > 4000 || opt.k < 1 || opt.sm_every < 1 ||
      (opt.mode == MODE_ECHO && !opt.to))
    usage(1);
  if (opt.mode == MODE_RESUME || (opt.mode == MODE_STORM && !opt.raw))
    opt.sm = 1;
  if (opt.mode == MODE_PRESENCE || opt.bare)
    opt.presence = 1;
}
