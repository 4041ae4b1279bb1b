/* What else is done by the tables of keys: listing and comparing. */
#include <stdio.h>
#include <string.h>

#include "schema.h"

static uint64_t number_at(const server_key *key, const char *place) {
  if (key->type == SERVER_BIG) {
    return *(const uint64_t *)(const void *)place;
  }
  return *(const uint32_t *)(const void *)place;
}

static const char *text_at(const char *place) {
  const char *text = *(const char *const *)(const void *)place;
  return text != NULL ? text : "";
}

static void print_words(const server_key *key, uint32_t bits) {
  const char *comma = "";
  putchar('[');
  for (int i = 0; key->words[i] != NULL; i++) {
    if ((bits & 1u << i) != 0) {
      printf("%s\"%s\"", comma, key->words[i]);
      comma = ", ";
    }
  }
  putchar(']');
}

static void print_default(const server_key *key, const char *place) {
  switch (key->type) {
  case SERVER_SWITCH:
    fputs(number_at(key, place) != 0 ? "true" : "false", stdout);
    return;
  case SERVER_WORD:
    printf("\"%s\"", key->words[number_at(key, place)]);
    return;
  case SERVER_WORDS:
    print_words(key, (uint32_t)number_at(key, place));
    return;
  case SERVER_TEXT:
    printf("\"%s\"", text_at(place));
    return;
  default:
    printf("%llu", (unsigned long long)number_at(key, place));
  }
}

static void print_range(const server_key *key) {
  switch (key->type) {
  case SERVER_NUMBER:
  case SERVER_BIG:
    printf("%lld to %lld", (long long)key->min, (long long)key->max);
    return;
  case SERVER_SWITCH:
    fputs("true or false", stdout);
    return;
  case SERVER_TEXT:
    printf("%lld to %lld bytes", (long long)key->min, (long long)key->max);
    return;
  default:
    for (int i = 0, n = 0; key->words[i] != NULL; i++) {
      if (key->words[i][0] != '\0') {
        printf("%s\"%s\"", n++ > 0 ? ", " : "", key->words[i]);
      }
    }
  }
}

static void list_key(const server_key *key, const char *path, const char *place, uint32_t flags) {
  printf("%s%s\t", path, key->name);
  if ((key->flags & SERVER_REQUIRED) != 0) {
    fputs("(required)", stdout);
  } else {
    print_default(key, place);
  }
  putchar('\t');
  print_range(key);
  puts(((key->flags | flags) & SERVER_RELOAD) != 0 ? "\treload" : "\trestart");
}

static void list_group(const server_group *group, const void *target, const char *path, uint32_t flags);

static void list_list(const server_key *key, const char *path) {
  union {
    uint64_t align;
    char bytes[1024];
  } element;
  memset(&element, 0, sizeof element);
  if (key->group->size > sizeof element) {
    return;
  }
  if (key->group->init != NULL) {
    key->group->init(element.bytes, NULL);
  }
  list_group(key->group, element.bytes, path, key->flags);
}

/* `flags` are those of the list that it is an element of. */
static void list_group(const server_group *group, const void *target, const char *path, uint32_t flags) {
  char inner[256];
  for (const server_key *key = group->keys; key->name != NULL; key++) {
    const char *place = (const char *)target + key->offset;
    if (key->type == SERVER_GROUP) {
      snprintf(inner, sizeof inner, "%s%s.", path, key->name);
      list_group(key->group, place, inner, flags);
    } else if (key->type == SERVER_LIST) {
      snprintf(inner, sizeof inner, "%s%s[].", path, key->name);
      list_list(key, inner);
    } else {
      list_key(key, path, place, flags);
    }
  }
}

void server_list_keys(const server_group *group, const void *target) { list_group(group, target, "", 0); }

static int same_list(const server_key *key, const char *a, const char *b) {
  const server_list *left = (const server_list *)(const void *)a, *right = (const server_list *)(const void *)b;
  int same = left->count == right->count;
  for (size_t i = 0; same && i < left->count; i++) {
    size_t at = i * key->group->size;
    same = server_same_group(key->group, (const char *)left->items + at, (const char *)right->items + at);
  }
  return same;
}

static int same_key(const server_key *key, const char *a, const char *b) {
  switch (key->type) {
  case SERVER_GROUP:
    return server_same_group(key->group, a, b);
  case SERVER_LIST:
    return same_list(key, a, b);
  case SERVER_TEXT:
    return strcmp(text_at(a), text_at(b)) == 0;
  default:
    return number_at(key, a) == number_at(key, b);
  }
}

int server_same_group(const server_group *group, const void *a, const void *b) {
  for (const server_key *key = group->keys; key->name != NULL; key++) {
    if (!same_key(key, (const char *)a + key->offset, (const char *)b + key->offset)) {
      return 0;
    }
  }
  return 1;
}

void server_fixed_changes(const server_group *group, const void *old, const void *now, const char *path,
                          void (*fn)(void *arg, const char *key), void *arg) {
  char name[256];
  for (const server_key *key = group->keys; key->name != NULL; key++) {
    const char *a = (const char *)old + key->offset, *b = (const char *)now + key->offset;
    if ((key->flags & SERVER_RELOAD) != 0) {
      continue;
    }
    if (key->type == SERVER_GROUP) {
      snprintf(name, sizeof name, "%s%s.", path, key->name);
      server_fixed_changes(key->group, a, b, name, fn, arg);
    } else if (!same_key(key, a, b)) {
      snprintf(name, sizeof name, "%s%s", path, key->name);
      fn(arg, name);
    }
  }
}
