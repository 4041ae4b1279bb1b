/*
 * A node on poll(2): everything that a loop has to do for the library, in one file and without another library.
 *
 *   bare_poll [PORT [CERTIFICATE.pem KEY.pem]]
 *
 * Listens on 127.0.0.1 (5222), knows alice and bob (password "secret"), and echo@localhost answers. Without a
 * certificate logins go unencrypted. SIGTERM and SIGINT end it in good order.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <imp/imp.h>

#define CONNS_MAX 1000

/* A transport and its connection; both are gone when fd is -1. */
typedef struct transport {
  int fd;
  imp_conn *conn;
  int blocked; /* the socket took no more */
} transport;

static transport transports[CONNS_MAX];
static int full; /* no file descriptors are left: nobody is let in until a connection has ended */
static volatile sig_atomic_t stop;

static void on_signal(int signum) { stop = signum; }

static imp_tstamp now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (imp_tstamp)t.tv_sec * IMP_SECONDS + (imp_tstamp)t.tv_nsec;
}

static imp_wallclock wallclock(void *user_data) {
  struct timespec t;
  (void)user_data;
  clock_gettime(CLOCK_REALTIME, &t);
  return (imp_wallclock)t.tv_sec * 1000 + (imp_wallclock)t.tv_nsec / 1000000;
}

static void end(transport *t) {
  imp_conn_del(t->conn, now_ns());
  close(t->fd);
  t->fd = -1;
  t->conn = NULL;
  full = 0;
}

/* Writes what there is; the rest waits for POLLOUT. Connections that are over are seen to in the loop. */
static void flush(transport *t) {
  imp_iovec iov[16];
  size_t n;
  while ((n = imp_conn_send_peekv(t->conn, iov, 16)) > 0) {
    ssize_t written = writev(t->fd, (const struct iovec *)(const void *)iov, (int)n);
    t->blocked = written < 0 && errno == EAGAIN;
    if (written < 0) {
      return; /* a broken connection tells poll(2) so */
    }
    imp_conn_send_done(t->conn, (size_t)written, now_ns());
  }
}

static void want_write(imp_conn *conn, void *user_data) {
  transport *t = imp_conn_get_user_data(conn);
  (void)user_data;
  if (!t->blocked) {
    flush(t);
  }
}

static void log_line(void *user_data, imp_log_area area, imp_log_level level, const char *subject, const char *text) {
  (void)user_data;
  fprintf(stderr, "%s %s %s: %s\n", imp_log_level_name(level), imp_log_area_name(area), subject, text);
}

static int on_stanza(imp_node *node, const imp_stanza *st, void *user_data) {
  const char *body = imp_stanza_get_body(st);
  (void)user_data;
  return body != NULL && imp_stanza_get_type(st) != IMP_TYPE_ERROR ? imp_node_reply_text(node, st, body) : IMP_OK;
}

static void accept_one(imp_node *node, int listener, int allow_plaintext) {
  imp_conn_params params = {.size = sizeof params, .role = IMP_ROLE_C2S, .allow_plaintext = (uint32_t)allow_plaintext};
  struct sockaddr_in from;
  socklen_t len = sizeof from;
  char peer[INET_ADDRSTRLEN];
  int one = 1, i = 0, fd = accept(listener, (struct sockaddr *)&from, &len);
  if (fd < 0) {
    full = errno == EMFILE || errno == ENFILE;
    return;
  }
  while (i < CONNS_MAX && transports[i].fd >= 0) {
    i++;
  }
  if (i == CONNS_MAX) {
    close(fd);
    return;
  }
  fcntl(fd, F_SETFL, O_NONBLOCK);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  params.peer = inet_ntop(AF_INET, &from.sin_addr, peer, sizeof peer);
  params.user_data = &transports[i];
  transports[i] = (transport){.fd = fd};
  if (imp_node_accept(node, &transports[i].conn, &params, now_ns()) != IMP_OK) {
    close(fd);
    transports[i].fd = -1;
  }
}

static void serve(transport *t, short events) {
  static char buf[65536];
  if (events & POLLOUT) {
    t->blocked = 0;
    flush(t);
  }
  if (events & (POLLIN | POLLHUP | POLLERR)) {
    ssize_t n = read(t->fd, buf, sizeof buf);
    if (n > 0) {
      imp_conn_recv(t->conn, buf, (size_t)n, now_ns());
    } else if (n == 0) {
      imp_conn_recv_eof(t->conn, now_ns());
    } else if (errno != EAGAIN) {
      end(t);
    }
  }
}

static int count(void) {
  int n = 0;
  for (int i = 0; i < CONNS_MAX; i++) {
    n += transports[i].fd >= 0;
  }
  return n;
}

