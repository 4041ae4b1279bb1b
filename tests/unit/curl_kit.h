/* tests/http/server.py, and a client on a loop. */
#ifndef IMP_CURL_KIT_H
#define IMP_CURL_KIT_H

#include <imp/curl.h>
#include <imp/sys/op.h>

#include "alloc_fail.h"

#define KIT_BODY_MAX 70000

/* A request and what became of it. */
typedef struct curl_kit_answer {
  imp_op *op; /* NULL when done */
  int started;
  int done, status;
  uint32_t code;
  char error[300], field[300];
  char body[KIT_BODY_MAX];
  size_t len;
  uint64_t streamed; /* bytes, if it was streamed */
  int pieces;
  int stop_after; /* pieces, then the reader refuses */
} curl_kit_answer;

typedef struct kit_state {
  uv_loop_t loop;
  uv_timer_t pacer; /* a loop that nothing holds does not run */
  imp_ops *ops;
  imp_curl *curl;
  char log[8192]; /* lines, as they came */
} kit_state;

extern kit_state kit;

/* For main(): starts the server, runs the tests, stops it. */
#define kit_run(name, tests) kit_run_tests(name, tests, sizeof(tests) / sizeof((tests)[0]))
int kit_run_tests(const char *name, const struct CMUnitTest *tests, size_t count);

/* A client, with options or NULL; everything is released when the test ends. */
int curl_kit_open(const imp_curl_options *options);
void curl_kit_close(void);
/* Before a loop of a test's own. */
void kit_reserve_descriptors(void);

/* "http://127.0.0.1:PORT" and path, of the server called `name`; in one of a few buffers that take turns. */
const char *curl_kit_url(const char *name, const char *path);
/* The file that ca.pem of the server is. */
const char *curl_kit_ca(void);

/* Starts a request: `field` (may be NULL) is the name of the response field that is wanted. */
void curl_kit_start(curl_kit_answer *answer, const imp_http_request *request, const char *field);
/* Runs the loop until it is done; fails the test after ten seconds. */
void curl_kit_wait(curl_kit_answer *answer);
void curl_kit_cancel(curl_kit_answer *answer);
/* Runs the loop for so long. */
void curl_kit_spin(uint64_t milliseconds);
/* Both: a request with method GET if there is none. */
void curl_kit_get(curl_kit_answer *answer, imp_http_request request, const char *field);
imp_curl_stats curl_kit_stats(void);

#endif
