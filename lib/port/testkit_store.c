#include <string.h>

#include <imp/store.h>
#include <imp/testkit.h>

#include "core/buf.h"
#include "core/codec.h"
#include "core/log.h"
#include "core/mem.h"
#include "port/op.h"

#define PATIENCE 60000 /* calls of run() for one op */

typedef struct check {
  imp_testkit_store kit;
  imp_memory_store *model;
  imp_op_queue queue;
  char *text;
  size_t textcap;
  uint64_t random;
} check;

/* The rows of one read, copied out of its op as "key=value;" with lengths before each, so that they compare as bytes. */
typedef struct answer {
  int finished, status;
  size_t rows;
  imp_buf bytes;
} answer;

#define ANSWER_MAX ((size_t)16 << 20)

static int wrong(check *c, const char *what) {
  imp_set_error(c->text, c->textcap, "%s", what);
  return IMP_ERR_CORRUPT;
}

static int add_bytes(imp_buf *to, const void *data, size_t len) {
  uint8_t head[8];
  imp_put_be64(head, len);
  int rv = imp_buf_append(to, head, sizeof head);
  return rv == IMP_OK ? imp_buf_append(to, data, len) : rv;
}

static void on_done(imp_op *op, int status, void *ctx) {
  answer *a = ctx;
  a->finished = 1;
  a->status = status;
  a->rows = imp_op_row_count(op);
  for (size_t i = 0; i < a->rows; i++) {
    const imp_op_row *row = imp_op_row_at(op, i);
    int rv = add_bytes(&a->bytes, row->key, row->keylen);
    rv = rv == IMP_OK ? add_bytes(&a->bytes, row->value, row->valuelen) : rv;
    if (rv != IMP_OK) {
      a->status = rv;
    }
  }
}

static imp_op *begin(check *c, answer *a) {
  memset(a, 0, sizeof *a);
  imp_buf_init(&a->bytes, ANSWER_MAX);
  return imp_op_new(&c->queue, on_done, a, IMP_TSTAMP_NEVER);
}

static int finish(check *c, imp_op *op, int rv, answer *a) {
  imp_op_started(op, rv);
  imp_op_queue_run(&c->queue);
  for (int i = 0; i < PATIENCE && !a->finished && c->kit.run != NULL; i++) {
    c->kit.run(c->kit.user_data);
    imp_op_queue_run(&c->queue);
  }
  if (!a->finished) {
    imp_op_cancel(op);
    return wrong(c, "an op was never done");
  }
  return IMP_OK;
}

/* One of the two stores that are compared. */
typedef struct side {
  const imp_store *vtable;
  void *ctx;
} side;

static side tested(const check *c) { return (side){c->kit.vtable, c->kit.ctx}; }
static side model(const check *c) { return (side){imp_memory_store_vtable(), c->model}; }

/* ---- reads ---- */

static int read_get(check *c, side s, const char *space, const char *owner, const char *key, size_t keylen,
                    answer *a) {
  imp_op *op = begin(c, a);
  return op == NULL ? IMP_ERR_NOMEM : finish(c, op, s.vtable->get(s.ctx, op, space, owner, key, keylen), a);
}

static int read_scan(check *c, side s, const char *space, const char *owner, const imp_store_range *range,
                     answer *a) {
  imp_op *op = begin(c, a);
  return op == NULL ? IMP_ERR_NOMEM : finish(c, op, s.vtable->scan(s.ctx, op, space, owner, range), a);
}

static int read_all(check *c, side s, const char *space, uint32_t limit, answer *a) {
  imp_op *op = begin(c, a);
  return op == NULL ? IMP_ERR_NOMEM : finish(c, op, s.vtable->scan_all(s.ctx, op, space, limit), a);
}

static int try_flush(check *c, int *status) {
  answer a;
  imp_op *op = begin(c, &a);
  int rv = op == NULL ? IMP_ERR_NOMEM : finish(c, op, c->kit.vtable->flush(c->kit.ctx, op), &a);
  *status = a.status;
  return rv;
}

static int flush(check *c) {
  int status, rv = try_flush(c, &status);
  return rv == IMP_OK && status != IMP_OK ? wrong(c, "flush failed") : rv;
}

