#include <stdio.h>
#include <string.h>

#include <imp/sys/mem.h>

#include "adapters/curl/internal.h"

/* ---- the timer ---- */

static void run_pools(imp_curl *curl, imp_tstamp now) {
  int running;
  for (imp_curl_pool *pool = curl->pools; pool != NULL; pool = pool->next) {
    if (pool->due <= now) {
      pool->due = IMP_TSTAMP_NEVER;
      curl_multi_socket_action(pool->multi, CURL_SOCKET_TIMEOUT, 0, &running);
      imp_curl_reap(pool);
    }
  }
}

static void on_timer(uv_timer_t *timer) {
  imp_curl *curl = timer->data;
  imp_tstamp now = uv_hrtime();
  curl->armed = IMP_TSTAMP_NEVER;
  imp_curl_arm(curl, imp_curl_expire(curl, now));
  imp_curl_pump(curl);
  run_pools(curl, now);
  imp_curl_arm(curl, imp_curl_pools_sweep(curl, now));
}

void imp_curl_arm(imp_curl *curl, imp_tstamp at) {
  imp_tstamp now = uv_hrtime();
  if (at >= curl->armed || curl->deleted) {
    return;
  }
  curl->armed = at;
  uv_update_time(curl->loop);
  uv_timer_start(&curl->timer, on_timer, at > now ? (at - now + IMP_MILLISECONDS - 1) / IMP_MILLISECONDS : 0, 0);
}

void imp_curl_hold_loop(imp_curl *curl) {
  if (curl->active.first != NULL || curl->waiting > 0) {
    uv_ref((uv_handle_t *)&curl->timer);
  } else {
    uv_unref((uv_handle_t *)&curl->timer);
  }
}

/* ---- life ---- */

static int say(char *text, size_t textlen, int error, const char *what) {
  if (text != NULL && textlen > 0) {
    snprintf(text, textlen, "%s", what);
  }
  return error;
}

int imp_curl_new(imp_curl **curl, uv_loop_t *loop, const imp_curl_options *options, char *text, size_t textlen) {
  if (curl == NULL || loop == NULL) {
    return say(text, textlen, IMP_ERR_INVALID_ARGUMENT, "there is no loop");
  }
  imp_curl *made = imp_calloc(1, sizeof *made);
  if (made == NULL) {
    return say(text, textlen, IMP_ERR_NOMEM, "out of memory");
  }
  int rv = imp_curl_options_read(&made->options, options, text, textlen);
  if (rv == IMP_OK && curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
    imp_curl_options_reset(&made->options);
    rv = say(text, textlen, IMP_ERR_UNAVAILABLE, "libcurl does not start");
  }
  if (rv != IMP_OK) {
    imp_free(made);
    return rv;
  }
  made->loop = loop;
  made->armed = IMP_TSTAMP_NEVER;
  uv_timer_init(loop, &made->timer);
  made->timer.data = made;
  made->handles = 1;
  imp_curl_hold_loop(made);
  *curl = made;
  return IMP_OK;
}

void imp_curl_handle_closed(imp_curl *curl) {
  if (--curl->handles == 0) {
    imp_curl_options_reset(&curl->options);
    imp_free(curl);
    curl_global_cleanup();
  }
}

static void on_timer_closed(uv_handle_t *handle) { imp_curl_handle_closed(handle->data); }

void imp_curl_del(imp_curl *curl) {
  if (curl == NULL || curl->deleted) {
    return;
  }
  curl->deleted = 1;
  imp_curl_drop_all(curl);
  while (curl->pools != NULL) {
    imp_curl_pool *pool = curl->pools;
    curl->pools = pool->next;
    imp_curl_pool_del(pool);
  }
  uv_close((uv_handle_t *)&curl->timer, on_timer_closed);
}

const imp_http *imp_curl_vtable(void) {
  static const imp_http vtable = {sizeof vtable, "curl", imp_curl_start, imp_curl_cancel};
  return &vtable;
}

void imp_curl_get_stats(const imp_curl *curl, imp_curl_stats *stats, size_t size) {
  imp_curl_stats all = curl->stats;
  all.size = size < sizeof all ? size : sizeof all;
  all.active = curl->running + all.streams;
  all.waiting = curl->waiting;
  memcpy(stats, &all, all.size);
}
