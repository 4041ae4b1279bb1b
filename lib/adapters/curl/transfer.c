#include <stdio.h>
#include <string.h>

#include <imp/sys/mem.h>

#include "adapters/curl/internal.h"

/* ---- the end ---- */

static void free_transfer(imp_curl_transfer *t) {
  curl_easy_cleanup(t->easy);
  curl_slist_free_all(t->fields);
  if (t->body != NULL) {
    explicit_bzero(t->body, t->bodylen);
  }
  imp_free(t->body);
  imp_free(t->head);
  imp_free(t->label);
  if (t->pool != NULL) {
    imp_curl_pool_put(t->pool);
  }
  imp_free(t);
}

static void log_line(const imp_curl_transfer *t, int status, const char *why, const char *numbers) {
  const imp_curl_options *options = &t->curl->options;
  imp_log_level level = status == IMP_OK || status == IMP_ERR_CANCELLED ? IMP_LOG_DEBUG : IMP_LOG_WARN;
  char line[1024];
  if (options->log == NULL || (uint32_t)level > options->log_level) {
    return;
  }
  if (status == IMP_OK) {
    snprintf(line, sizeof line, "%.600s: %s", t->label, numbers);
  } else {
    snprintf(line, sizeof line, "%.600s: %s%s%.256s, %s", t->label, imp_strerror(status), why != NULL ? ": " : "",
             why != NULL ? why : "", numbers);
  }
  for (char *at = line; *at != '\0'; at++) {
    *at = (unsigned char)*at < 0x20 || *at == 0x7f ? '?' : *at;
  }
  options->log(options->log_user_data, IMP_LOG_HTTP, level, t->origin->name, line);
}

/* What it took: for statistics and the log. */
static void account(imp_curl_transfer *t, int status, const char *why) {
  imp_curl_stats *stats = &t->curl->stats;
  long code = 0, opened = 0;
  curl_off_t in = 0, out = 0;
  char numbers[160];
  curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &code);
  curl_easy_getinfo(t->easy, CURLINFO_NUM_CONNECTS, &opened);
  curl_easy_getinfo(t->easy, CURLINFO_SIZE_DOWNLOAD_T, &in);
  curl_easy_getinfo(t->easy, CURLINFO_SIZE_UPLOAD_T, &out);
  stats->connections += (uint64_t)opened;
  stats->bytes_in += (uint64_t)in;
  stats->bytes_out += (uint64_t)out;
  *(status == IMP_OK ? &stats->responses : status == IMP_ERR_CANCELLED ? &stats->cancelled : &stats->failures) += 1;
  snprintf(numbers, sizeof numbers, "%ld, %lld bytes out, %lld in, %llu ms, %ld new connections", code, (long long)out,
           (long long)in, (unsigned long long)((uv_hrtime() - t->begun) / IMP_MILLISECONDS), opened);
  log_line(t, status, why, numbers);
}

void imp_curl_end(imp_curl_transfer *t, int status, const char *why) {
  imp_curl *curl = t->curl;
  imp_op *op = t->op;
  account(t, status, why);
  if (t->in == &curl->active) {
    imp_curl_pool_count(t->pool, -1);
    curl_multi_remove_handle(t->pool->multi, t->easy);
  }
  imp_op_set_user_data(op, NULL);
  if (status != IMP_OK && why != NULL) {
    imp_http_error(op, why);
  }
  imp_curl_leave(t);
  free_transfer(t);
  imp_curl_hold_loop(curl);
  imp_op_done(op, status);
}

static void end_with(imp_curl_transfer *t, CURLcode code) {
  char why[CURL_ERROR_SIZE];
  int status = t->result != IMP_OK ? t->result : imp_curl_error(code);
  if (status == IMP_OK) {
    status = imp_curl_feed_head(t);
  }
  const char *words = t->why != NULL        ? t->why
                      : t->result != IMP_OK ? imp_strerror(t->result)
                      : t->error[0] != '\0' ? t->error
                                            : curl_easy_strerror(code);
  snprintf(why, sizeof why, "%s", words);
  imp_curl_end(t, status, why);
}

