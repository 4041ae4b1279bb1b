/* The present: where in its runs a user is, and when it leaves. */
#include "calendar/calendar.h"

/* The run that covers `at`, or the first after it; nruns if there is none. */
static size_t find_run(const imp_cal_user *user, imp_wallclock at) {
  size_t low = 0, high = user->nruns;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (user->runs[middle].end <= at) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

static int oof_at(const imp_cal_source *source, imp_wallclock at) {
  return source->oof && at >= source->oof_start && (source->oof_end == 0 || at < source->oof_end);
}

static void oof_state(const imp_cal_user *user, imp_wallclock at, imp_calendar_state *state) {
  for (const imp_cal_source *s = user->sources; s != NULL; s = s->next) {
    if (oof_at(s, at)) {
      state->out_of_office = 1;
      state->note = user->cal->settings.notes ? s->note : NULL;
      state->oof_until = s->oof_end;
      return;
    }
  }
}

static void describe(const imp_cal_user *user, const imp_cal_run *run, imp_calendar_state *state) {
  state->known = 1;
  state->kind = imp_cal_kind_of(run->block, user->cal->settings.tentative);
  state->source = run->source != NULL ? imp_cal_source_name(run->source) : "";
  if (run->block != NULL) {
    state->is_private = run->block->is_private;
    if (user->cal->settings.subjects && !run->block->is_private) {
      state->subject = run->block->subject;
      state->location = run->block->location;
    }
  }
}

static void extend(const imp_cal_user *user, size_t i, imp_calendar_state *state) {
  uint32_t tentative = user->cal->settings.tentative;
  const imp_cal_run *runs = user->runs;
  size_t first = i, last = i;
  while (first > 0 && runs[first - 1].end == runs[first].start &&
         imp_cal_kind_of(runs[first - 1].block, tentative) == state->kind) {
    first--;
  }
  while (last + 1 < user->nruns && runs[last + 1].start == runs[last].end &&
         imp_cal_kind_of(runs[last + 1].block, tentative) == state->kind) {
    last++;
  }
  state->since = runs[first].start;
  if (runs[first].block != NULL && (first == 0 || runs[first - 1].end != runs[first].start) &&
      runs[first].block->start < state->since) {
    state->since = runs[first].block->start; /* it had begun before the window */
  }
  state->until = runs[last].end;
  state->until_known = last + 1 < user->nruns && runs[last + 1].start == runs[last].end;
}

void imp_cal_state(const imp_cal_user *user, imp_wallclock at, imp_calendar_state *state) {
  size_t i = find_run(user, at);
  memset(state, 0, sizeof *state);
  state->size = sizeof *state;
  state->source = "";
  if (i < user->nruns && user->runs[i].start <= at) {
    describe(user, &user->runs[i], state);
    extend(user, i, state);
  }
  oof_state(user, at, state);
}

static void earlier(imp_wallclock *next, imp_wallclock at, imp_wallclock candidate) {
  if (candidate > at && candidate < *next) {
    *next = candidate;
  }
}

static imp_wallclock next_edge(const imp_cal_user *user, imp_wallclock at) {
  imp_wallclock next = IMP_TSTAMP_NEVER;
  size_t i = find_run(user, at);
  if (i < user->nruns) {
    earlier(&next, at, user->runs[i].start);
    earlier(&next, at, user->runs[i].end);
  }
  for (const imp_cal_source *s = user->sources; s != NULL; s = s->next) {
    if (s->oof) {
      earlier(&next, at, s->oof_start);
      earlier(&next, at, s->oof_end);
    }
  }
  return next;
}

void imp_cal_touch(imp_cal_user *user) {
  if (!imp_list_linked(&user->dirty)) {
    imp_list_append(&user->cal->dirty, &user->dirty);
  }
  imp_cal_want_turn(user->cal);
}

static void on_edge(imp_timer *timer, imp_tstamp at) {
  imp_cal_user *user = IMP_CONTAINER_OF(timer, imp_cal_user, edge);
  (void)at;
  if (!imp_list_linked(&user->dirty)) {
    imp_list_append(&user->cal->dirty, &user->dirty);
  }
}

void imp_cal_edge_init(imp_cal_user *user) { imp_timer_init(&user->edge, on_edge); }

static uint32_t hash_text(const char *s) { return s != NULL ? imp_hash(s, strlen(s)) + 1 : 0; }

static imp_cal_told summary(const imp_calendar_state *state) {
  imp_cal_told told;
  memset(&told, 0, sizeof told);
  told.until = state->until_known ? state->until : 0; /* else it moves with each reading */
  told.oof_until = state->oof_until;
  told.texts = hash_text(state->subject) * 31 + hash_text(state->location) * 7 + hash_text(state->note);
  told.known = (uint8_t)state->known;
  told.kind = (uint8_t)state->kind;
  told.is_private = (uint8_t)state->is_private;
  told.oof = (uint8_t)state->out_of_office;
  return told;
}

static void tell(imp_cal_user *user) {
  imp_calendar *cal = user->cal;
  imp_calendar_state state;
  imp_cal_state(user, cal->now, &state);
  imp_cal_told told = summary(&state);
  if (memcmp(&told, &user->told, sizeof told) != 0) {
    user->told = told;
    if (cal->callbacks.on_change != NULL) {
      cal->callbacks.on_change(cal, user->name, &state, cal->user_data);
    }
  }
}

/* Users that stay in the list for want of memory are tried again in a second: see imp_calendar_get_expiry(). */
void imp_cal_tell(imp_calendar *cal) {
  imp_list work;
  imp_list_init(&work);
  imp_list_move(&work, &cal->dirty);
  for (imp_list *link; (link = imp_list_pop(&work)) != NULL;) {
    imp_cal_user *user = IMP_CONTAINER_OF(link, imp_cal_user, dirty);
    imp_wallclock next = next_edge(user, cal->now);
    if (next == IMP_TSTAMP_NEVER) {
      imp_heap_remove(&cal->edges, &user->edge);
    } else if (imp_heap_set(&cal->edges, &user->edge, next) != IMP_OK) {
      imp_list_append(&cal->dirty, &user->dirty);
    }
    tell(user);
    if (user->sources == NULL && user->boxes == NULL) {
      imp_cal_user_del(user);
    }
  }
}
