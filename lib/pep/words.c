#include "pep/words.h"

#include <string.h>

#include "core/mem.h"

const char *imp_words_next(const imp_words *words, const char *word) {
  const char *next = word == NULL ? words->text : word + strlen(word) + 1;
  return next != NULL && next < words->text + words->len ? next : NULL;
}

int imp_words_has(const imp_words *words, const char *word) {
  const char *w = NULL;
  while ((w = imp_words_next(words, w)) != NULL) {
    if (strcmp(w, word) == 0) {
      return 1;
    }
  }
  return 0;
}

int imp_words_meet(const imp_words *a, const imp_words *b) {
  const char *w = NULL;
  while ((w = imp_words_next(a, w)) != NULL) {
    if (imp_words_has(b, w)) {
      return 1;
    }
  }
  return 0;
}

int imp_words_add(imp_words *words, const char *word) {
  size_t len = strlen(word) + 1;
  char *grown;
  if (imp_words_has(words, word)) {
    return IMP_OK;
  }
  if (len > IMP_WORDS_MAX - words->len) {
    return IMP_ERR_TOO_BIG;
  }
  grown = imp_realloc(words->text, words->len + len);
  if (grown == NULL) {
    return IMP_ERR_NOMEM;
  }
  memcpy(grown + words->len, word, len);
  words->text = grown;
  words->len += (uint32_t)len;
  return IMP_OK;
}

void imp_words_remove(imp_words *words, const char *word) {
  const char *w = NULL;
  while ((w = imp_words_next(words, w)) != NULL) {
    if (strcmp(w, word) == 0) {
      size_t at = (size_t)(w - words->text), len = strlen(w) + 1;
      memmove(words->text + at, words->text + at + len, words->len - at - len);
      words->len -= (uint32_t)len;
      return;
    }
  }
}

int imp_words_copy(imp_words *to, const imp_words *from) {
  imp_words copy = {NULL, 0};
  if (from->len > 0) {
    copy.text = imp_memdup(from->text, from->len);
    copy.len = from->len;
    if (copy.text == NULL) {
      return IMP_ERR_NOMEM;
    }
  }
  imp_words_free(to);
  *to = copy;
  return IMP_OK;
}

void imp_words_free(imp_words *words) {
  imp_free(words->text);
  words->text = NULL;
  words->len = 0;
}