void imp_curl_reap(imp_curl_pool *pool) {
  CURLMsg *msg;
  int left;
  while ((msg = curl_multi_info_read(pool->multi, &left)) != NULL) {
    char *t = NULL;
    CURLcode code = msg->data.result;
    if (msg->msg == CURLMSG_DONE && curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &t) == CURLE_OK) {
      end_with((imp_curl_transfer *)(void *)t, code);
    }
  }
  imp_curl_pump(pool->curl);
}

/* ---- the beginning ---- */

void imp_curl_begin(imp_curl_transfer *t) {
  imp_curl_move(t, &t->curl->active);
  imp_curl_pool_count(t->pool, 1);
  CURLMcode code = curl_multi_add_handle(t->pool->multi, t->easy);
  if (code != CURLM_OK) {
    imp_curl_end(t, code == CURLM_OUT_OF_MEMORY ? IMP_ERR_NOMEM : IMP_ERR_UNAVAILABLE, curl_multi_strerror(code));
  }
}

static int make(imp_curl_transfer *t, const imp_http_request *request) {
  char *origin = NULL;
  int rv = request->method != NULL && request->url != NULL ? imp_curl_parse_url(t, request, &origin)
                                                           : IMP_ERR_INVALID_ARGUMENT;
  if (rv == IMP_OK) {
    rv = imp_curl_request(t, request);
  }
  if (rv == IMP_OK && (t->pool = imp_curl_pool_get(t->curl, request)) == NULL) {
    rv = IMP_ERR_NOMEM;
  }
  if (rv == IMP_OK) {
    rv = imp_curl_enqueue(t, origin);
  }
  imp_free(origin);
  return rv;
}

/* Nothing goes out before the loop's next iteration: so what is wrong with it later is no matter of this call. */
int imp_curl_start(void *ctx, imp_op *op, const imp_http_request *request) {
  imp_curl *curl = ctx;
  imp_http_request all = {.size = 0};
  memcpy(&all, request, request->size < sizeof all ? request->size : sizeof all);
  imp_curl_transfer *t = imp_calloc(1, sizeof *t);
  if (t == NULL) {
    return IMP_ERR_NOMEM;
  }
  t->curl = curl;
  t->op = op;
  t->deadline = imp_op_deadline(op);
  t->begun = uv_hrtime();
  t->idle_timeout = all.idle_timeout;
  t->stream = all.stream != 0;
  int rv = make(t, &all);
  if (rv != IMP_OK) {
    imp_http_error(op, t->why != NULL ? t->why : imp_strerror(rv));
    free_transfer(t);
    return rv;
  }
  curl->stats.requests++;
  imp_op_set_user_data(op, t);
  imp_curl_arm(curl, t->begun);
  imp_curl_hold_loop(curl);
  return IMP_ERR_PENDING;
}

void imp_curl_cancel(void *ctx, imp_op *op) {
  imp_curl *curl = ctx;
  imp_curl_transfer *t = imp_op_get_user_data(op);
  if (t != NULL) {
    imp_curl_end(t, IMP_ERR_CANCELLED, NULL);
    imp_curl_arm(curl, uv_hrtime()); /* its place is free */
  }
}

static void resume(imp_curl_transfer *t) {
  imp_tstamp now = uv_hrtime();
  t->heard = t->heard > 0 ? now : 0;
  imp_curl_arm(t->curl, now);
  if (t->in == &t->curl->active) {
    curl_easy_pause(t->easy, CURLPAUSE_CONT);
  }
  if (t->result != IMP_OK) { /* feeding what was held back failed */
    end_with(t, CURLE_WRITE_ERROR);
  }
}

int imp_curl_pause(imp_curl *curl, imp_op *op, int paused) {
  imp_curl_transfer *t = imp_op_get_user_data(op);
  if (t == NULL || t->curl != curl) {
    return IMP_ERR_NOT_FOUND;
  }
  int resumes = t->paused && !paused;
  t->paused = paused != 0;
  if (resumes) {
    resume(t);
  }
  return IMP_OK;
}