static int same_answer(check *c, int rv, answer *ours, answer *theirs, const char *what) {
  if (rv == IMP_OK && (ours->status == IMP_ERR_NOMEM || theirs->status == IMP_ERR_NOMEM)) {
    rv = IMP_ERR_NOMEM;
  }
  if (rv == IMP_OK && (ours->status != theirs->status || ours->rows != theirs->rows ||
                       imp_buf_len(&ours->bytes) != imp_buf_len(&theirs->bytes) ||
                       (imp_buf_len(&ours->bytes) > 0 &&
                        memcmp(ours->bytes.mem, theirs->bytes.mem, imp_buf_len(&ours->bytes)) != 0))) {
    rv = wrong(c, what);
  }
  imp_buf_reset(&ours->bytes);
  imp_buf_reset(&theirs->bytes);
  return rv;
}

static int compare_get(check *c, const char *space, const char *owner, const char *key, size_t keylen) {
  answer a, b = {0};
  int rv = read_get(c, tested(c), space, owner, key, keylen, &a);
  rv = rv == IMP_OK ? read_get(c, model(c), space, owner, key, keylen, &b) : rv;
  return same_answer(c, rv, &a, &b, "get: another answer than expected");
}

static int compare_scan(check *c, const char *space, const char *owner, const imp_store_range *range) {
  answer a, b = {0};
  int rv = read_scan(c, tested(c), space, owner, range, &a);
  rv = rv == IMP_OK ? read_scan(c, model(c), space, owner, range, &b) : rv;
  return same_answer(c, rv, &a, &b, range->reverse ? "scan in reverse: other rows than expected"
                                                   : "scan: other rows than expected");
}

static int compare_all(check *c, const char *space, uint32_t limit) {
  answer a, b = {0};
  int rv = read_all(c, tested(c), space, limit, &a);
  rv = rv == IMP_OK ? read_all(c, model(c), space, limit, &b) : rv;
  return same_answer(c, rv, &a, &b, "scan_all: other rows than expected");
}

/* ---- writes, to both ---- */

static int put(check *c, const char *space, const char *owner, const char *key, size_t keylen, const char *value,
               size_t valuelen) {
  int rv = c->kit.vtable->put(c->kit.ctx, space, owner, key, keylen, value, valuelen);
  side m = model(c);
  return rv == IMP_OK ? m.vtable->put(m.ctx, space, owner, key, keylen, value, valuelen) : rv;
}

static int del(check *c, const char *space, const char *owner, const char *key, size_t keylen) {
  int rv = c->kit.vtable->del(c->kit.ctx, space, owner, key, keylen);
  side m = model(c);
  return rv == IMP_OK ? m.vtable->del(m.ctx, space, owner, key, keylen) : rv;
}

static int del_range(check *c, const char *space, const char *owner, const imp_store_range *range) {
  int rv = c->kit.vtable->del_range(c->kit.ctx, space, owner, range);
  side m = model(c);
  return rv == IMP_OK ? m.vtable->del_range(m.ctx, space, owner, range) : rv;
}

static int erase(check *c, const char *owner) {
  int rv = c->kit.vtable->erase(c->kit.ctx, owner);
  side m = model(c);
  return rv == IMP_OK ? m.vtable->erase(m.ctx, owner) : rv;
}

/* ---- the steps ---- */

static const char *const spaces[] = {"account", "offline", "offlin", "sm.session"};
static const char *const owners[] = {"", "a@d.example", "a@d.example.org", "b@d.example", "\xc3\xa4@d.example"};

/* Keys that sort in a way that text comparison, signed bytes or C strings get wrong. */
static const struct {
  const char *bytes;
  size_t len;
} keys[] = {{"", 0}, {"\0", 1}, {"\0\0", 2}, {"\0\xff", 2}, {"A", 1}, {"a", 1}, {"a\0", 2}, {"a\0b", 3},
            {"aa", 2}, {"b", 1}, {"\x7f", 1}, {"\x80", 1}, {"\xff", 1}, {"\xff\xff", 2}};

