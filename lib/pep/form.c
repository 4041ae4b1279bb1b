/* Configurations of nodes, and the forms that say them (XEP-0060 §16.4.4, XEP-0004). */
#include <string.h>

#include "core/codec.h"
#include "pep/internal.h"

static const char *const access_names[] = {"presence", "open", "whitelist", "roster", "authorize"};
static const char *const last_names[] = {"never", "on_sub", "on_sub_and_presence"};

void imp_pep_config_default(imp_pep_config *config) {
  *config = (imp_pep_config){.access = IMP_PEP_PRESENCE,
                             .persist = 1,
                             .last = IMP_PEP_ON_SUB_AND_PRESENCE,
                             .notify_retract = 1,
                             .payloads = 1,
                             .max_items = 1};
}

static int read_word(const char *value, const char *const *names, size_t count, uint8_t *out) {
  size_t i;
  for (i = 0; i < count; i++) {
    if (strcmp(value, names[i]) == 0) {
      *out = (uint8_t)i;
      return IMP_OK;
    }
  }
  return IMP_ERR_MALFORMED;
}

static int read_bool(const char *value, uint8_t *out) {
  int yes = strcmp(value, "1") == 0 || strcmp(value, "true") == 0;
  *out = (uint8_t)yes;
  return yes || strcmp(value, "0") == 0 || strcmp(value, "false") == 0 ? IMP_OK : IMP_ERR_MALFORMED;
}

/* More than there may be is as many as there may be. */
static int read_max(const imp_pep *pep, const char *value, uint32_t *out) {
  uint32_t max = pep->settings.max_items;
  int rv = IMP_OK;
  if (strcmp(value, "max") == 0) {
    *out = max;
    return IMP_OK;
  }
  rv = imp_parse_u32(out, value);
  if (rv == IMP_ERR_RANGE || (rv == IMP_OK && *out > max)) {
    *out = max;
    rv = IMP_OK;
  }
  return rv == IMP_OK && *out == 0 ? IMP_ERR_MALFORMED : rv;
}

static int read_groups(const imp_elem *field, imp_words *groups) {
  const imp_elem *v;
  int rv = IMP_OK;
  for (v = imp_elem_first(field); v != NULL && rv == IMP_OK; v = imp_elem_next(v)) {
    if (imp_elem_match(v, "value", IMP_NS_DATA)) {
      rv = imp_words_add(groups, imp_elem_text(v, NULL));
    }
  }
  return rv;
}

/* What all nodes have in common. */
static const struct {
  const char *var;
  int is;
} fixed[] = {{"deliver_notifications", 1}, {"notify_delete", 1}, {"notify_config", 0}, {"notify_sub", 0},
             {"purge_offline", 0},         {"subscribe", 1},     {"tempsub", 0}};

static int is_so(const char *var, const char *value) {
  uint8_t wanted;
  size_t i;
  if (strcmp(var, "publish_model") == 0) {
    return strcmp(value, "publishers") == 0;
  }
  for (i = 0; i < IMP_ARRAY_LEN(fixed); i++) {
    if (strcmp(var, fixed[i].var) == 0) {
      return read_bool(value, &wanted) == IMP_OK && wanted == fixed[i].is;
    }
  }
  return 0;
}

static int read_field(const imp_pep *pep, imp_pep_options *o, const imp_elem *field) {
  const char *var = imp_elem_attr(field, "var");
  const imp_elem *v = imp_elem_child(field, "value", IMP_NS_DATA);
  const char *value = v != NULL ? imp_elem_text(v, NULL) : "";
  unsigned what = 0;
  int rv = IMP_OK;
  if (var == NULL || strncmp(var, "pubsub#", 7) != 0) {
    o->unmet |= var == NULL || strcmp(var, "FORM_TYPE") != 0;
    return IMP_OK;
  }
  var += 7;
  if (strcmp(var, "access_model") == 0) {
    what = IMP_PEP_SET_ACCESS;
    rv = read_word(value, access_names, IMP_ARRAY_LEN(access_names), &o->config.access);
  } else if (strcmp(var, "send_last_published_item") == 0) {
    what = IMP_PEP_SET_LAST;
    rv = read_word(value, last_names, IMP_ARRAY_LEN(last_names), &o->config.last);
  } else if (strcmp(var, "persist_items") == 0) {
    what = IMP_PEP_SET_PERSIST;
    rv = read_bool(value, &o->config.persist);
  } else if (strcmp(var, "notify_retract") == 0) {
    what = IMP_PEP_SET_RETRACT;
    rv = read_bool(value, &o->config.notify_retract);
  } else if (strcmp(var, "deliver_payloads") == 0) {
    what = IMP_PEP_SET_PAYLOADS;
    rv = read_bool(value, &o->config.payloads);
  } else if (strcmp(var, "max_items") == 0) {
    what = IMP_PEP_SET_MAX;
    rv = read_max(pep, value, &o->config.max_items);
  } else if (strcmp(var, "roster_groups_allowed") == 0) {
    what = IMP_PEP_SET_GROUPS;
    rv = read_groups(field, &o->config.groups);
  } else {
    o->unmet |= !is_so(var, value);
    rv = strcmp(var, "publish_model") == 0 && !is_so(var, value) ? IMP_ERR_MALFORMED : IMP_OK; /* only the owner publishes */
  }
  o->set |= what;
  return rv;
}

