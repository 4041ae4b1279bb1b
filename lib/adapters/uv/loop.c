#include <stdio.h>
#include <string.h>
#include <time.h>

#include <imp/sys/mem.h>

#include "adapters/uv/internal.h"

int imp_uv_fail(imp_uv *uv, int error, const char *what, int code) {
  snprintf(uv->error, sizeof uv->error, "%s: %s", what, uv_strerror(code));
  return error;
}

static imp_wallclock wallclock(void *user_data) {
  struct timespec now;
  (void)user_data;
  clock_gettime(CLOCK_REALTIME, &now);
  return (imp_wallclock)now.tv_sec * 1000 + (imp_wallclock)now.tv_nsec / 1000000;
}

void imp_uv_callbacks(imp_callbacks *callbacks, size_t size) {
  imp_callbacks all = {.size = size, .want_write = imp_uv_want_write, .wallclock = wallclock};
  memset(callbacks, 0, size);
  memcpy(callbacks, &all, size < sizeof all ? size : sizeof all);
}

/* ---- turns ---- */

static int is_idle(const imp_uv *uv) {
  imp_stats stats;
  imp_node_stats(uv->node, &stats, sizeof stats);
  return uv->count == 0 && stats.ops_pending == 0;
}

static void check_shutdown(imp_uv *uv, imp_tstamp now) {
  if (!uv->shutting_down || uv->shut_down || !(is_idle(uv) || now >= uv->shutdown_end)) {
    return;
  }
  uv->shut_down = 1;
  imp_uv_drop_all(uv);
  uv_unref((uv_handle_t *)&uv->timer);
  uv_unref((uv_handle_t *)&uv->async);
  if (uv->shutdown_done != NULL) {
    uv->shutdown_done(uv, uv->shutdown_data);
  }
}

static void on_timer(uv_timer_t *timer);

/* The timer of libuv counts milliseconds of a clock that it reads once an iteration: rounding up costs one, never
 * spins. */
static void arm(imp_uv *uv, imp_tstamp now) {
  imp_tstamp at = imp_node_get_expiry(uv->node), linger = imp_uv_linger(uv, now);
  at = linger < at ? linger : at;
  at = uv->shutting_down && !uv->shut_down && uv->shutdown_end < at ? uv->shutdown_end : at;
  if (at == uv->armed) {
    return;
  }
  uv->armed = at;
  if (at == IMP_TSTAMP_NEVER) {
    uv_timer_stop(&uv->timer);
  } else {
    uv_update_time(uv->loop);
    uv_timer_start(&uv->timer, on_timer, at > now ? (at - now + IMP_MILLISECONDS - 1) / IMP_MILLISECONDS : 0, 0);
  }
}

static void end_turn(imp_uv *uv) {
  imp_tstamp now = uv->now = uv_hrtime();
  if (uv->in_turn || uv->deleted) {
    return;
  }
  uv->in_turn = 1;
  do {
    imp_node_turn(uv->node, now);
  } while (imp_uv_bury(uv) > 0);
  uv->in_turn = 0;
  imp_uv_retry_accept(uv);
  check_shutdown(uv, now);
  if (!uv->deleted) {
    arm(uv, now);
  }
}

static void on_timer(uv_timer_t *timer) {
  imp_uv *uv = timer->data;
  imp_tstamp now = uv->now = uv_hrtime();
  uv->armed = IMP_TSTAMP_NEVER;
  if (imp_node_get_expiry(uv->node) <= now) {
    imp_node_handle_expiry(uv->node, now);
  }
  end_turn(uv);
}

static void on_prepare(uv_prepare_t *prepare) { end_turn(prepare->data); }

/* ---- posts from other threads ---- */

static void run_letters(imp_uv *uv) {
  uv_mutex_lock(&uv->lock);
  imp_uv_letter *letter = uv->letters;
  uv->letters = uv->last_letter = NULL;
  uv_mutex_unlock(&uv->lock);
  while (letter != NULL) {
    imp_uv_letter *next = letter->next;
    letter->fn(letter->arg);
    imp_free(letter);
    letter = next;
  }
}

static void on_async(uv_async_t *async) { run_letters(async->data); }