static int compare_everything(check *c) {
  int rv = IMP_OK;
  for (size_t s = 0; rv == IMP_OK && s < IMP_ARRAY_LEN(spaces); s++) {
    rv = compare_all(c, spaces[s], 0);
  }
  return rv;
}

static int reopen(check *c) {
  c->kit.ctx = c->kit.reopen(c->kit.user_data, c->kit.ctx);
  return c->kit.ctx != NULL ? IMP_OK : wrong(c, "the store could not be opened again");
}

/* A range between two keys of the table; -1: open. */
static imp_store_range between(int from, int to, uint32_t limit, uint32_t reverse) {
  imp_store_range range = {.size = sizeof range, .limit = limit, .reverse = reverse};
  if (from >= 0) {
    range.from = keys[from].bytes;
    range.fromlen = keys[from].len;
  }
  if (to >= 0) {
    range.to = keys[to].bytes;
    range.tolen = keys[to].len;
  }
  return range;
}

static int step_empty(check *c) {
  imp_store_range all = between(-1, -1, 0, 0);
  int rv = compare_get(c, "account", "a@d.example", "k", 1);
  rv = rv == IMP_OK ? compare_scan(c, "account", "a@d.example", &all) : rv;
  rv = rv == IMP_OK ? compare_all(c, "account", 0) : rv;
  rv = rv == IMP_OK ? del(c, "account", "a@d.example", "k", 1) : rv;
  rv = rv == IMP_OK ? erase(c, "a@d.example") : rv;
  return rv == IMP_OK ? flush(c) : rv;
}

static int step_order(check *c) {
  int count = (int)IMP_ARRAY_LEN(keys);
  int rv = IMP_OK;
  for (int i = 0; rv == IMP_OK && i < count; i++) {
    int k = i * 5 % count;
    rv = put(c, "offline", "a@d.example", keys[k].bytes, keys[k].len, keys[i].bytes, keys[i].len);
  }
  for (int from = -1; rv == IMP_OK && from < count; from++) {
    for (int to = -1; rv == IMP_OK && to < count; to++) {
      imp_store_range range = between(from, to, (uint32_t)(from + to + 2) % 4, (uint32_t)(from ^ to) & 1);
      rv = compare_scan(c, "offline", "a@d.example", &range);
    }
  }
  return rv;
}

static int step_neighbours(check *c) {
  int rv = IMP_OK;
  for (size_t s = 0; rv == IMP_OK && s < IMP_ARRAY_LEN(spaces); s++) {
    for (size_t o = 0; rv == IMP_OK && o < IMP_ARRAY_LEN(owners); o++) {
      rv = put(c, spaces[s], owners[o], "key", 3, owners[o], strlen(owners[o]));
    }
  }
  for (size_t s = 0; rv == IMP_OK && s < IMP_ARRAY_LEN(spaces); s++) {
    rv = compare_all(c, spaces[s], (uint32_t)s * 2);
  }
  rv = rv == IMP_OK ? erase(c, "a@d.example") : rv;
  return rv == IMP_OK ? compare_everything(c) : rv;
}

static int step_big(check *c) {
  size_t len = 300000;
  char key[IMP_STORE_KEY_MAX];
  char *value = imp_malloc(len);
  if (value == NULL) {
    return IMP_ERR_NOMEM;
  }
  memset(key, 'k', sizeof key);
  memset(value, 0xa5, len);
  int rv = put(c, "offline", "b@d.example", key, sizeof key, value, len);
  rv = rv == IMP_OK ? compare_get(c, "offline", "b@d.example", key, sizeof key) : rv;
  rv = rv == IMP_OK ? put(c, "offline", "b@d.example", key, sizeof key, "small", 5) : rv;
  rv = rv == IMP_OK ? compare_get(c, "offline", "b@d.example", key, sizeof key) : rv;
  imp_free(value);
  return rv;
}

/* ---- ops that are under way together ---- */

static int start(check *c, answer *a, int flush_it, const char *key) {
  imp_op *op = begin(c, a);
  if (op == NULL) {
    return IMP_ERR_NOMEM;
  }
  imp_op_started(op, flush_it ? c->kit.vtable->flush(c->kit.ctx, op)
                              : c->kit.vtable->get(c->kit.ctx, op, "account", "flow", key, strlen(key)));
  return IMP_OK;
}

