#include "schema.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void server_mistake(server_reader *reader, const config_setting_t *at, const char *key, const char *fmt, ...) {
  char why[512], line[1600];
  va_list args;
  va_start(args, fmt);
  vsnprintf(why, sizeof why, fmt, args);
  va_end(args);
  const char *file = config_setting_source_file(at);
  snprintf(line, sizeof line, "%s:%u: %s: %s", file != NULL ? file : "?", (unsigned)config_setting_source_line(at), key,
           why);
  reader->mistakes++;
  reader->say(reader->arg, line);
}

static int word_index(const char *const *words, const char *value) {
  for (int i = 0; words[i] != NULL; i++) {
    if (value[0] != '\0' && strcmp(words[i], value) == 0) {
      return i;
    }
  }
  return -1;
}

static void wrong_word(server_reader *r, const config_setting_t *s, const server_key *key) {
  char all[400] = "";
  size_t len = 0;
  for (int i = 0; key->words[i] != NULL && len < sizeof all; i++) {
    if (key->words[i][0] != '\0') {
      len += (size_t)snprintf(all + len, sizeof all - len, "%s\"%s\"", len > 0 ? ", " : "", key->words[i]);
    }
  }
  server_mistake(r, s, key->name, "must be one of %s", all);
}

static void read_number(server_reader *r, const server_key *key, config_setting_t *s, char *place) {
  int type = config_setting_type(s);
  if (type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64) {
    server_mistake(r, s, key->name, "a number is wanted");
    return;
  }
  int64_t value = config_setting_get_int64(s);
  if (type == CONFIG_TYPE_INT) {
    value = config_setting_get_int(s);
  }
  if (value < key->min || value > key->max) {
    server_mistake(r, s, key->name, "%lld: must be %lld to %lld", (long long)value, (long long)key->min,
                   (long long)key->max);
  } else if (key->type == SERVER_BIG) {
    *(uint64_t *)(void *)place = (uint64_t)value;
  } else {
    *(uint32_t *)(void *)place = (uint32_t)value;
  }
}

static void read_words(server_reader *r, const server_key *key, config_setting_t *s, uint32_t *bits) {
  if (!config_setting_is_array(s) && !(config_setting_is_list(s) && config_setting_length(s) == 0)) {
    server_mistake(r, s, key->name, "an array of words is wanted: [\"…\", \"…\"]");
    return;
  }
  *bits = 0;
  for (int i = 0; i < config_setting_length(s); i++) {
    const char *value = config_setting_get_string_elem(s, i);
    int index = value != NULL ? word_index(key->words, value) : -1;
    if (index < 0) {
      wrong_word(r, config_setting_get_elem(s, (unsigned)i), key);
    } else {
      *bits |= 1u << index;
    }
  }
}

static void read_string(server_reader *r, const server_key *key, config_setting_t *s, char *place) {
  const char *value = config_setting_get_string(s);
  if (value == NULL) {
    server_mistake(r, s, key->name, "a text in quotation marks is wanted");
    return;
  }
  if (key->type == SERVER_WORD) {
    int index = word_index(key->words, value);
    if (index < 0) {
      wrong_word(r, s, key);
    } else {
      *(uint32_t *)(void *)place = (uint32_t)index;
    }
    return;
  }
  size_t len = strlen(value);
  if ((int64_t)len < key->min || (int64_t)len > key->max) {
    server_mistake(r, s, key->name, "%zu bytes: must be %lld to %lld", len, (long long)key->min, (long long)key->max);
    return;
  }
  *(const char **)(void *)place = len > 0 ? value : NULL;
}

static void read_switch(server_reader *r, const server_key *key, config_setting_t *s, uint32_t *place) {
  if (config_setting_type(s) != CONFIG_TYPE_BOOL) {
    server_mistake(r, s, key->name, "must be true or false");
    return;
  }
  *place = config_setting_get_bool(s) != 0;
}

