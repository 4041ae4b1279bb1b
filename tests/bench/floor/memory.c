/*
 * memory: heap bytes of what one idle session cannot do without, if it keeps it: a libxml2 push
 * parser, and a GnuTLS server session after the handshake, with one priority object for all or one
 * for each. The TLS clients live in a child process, which shares nothing with the heap measured.
 * Prints one JSON line.
 */
#include <gnutls/gnutls.h>
#include <libxml/parser.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define N 500
static const char text[] =
    "<?xml version='1.0'?><stream:stream from='plain.test' id='s1' version='1.0'"
    " xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"
    "<message from='user1@plain.test/xload' to='user2@plain.test' type='chat' id='m1'>"
    "<body>Nobody expects a body of any particular length here, so this is one.</body></message>";
static int pair[N][2];

static size_t heap(void) {
  struct mallinfo2 m = mallinfo2();
  return m.uordblks + m.hblkhd;
}

static size_t parser_bytes(void) {
  static xmlSAXHandler sax = {.initialized = XML_SAX2_MAGIC};
  static xmlParserCtxtPtr x[N];
  size_t before = heap();
  for (int i = 0; i < N; i++) {
    x[i] = xmlCreatePushParserCtxt(&sax, NULL, NULL, 0, NULL);
    xmlCtxtUseOptions(x[i], XML_PARSE_NONET);
    if (xmlParseChunk(x[i], text, sizeof text - 1, 0))
      fputs("memory: parse error\n", stderr);
  }
  size_t bytes = (heap() - before) / N;
  for (int i = 0; i < N; i++)
    xmlFreeParserCtxt(x[i]);
  return bytes;
}

static gnutls_session_t session(unsigned flags, int fd, void *cred, gnutls_priority_t shared) {
  gnutls_session_t s;
  if (gnutls_init(&s, flags) < 0)
    abort();
  if (shared)
    gnutls_priority_set(s, shared);
  else
    gnutls_priority_set_direct(s, "NORMAL", NULL);
  gnutls_credentials_set(s, GNUTLS_CRD_CERTIFICATE, cred);
  gnutls_transport_set_int(s, fd);
  return s;
}

static int shake(gnutls_session_t s) {
  int r;
  do
    r = gnutls_handshake(s);
  while (r < 0 && !gnutls_error_is_fatal(r));
  return r;
}

static ptrdiff_t read_some(gnutls_session_t s) {
  char buf[1024];
  ptrdiff_t r;
  do
    r = gnutls_record_recv(s, buf, sizeof buf);
  while (r == GNUTLS_E_AGAIN || r == GNUTLS_E_INTERRUPTED);
  return r;
}

static _Noreturn void clients(void) {
  gnutls_certificate_credentials_t cred;
  static gnutls_session_t s[N];
  gnutls_certificate_allocate_credentials(&cred);
  for (int i = 0; i < N; i++)
    close(pair[i][0]);
  for (int i = 0; i < N; i++) {
    s[i] = session(GNUTLS_CLIENT, pair[i][1], cred, NULL);
    if (shake(s[i]) < 0 || gnutls_record_send(s[i], text, 100) < 0 || read_some(s[i]) <= 0)
      _exit(1);
  }
  read_some(s[0]); /* until the server closes */
  _exit(0);
}

static size_t tls_bytes(const char *cert, const char *key, int share) {
  static gnutls_session_t s[N];
  gnutls_certificate_credentials_t cred;
  gnutls_priority_t shared = NULL;
  for (int i = 0; i < N; i++)
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair[i]) < 0)
      abort();
  pid_t child = fork();
  if (child == 0)
    clients();
  gnutls_certificate_allocate_credentials(&cred);
  if (gnutls_certificate_set_x509_key_file(cred, cert, key, GNUTLS_X509_FMT_PEM) < 0)
    exit(1);
  if (share)
    gnutls_priority_init(&shared, "NORMAL", NULL);
  size_t before = heap();
  for (int i = 0; i < N; i++) {
    s[i] = session(GNUTLS_SERVER, pair[i][0], cred, shared);
    if (shake(s[i]) < 0 || read_some(s[i]) <= 0 || gnutls_record_send(s[i], "x", 1) != 1)
      exit(1);
  }
  size_t bytes = (heap() - before) / N;
  for (int i = 0; i < N; i++) {
    gnutls_deinit(s[i]);
    close(pair[i][0]);
    close(pair[i][1]);
  }
  waitpid(child, NULL, 0);
  return bytes;
}

int main(int argc, char **argv) {
  if (argc != 3) {
    puts("memory CERT.pem KEY.pem");
    return 1;
  }
  xmlInitParser();
  size_t parser = parser_bytes(), shared = tls_bytes(argv[1], argv[2], 1);
  printf("{\"mode\":\"memory\",\"parser_bytes\":%zu,\"tls_bytes\":%zu,\"tls_own_priority_bytes\":%zu}\n",
         parser, shared, tls_bytes(argv[1], argv[2], 0));
  return 0;
}