static int finish_all(check *c, const answer *answers, size_t count) {
  size_t done = 0;
  for (int i = 0; i < PATIENCE && done < count; i++) {
    imp_op_queue_run(&c->queue);
    for (done = 0; done < count && answers[done].finished; done++) {
    }
    if (done < count && c->kit.run == NULL) {
      break;
    }
    if (done < count) {
      c->kit.run(c->kit.user_data);
    }
  }
  return done == count ? IMP_OK : wrong(c, "an op was never done");
}

static int put_flow(check *c, const char *key, const char *value) {
  return put(c, "account", "flow", key, strlen(key), value, strlen(value));
}

/* Reads see the writes before them and none after them, whatever is being flushed. */
static int step_pipeline(check *c) {
  answer a[4];
  static const int statuses[] = {IMP_OK, IMP_OK, IMP_OK, IMP_ERR_NOT_FOUND};
  static const size_t rows[] = {1, 0, 1, 0};
  memset(a, 0, sizeof a);
  int rv = put_flow(c, "p", "1");
  rv = rv == IMP_OK ? start(c, &a[0], 0, "p") : rv;
  rv = rv == IMP_OK ? start(c, &a[1], 1, NULL) : rv;
  rv = rv == IMP_OK ? start(c, &a[2], 0, "p") : rv;
  rv = rv == IMP_OK ? del(c, "account", "flow", "p", 1) : rv;
  rv = rv == IMP_OK ? start(c, &a[3], 0, "p") : rv;
  rv = rv == IMP_OK ? finish_all(c, a, IMP_ARRAY_LEN(a)) : rv;
  for (size_t i = 0; i < IMP_ARRAY_LEN(a); i++) {
    if (rv == IMP_OK && a[i].status == IMP_ERR_NOMEM) {
      rv = IMP_ERR_NOMEM;
    } else if (rv == IMP_OK && (a[i].status != statuses[i] || a[i].rows != rows[i])) {
      rv = wrong(c, "ops started together: another answer than expected");
    }
    imp_buf_reset(&a[i].bytes);
  }
  return rv;
}

/* A flush commits what came before it, and nothing of what came after. */
static int step_line(check *c) {
  answer a;
  if (c->kit.reopen == NULL) {
    return IMP_OK;
  }
  memset(&a, 0, sizeof a);
  int rv = put_flow(c, "before", "1");
  rv = rv == IMP_OK ? start(c, &a, 1, NULL) : rv;
  if (rv == IMP_OK) { /* not in the model: it must be gone */
    rv = c->kit.vtable->put(c->kit.ctx, "account", "flow", "behind", 6, "1", 1);
  }
  rv = rv == IMP_OK ? finish_all(c, &a, 1) : rv;
  rv = rv == IMP_OK ? reopen(c) : rv;
  rv = rv == IMP_OK ? compare_get(c, "account", "flow", "before", 6) : rv;
  rv = rv == IMP_OK ? compare_get(c, "account", "flow", "behind", 6) : rv;
  return rv == IMP_ERR_CORRUPT ? wrong(c, "a flush kept more or less than what was noted before it") : rv;
}

static int failed_flush(check *c) {
  int status, rv = try_flush(c, &status);
  return rv == IMP_OK && status == IMP_OK ? wrong(c, "flush was to fail, and did not") : rv;
}

static int note_while_failing(check *c) {
  imp_store_range range = between(2, 5, 0, 0);
  int rv = put_flow(c, "before", "2");
  rv = rv == IMP_OK ? put_flow(c, "new", "1") : rv;
  rv = rv == IMP_OK ? failed_flush(c) : rv;
  rv = rv == IMP_OK ? del(c, "account", "flow", "before", 6) : rv;
  rv = rv == IMP_OK ? put_flow(c, "new", "2") : rv;
  rv = rv == IMP_OK ? del_range(c, "offline", "a@d.example", &range) : rv;
  rv = rv == IMP_OK ? failed_flush(c) : rv;
  return rv == IMP_OK ? failed_flush(c) : rv; /* nothing was noted, and yet there is something to commit */
}