/* One iteration: wait, read and write, end the turn, close what is over. */
static void iterate(imp_node *node, int listener, int allow_plaintext) {
  static struct pollfd fds[CONNS_MAX + 1];
  static transport *whose[CONNS_MAX + 1];
  nfds_t n = 1;
  imp_tstamp now = now_ns(), expiry = imp_node_get_expiry(node);
  int wait = expiry == IMP_TSTAMP_NEVER ? -1 : expiry <= now ? 0 : (int)((expiry - now) / IMP_MILLISECONDS % 60000) + 1;
  fds[0] = (struct pollfd){.fd = full ? -1 : listener, .events = POLLIN};
  for (transport *t = transports; t < transports + CONNS_MAX; t++) {
    if (t->fd >= 0) {
      short events = (short)((imp_conn_is_paused(t->conn) ? 0 : POLLIN) | (t->blocked ? POLLOUT : 0));
      whose[n] = t;
      fds[n++] = (struct pollfd){.fd = t->fd, .events = events};
    }
  }
  if (poll(fds, n, wait) > 0) {
    for (nfds_t i = 1; i < n; i++) {
      if (fds[i].revents != 0) {
        serve(whose[i], fds[i].revents);
      }
    }
    if (fds[0].revents != 0) {
      accept_one(node, listener, allow_plaintext);
    }
  }
  imp_node_handle_expiry(node, now_ns());
  imp_node_turn(node, now_ns());
  for (int i = 0; i < CONNS_MAX; i++) {
    transport *t = &transports[i];
    if (t->fd >= 0 && imp_conn_want_close(t->conn) && imp_conn_pending(t->conn) == 0) {
      end(t);
    }
  }
}

static int open_listener(uint16_t port) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
  int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (fd < 0 || bind(fd, (struct sockaddr *)&to, sizeof to) < 0 || listen(fd, 128) < 0) {
    perror("listen");
    return -1;
  }
  fcntl(fd, F_SETFL, O_NONBLOCK);
  return fd;
}

static char *read_file(const char *path) {
  static char texts[2][65536];
  static int used;
  FILE *file = fopen(path, "r");
  char *text = texts[used++ & 1];
  size_t n = file != NULL ? fread(text, 1, sizeof texts[0] - 1, file) : 0;
  text[n] = '\0';
  if (file != NULL) {
    fclose(file);
  }
  return text;
}

static imp_node *make_node(const char *cert, const char *key) {
  imp_settings settings;
  imp_callbacks callbacks = {
      .size = sizeof callbacks, .want_write = want_write, .wallclock = wallclock, .log = log_line};
  imp_node *node;
  imp_settings_default(&settings, sizeof settings);
  settings.domain = "localhost";
  if (imp_node_new(&node, &settings, &callbacks, NULL) != IMP_OK) {
    fprintf(stderr, "%s\n", imp_node_new_error());
    return NULL;
  }
  int rv = cert != NULL ? imp_node_set_tls(node, read_file(cert), read_file(key), NULL) : IMP_OK;
  rv = rv == IMP_OK ? imp_node_handle_jid(node, "echo@localhost", on_stanza, NULL) : rv;
  rv = rv == IMP_OK ? imp_node_account_set(node, "alice", "secret", NULL, NULL) : rv;
  rv = rv == IMP_OK ? imp_node_account_set(node, "bob", "secret", NULL, NULL) : rv;
  if (rv != IMP_OK) {
    fprintf(stderr, "%s\n", imp_node_last_error(node));
    imp_node_del(node);
    return NULL;
  }
  return node;
}

int main(int argc, char **argv) {
  uint16_t port = argc > 1 ? (uint16_t)strtoul(argv[1], NULL, 10) : 5222;
  struct sigaction action = {.sa_handler = on_signal}; /* interrupts poll(2) */
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGINT, &action, NULL);
  signal(SIGPIPE, SIG_IGN);
  for (int i = 0; i < CONNS_MAX; i++) {
    transports[i].fd = -1;
  }
  imp_node *node = make_node(argc > 3 ? argv[2] : NULL, argc > 3 ? argv[3] : NULL);
  int listener = node != NULL ? open_listener(port) : -1;
  if (listener < 0) {
    imp_node_del(node);
    return 1;
  }
  printf("ready localhost port=%u\n", (unsigned)port);
  fflush(stdout);
  while (!stop) {
    iterate(node, listener, argc <= 3);
  }
  close(listener);
  imp_node_shutdown(node, "system-shutdown", now_ns());
  imp_node_turn(node, now_ns());
  while (count() > 0) {
    iterate(node, -1, 0);
  }
  imp_node_del(node);
  return 0;
}
