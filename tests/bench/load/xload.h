/*
 * xload: an XMPP client load tool that shares no code with any server it measures.
 *
 * One thread, epoll, OpenSSL for TLS and hashes, no XMPP library. It speaks plain TCP, STARTTLS or
 * direct TLS, SASL PLAIN or SCRAM-SHA-1, resource binding, the old session iq, XEP-0198 (ack and
 * resume) and presence. Users are user0 .. userN-1 at the domain, all with the same password.
 *
 * Every message carries its sender's index, a sequence number and the time of sending, so that
 * losses, duplicates, disorder and latency are seen at the receiving end.
 */
#ifndef XLOAD_H
#define XLOAD_H

#include <openssl/ssl.h>
#include <stddef.h>
#include <stdint.h>

#define NS_SM "urn:xmpp:sm:3"
#define XL_MAXPIDS 16

enum xl_mode { MODE_IDLE, MODE_CHAT, MODE_ECHO, MODE_RESUME, MODE_PRESENCE, MODE_STORM };
enum xl_drop { DROP_RX = 1, DROP_TX = 2 };

enum xl_state {
  ST_NEW,
  ST_CONNECT,
  ST_STREAM,
  ST_STARTTLS,
  ST_HANDSHAKE,
  ST_AUTH,
  ST_BIND,
  ST_SESSION,
  ST_SM,
  ST_RESUME,
  ST_UP,
  ST_DOWN, /* cut on purpose, will resume */
  ST_DEAD
};

/* options.c */
struct xl_options {
  enum xl_mode mode;
  const char *host, *domain, *pass, *to;
  int port, tls, scram, session, sm, sm_every, presence, raw, bare, json, pidtree;
  int n, ramp, par, window, body, k, rounds, gap_ms, drop;
  double hold, time, warm, maxtime, rate;
  int pids[XL_MAXPIDS], npids;
};
extern struct xl_options opt;
void options_read(int argc, char **argv);
const char *options_mode_name(void);

/* hist.c: log-linear histogram of nanoseconds, 1.6 % resolution */
struct hist {
  uint64_t bucket[60 * 64], n;
};
void hist_add(struct hist *h, uint64_t ns);
double hist_ms(const struct hist *h, double quantile);

/* proc.c: the measured server's processes, this process and the machine, through /proc */
struct usage {
  double cpu_s, rss_kb;
};
struct usage proc_server(void);
double proc_self_cpu(void);
double proc_machine_cpu(void);

/* conn.c: connections, their buffers and the event loop */
struct buf {
  char *p;
  size_t n, cap;
};

/* scan.c: finds the ends of the stream header and of each child of the stream */
struct scan {
  size_t pos, start, tag;
  int depth, in_tag;
  char quote;
};

struct conn {
  int fd, idx, peer; /* peer: whom we send to, or -1 */
  enum xl_state st;
  int tls_on, authed, dirty, want_out, restart, is_sender, scram_step;
  SSL *ssl;
  struct buf in, out;
  struct scan sc;
  uint64_t t0, t_due; /* start of login or reconnection; when a reconnection is due */
  char jid[160], nonce[40];
  unsigned char server_sig[20];
  /* XEP-0198 */
  int sm_on, sm_since_r;
  uint32_t sm_in, sm_acked;
  char sm_id[256];
  char **q; /* unacknowledged stanzas, kept in resume mode */
  size_t qhead, qn, qcap;
  /* what this connection sent, and what arrived of it */
  uint64_t seq, uniq, top;
  unsigned char *seen;
  size_t seen_cap;
  int drop_after, dropped_round, approved;
};

struct xl_world {
  struct conn *conn;
  int n;                       /* connections in all */
  int opened, up, failed, busy; /* started, established, given up, under way */
  int sm_sessions, resumed, resume_failed;
  int running, recording; /* senders refill their windows; deliveries count */
  int approvals;
  uint64_t delivered, dups, reorders, bad, bounced, win_delivered, presences;
  double win_s, win_cpu, win_self_cpu, win_other_cpu;
  struct hist login, msg, resume;
};
extern struct xl_world w;

uint64_t now_ns(void);
double elapsed_s(void); /* since loop_init */
_Noreturn void die(const char *what);

void loop_init(void);
void loop_turn(int ms);
void loop_flush(void);
void loop_for(double seconds);
void conn_start(struct conn *c);
void conn_close(struct conn *c, int abrupt);
void conn_fail(struct conn *c, const char *why);
void conn_want_write(struct conn *c, int on);
void conn_flush(struct conn *c);
void put(struct conn *c, const char *s, size_t n);
void putf(struct conn *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
#define PUT(c, lit) put(c, lit, sizeof(lit) - 1)

/* tls.c; reads and writes return -1 with errno EAGAIN when nothing can be done now */
void tls_init(void);
void tls_start(struct conn *c);
void tls_step(struct conn *c);
ptrdiff_t tls_read(struct conn *c, char *p, size_t n);
ptrdiff_t tls_write(struct conn *c, const char *p, size_t n);

/* scan.c: hands each complete child of the stream in c->in to stanza_in */
void scan_input(struct conn *c);

/* xml.c: small helpers on one complete stanza */
int xml_attr(const char *s, size_t n, const char *name, char *out, size_t cap);
int xml_is(const char *s, size_t n, const char *name);
int xml_has(const char *s, size_t n, const char *what);
int xml_base64(const char *s, size_t n, char *out, size_t cap); /* text of the first element */

/* auth.c */
void auth_start(struct conn *c);
void auth_challenge(struct conn *c, const char *s, size_t n);
int auth_verify(struct conn *c, const char *s, size_t n);

/* login.c */
void login_open_stream(struct conn *c);
void login_features(struct conn *c, const char *s, size_t n);
void login_iq(struct conn *c, const char *s, size_t n);
void login_sasl(struct conn *c, const char *s, size_t n);
void login_raw(struct conn *c);
void login_done(struct conn *c);
void login_all(void);

/* sm.c */
void sm_sent(struct conn *c, const char *s, size_t n);
void sm_element(struct conn *c, const char *s, size_t n);

/* stanza.c */
void stanza_in(struct conn *c, const char *s, size_t n);
void stanza_out(struct conn *c, const char *s, size_t n);

/* traffic.c */
void traffic_send(struct conn *c);
void traffic_arrived(struct conn *c, const char *s, size_t n, const char *mark);
void traffic_cut(struct conn *c);
void traffic_pace_start(void);
void traffic_pace(void);
uint64_t traffic_sent(void);
uint64_t traffic_unique(void);
void traffic_drain(double seconds);

/* window.c: a measured stretch of time */
void window_begin(void);
void window_end(void);

/* chat.c, resume.c, presence.c, storm.c: one mode each */
void chat_run(void);
void resume_run(void);
void presence_run(void);
void presence_approve(struct conn *c);
void presence_in(struct conn *c, const char *s, size_t n);
void presence_roster(struct conn *c, const char *s, size_t n);
void storm_run(void);

/* report.c */
void report_login(struct usage before, struct usage up);
int report_end(struct usage before, struct usage up, struct usage after);

#endif