/* What is noted while flushes fail is in the next that does not, though nothing more may be noted then. */
static int step_failure(check *c) {
  if (c->kit.set_failing == NULL) {
    return IMP_OK;
  }
  int rv = flush(c);
  c->kit.set_failing(c->kit.user_data, c->kit.ctx, 1);
  rv = rv == IMP_OK ? note_while_failing(c) : rv;
  c->kit.set_failing(c->kit.user_data, c->kit.ctx, 0);
  rv = rv == IMP_OK ? flush(c) : rv;
  rv = rv == IMP_OK ? compare_everything(c) : rv;
  if (rv == IMP_OK && c->kit.reopen != NULL) {
    rv = reopen(c);
    rv = rv == IMP_OK ? compare_everything(c) : rv;
  }
  return rv == IMP_ERR_CORRUPT ? wrong(c, "what a failed flush left is not in the next one") : rv;
}

static uint32_t draw(check *c, uint32_t below) {
  c->random = c->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (uint32_t)(c->random >> 33) % below;
}

static int random_step(check *c) {
  const char *space = spaces[draw(c, IMP_ARRAY_LEN(spaces))];
  const char *owner = owners[draw(c, IMP_ARRAY_LEN(owners))];
  uint32_t k = draw(c, IMP_ARRAY_LEN(keys));
  int from = (int)draw(c, IMP_ARRAY_LEN(keys) + 1) - 1;
  int to = (int)draw(c, IMP_ARRAY_LEN(keys) + 1) - 1;
  imp_store_range range = between(from, to, draw(c, 5), draw(c, 2));
  switch (draw(c, 16)) {
  case 0:
    return del_range(c, space, owner, &range);
  case 1:
    return draw(c, 8) == 0 ? erase(c, owner) : flush(c);
  case 2:
  case 3:
    return del(c, space, owner, keys[k].bytes, keys[k].len);
  case 4:
    return compare_all(c, space, draw(c, 9));
  case 5:
  case 6:
    return compare_get(c, space, owner, keys[k].bytes, keys[k].len);
  case 7:
  case 8:
    return compare_scan(c, space, owner, &range);
  default: {
    uint8_t value[8];
    imp_put_be64(value, c->random);
    return put(c, space, owner, keys[k].bytes, keys[k].len, (const char *)value, draw(c, 9));
  }
  }
}

static int step_random(check *c) {
  int rv = IMP_OK;
  for (int i = 0; rv == IMP_OK && i < 3000; i++) {
    rv = random_step(c);
  }
  return rv;
}

static int step_durable(check *c) {
  int rv = flush(c);
  if (rv != IMP_OK || c->kit.reopen == NULL) {
    return rv;
  }
  rv = reopen(c);
  rv = rv == IMP_OK ? compare_everything(c) : rv;
  return rv == IMP_ERR_CORRUPT ? wrong(c, "flushed data did not survive reopening") : rv;
}

static int run_steps(check *c) {
  static int (*const steps[])(check *c) = {step_empty, step_order, step_neighbours, step_big, step_pipeline, step_line,
                                           step_failure, step_random, step_durable};
  int rv = IMP_OK;
  for (size_t i = 0; rv == IMP_OK && i < IMP_ARRAY_LEN(steps); i++) {
    rv = steps[i](c);
  }
  return rv;
}

int imp_testkit_store_check(const imp_testkit_store *kit, char *text, size_t textcap) {
  check c = {.text = text, .textcap = textcap, .random = 1};
  imp_set_error(text, textcap, "%s", "");
  memcpy(&c.kit, kit, kit->size < sizeof c.kit ? kit->size : sizeof c.kit);
  if (c.kit.vtable == NULL) {
    return IMP_ERR_INVALID_ARGUMENT;
  }
  int rv = imp_memory_store_new(&c.model);
  if (rv != IMP_OK) {
    return rv;
  }
  imp_op_queue_init(&c.queue, NULL, NULL, NULL);
  rv = run_steps(&c);
  imp_op_queue_close(&c.queue);
  imp_memory_store_del(c.model);
  return rv;
}