int imp_pep_options_read(const imp_pep *pep, imp_pep_options *options, const imp_elem *x) {
  const imp_elem *field;
  int rv = IMP_OK;
  memset(options, 0, sizeof(*options));
  for (field = x != NULL ? imp_elem_first(x) : NULL; field != NULL && rv == IMP_OK; field = imp_elem_next(field)) {
    if (imp_elem_match(field, "field", IMP_NS_DATA)) {
      rv = read_field(pep, options, field);
    }
  }
  return rv;
}

void imp_pep_options_free(imp_pep_options *options) { imp_words_free(&options->config.groups); }

static int same_words(const imp_words *a, const imp_words *b) {
  const char *w = NULL;
  while ((w = imp_words_next(a, w)) != NULL) {
    if (!imp_words_has(b, w)) {
      return 0;
    }
  }
  return a->len == b->len;
}

int imp_pep_options_match(const imp_pep_options *o, const imp_pep_config *c) {
  return (!(o->set & IMP_PEP_SET_ACCESS) || o->config.access == c->access) &&
         (!(o->set & IMP_PEP_SET_PERSIST) || o->config.persist == c->persist) &&
         (!(o->set & IMP_PEP_SET_LAST) || o->config.last == c->last) &&
         (!(o->set & IMP_PEP_SET_RETRACT) || o->config.notify_retract == c->notify_retract) &&
         (!(o->set & IMP_PEP_SET_PAYLOADS) || o->config.payloads == c->payloads) &&
         (!(o->set & IMP_PEP_SET_MAX) || o->config.max_items == c->max_items) &&
         (!(o->set & IMP_PEP_SET_GROUPS) || same_words(&o->config.groups, &c->groups));
}

int imp_pep_options_apply(const imp_pep_options *o, imp_pep_config *c) {
  int rv = o->set & IMP_PEP_SET_GROUPS ? imp_words_copy(&c->groups, &o->config.groups) : IMP_OK;
  if (rv < 0) {
    return rv;
  }
  c->access = o->set & IMP_PEP_SET_ACCESS ? o->config.access : c->access;
  c->persist = o->set & IMP_PEP_SET_PERSIST ? o->config.persist : c->persist;
  c->last = o->set & IMP_PEP_SET_LAST ? o->config.last : c->last;
  c->notify_retract = o->set & IMP_PEP_SET_RETRACT ? o->config.notify_retract : c->notify_retract;
  c->payloads = o->set & IMP_PEP_SET_PAYLOADS ? o->config.payloads : c->payloads;
  c->max_items = o->set & IMP_PEP_SET_MAX ? o->config.max_items : c->max_items;
  return IMP_OK;
}

static imp_elem *add_field(imp_stanza *st, imp_elem *x, const char *var, const char *type, const char *value) {
  imp_elem *field = imp_elem_add(st, x, "field", NULL);
  if (field != NULL) {
    imp_elem_set_attr(st, field, "var", var);
    imp_elem_set_attr(st, field, "type", type);
    if (value != NULL) {
      (void)imp_elem_add_text(st, field, "value", NULL, value);
    }
  }
  return field;
}

static void add_choice(imp_stanza *st, imp_elem *x, const char *var, const char *const *names, size_t count,
                       unsigned chosen) {
  imp_elem *field = add_field(st, x, var, "list-single", chosen < count ? names[chosen] : names[0]);
  size_t i;
  for (i = 0; field != NULL && i < count; i++) {
    imp_elem *option = imp_elem_add(st, field, "option", NULL);
    (void)imp_elem_add_text(st, option, "value", NULL, names[i]);
  }
}

void imp_pep_config_write(imp_stanza *st, imp_elem *parent, const imp_pep_config *c, const char *type,
                          const char *form_type) {
  imp_elem *x = imp_elem_add(st, parent, "x", IMP_NS_DATA), *groups;
  char number[24];
  const char *g = NULL;
  if (x == NULL) {
    return;
  }
  imp_elem_set_attr(st, x, "type", type);
  (void)add_field(st, x, "FORM_TYPE", "hidden", form_type);
  add_choice(st, x, "pubsub#access_model", access_names, IMP_ARRAY_LEN(access_names), c->access);
  groups = add_field(st, x, "pubsub#roster_groups_allowed", "list-multi", NULL);
  while (groups != NULL && (g = imp_words_next(&c->groups, g)) != NULL) {
    (void)imp_elem_add_text(st, groups, "value", NULL, g);
  }
  (void)imp_format_u64(number, c->max_items);
  (void)add_field(st, x, "pubsub#max_items", "text-single", number);
  (void)add_field(st, x, "pubsub#persist_items", "boolean", c->persist ? "1" : "0");
  add_choice(st, x, "pubsub#send_last_published_item", last_names, IMP_ARRAY_LEN(last_names), c->last);
  (void)add_field(st, x, "pubsub#notify_retract", "boolean", c->notify_retract ? "1" : "0");
  (void)add_field(st, x, "pubsub#deliver_payloads", "boolean", c->payloads ? "1" : "0");
  (void)add_field(st, x, "pubsub#publish_model", "list-single", "publishers");
}