int imp_uv_post(imp_uv *uv, void (*fn)(void *arg), void *arg) {
  imp_uv_letter *letter = imp_malloc(sizeof *letter);
  if (letter == NULL) {
    return IMP_ERR_NOMEM;
  }
  *letter = (imp_uv_letter){NULL, fn, arg};
  uv_mutex_lock(&uv->lock);
  *(uv->last_letter != NULL ? &uv->last_letter->next : &uv->letters) = letter;
  uv->last_letter = letter;
  if (!uv->closed) {
    uv_async_send(&uv->async);
  }
  uv_mutex_unlock(&uv->lock);
  return IMP_OK;
}

int imp_uv_poster(void (*fn)(void *arg), void *arg, void *uv) { return imp_uv_post(uv, fn, arg); }

/* ---- life ---- */

/* A handle that is there for the others does not keep the loop alive; the async does not either: what was posted runs
 * at the end. */
static int open_handles(imp_uv *uv) {
  int code = uv_async_init(uv->loop, &uv->async, on_async);
  if (code < 0) {
    return code;
  }
  uv_prepare_init(uv->loop, &uv->prepare);
  uv_timer_init(uv->loop, &uv->timer);
  uv->async.data = uv->prepare.data = uv->timer.data = uv;
  uv->handles = 3;
  uv_prepare_start(&uv->prepare, on_prepare);
  uv_unref((uv_handle_t *)&uv->prepare);
  uv_unref((uv_handle_t *)&uv->async);
  uv_unref((uv_handle_t *)&uv->timer);
  return 0;
}

int imp_uv_new(imp_uv **uv, uv_loop_t *loop, imp_node *node) {
  if (uv == NULL || loop == NULL || node == NULL) {
    return IMP_ERR_INVALID_ARGUMENT;
  }
  imp_uv *made = imp_calloc(1, sizeof *made);
  if (made == NULL) {
    return IMP_ERR_NOMEM;
  }
  made->loop = loop;
  made->node = node;
  made->now = uv_hrtime();
  made->armed = IMP_TSTAMP_NEVER;
  if (uv_mutex_init(&made->lock) < 0) {
    imp_free(made);
    return IMP_ERR_UNAVAILABLE;
  }
  if (open_handles(made) < 0) {
    uv_mutex_destroy(&made->lock);
    imp_free(made);
    return IMP_ERR_UNAVAILABLE;
  }
  *uv = made;
  return IMP_OK;
}

void imp_uv_handle_closed(imp_uv *uv) {
  if (--uv->handles == 0) {
    run_letters(uv);
    uv_mutex_destroy(&uv->lock);
    imp_free(uv);
  }
}

static void on_own_closed(uv_handle_t *handle) { imp_uv_handle_closed(handle->data); }

void imp_uv_shutdown(imp_uv *uv, void (*done)(imp_uv *uv, void *user_data), void *user_data) {
  imp_tstamp now = uv_hrtime();
  if (uv->shutting_down || uv->deleted) {
    return;
  }
  uv->shutting_down = 1;
  uv->shutdown_done = done;
  uv->shutdown_data = user_data;
  uv->shutdown_end = now + IMP_UV_SHUTDOWN;
  uv_ref((uv_handle_t *)&uv->timer); /* until done the loop must go on */
  uv_ref((uv_handle_t *)&uv->async);
  imp_uv_close_listeners(uv);
  imp_node_shutdown(uv->node, "system-shutdown", now);
  arm(uv, now);
}

void imp_uv_del(imp_uv *uv) {
  if (uv == NULL || uv->deleted) {
    return;
  }
  run_letters(uv);
  uv->deleted = 1;
  imp_uv_close_listeners(uv);
  imp_uv_drop_all(uv);
  uv_mutex_lock(&uv->lock);
  uv->closed = 1;
  uv_mutex_unlock(&uv->lock);
  uv_close((uv_handle_t *)&uv->prepare, on_own_closed);
  uv_close((uv_handle_t *)&uv->timer, on_own_closed);
  uv_close((uv_handle_t *)&uv->async, on_own_closed);
}

uv_loop_t *imp_uv_loop(const imp_uv *uv) { return uv->loop; }
imp_node *imp_uv_node(const imp_uv *uv) { return uv->node; }
const char *imp_uv_last_error(const imp_uv *uv) { return uv->error; }
size_t imp_uv_connections(const imp_uv *uv) { return uv->count; }