/* What is there already, a default, gives way to what the file says. */
static void read_list(server_reader *r, const server_key *key, config_setting_t *s, server_list *list) {
  const server_group *group = key->group;
  if (!config_setting_is_list(s)) {
    server_mistake(r, s, key->name, "a list of groups is wanted: ( { … }, { … } )");
    return;
  }
  size_t count = (size_t)config_setting_length(s);
  if ((int64_t)count > key->max) {
    server_mistake(r, s, key->name, "%zu: at most %lld are allowed", count, (long long)key->max);
    return;
  }
  char *items = calloc(count + 1, group->size);
  if (items == NULL) {
    server_mistake(r, s, key->name, "out of memory");
    return;
  }
  free(list->items);
  list->items = items;
  list->count = count;
  for (size_t i = 0; i < count; i++) {
    config_setting_t *item = config_setting_get_elem(s, (unsigned)i);
    char *target = items + i * group->size;
    if (group->init != NULL) {
      group->init(target, item);
    }
    server_read_group(r, group, item, target);
  }
}

static void read_value(server_reader *r, const server_key *key, config_setting_t *s, char *place) {
  switch (key->type) {
  case SERVER_NUMBER:
  case SERVER_BIG:
    read_number(r, key, s, place);
    return;
  case SERVER_SWITCH:
    read_switch(r, key, s, (uint32_t *)(void *)place);
    return;
  case SERVER_WORD:
  case SERVER_TEXT:
    read_string(r, key, s, place);
    return;
  case SERVER_WORDS:
    read_words(r, key, s, (uint32_t *)(void *)place);
    return;
  case SERVER_GROUP:
    server_read_group(r, key->group, s, place);
    return;
  case SERVER_LIST:
    read_list(r, key, s, (server_list *)(void *)place);
    return;
  }
}

static void find_strangers(server_reader *r, const server_group *group, config_setting_t *s) {
  for (int i = 0; i < config_setting_length(s); i++) {
    config_setting_t *child = config_setting_get_elem(s, (unsigned)i);
    const server_key *key = group->keys;
    while (key->name != NULL && strcmp(key->name, config_setting_name(child)) != 0) {
      key++;
    }
    if (key->name == NULL) {
      server_mistake(r, child, config_setting_name(child), "there is no such key here");
    }
  }
}

static const char *name_of(const config_setting_t *s) {
  const char *name = config_setting_name(s);
  const config_setting_t *parent = config_setting_parent(s);
  if (name == NULL && parent != NULL) {
    name = config_setting_name(parent); /* an element of a list */
  }
  return name != NULL ? name : "file";
}

/* A value that the check of its group refuses is taken back, so that it is not blamed on the keys behind it. */
static void read_checked(server_reader *r, const server_group *group, const server_key *key, config_setting_t *s,
                         void *target) {
  char *place = (char *)target + key->offset, text[512];
  uint64_t before = 0;
  size_t len = key->type == SERVER_BIG ? sizeof(uint64_t) : sizeof(uint32_t);
  int so_far = r->mistakes;
  if (group->check_each == NULL) {
    read_value(r, key, s, place);
    return;
  }
  memcpy(&before, place, len);
  read_value(r, key, s, place);
  if (r->mistakes == so_far && group->check_each(target, text, sizeof text) != 0) {
    server_mistake(r, s, key->name, "%s", text);
    memcpy(place, &before, len);
  }
}

/* In the order of the table, so that what a check of a later key depends on is there. */
void server_read_group(server_reader *r, const server_group *group, config_setting_t *s, void *target) {
  char text[512];
  int before = r->mistakes;
  if (!config_setting_is_group(s)) {
    server_mistake(r, s, name_of(s), "a group is wanted: { key = value; … }");
    return;
  }
  find_strangers(r, group, s);
  for (const server_key *key = group->keys; key->name != NULL; key++) {
    config_setting_t *child = config_setting_get_member(s, key->name);
    if (child != NULL) {
      read_checked(r, group, key, child, target);
    } else if ((key->flags & SERVER_REQUIRED) != 0) {
      server_mistake(r, s, name_of(s), "%s is missing", key->name);
    }
  }
  if (r->mistakes == before && group->check != NULL && group->check(target, text, sizeof text) != 0) {
    server_mistake(r, s, name_of(s), "%s", text);
  }
}

void server_free_group(const server_group *group, void *target) {
  for (const server_key *key = group->keys; key->name != NULL; key++) {
    char *place = (char *)target + key->offset;
    if (key->type == SERVER_GROUP) {
      server_free_group(key->group, place);
    } else if (key->type == SERVER_LIST) {
      server_list *list = (server_list *)(void *)place;
      free(list->items); /* no element has a list of its own */
      list->items = NULL;
      list->count = 0;
    }
  }
}
