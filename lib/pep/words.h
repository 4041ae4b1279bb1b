/* Short lists of strings in one piece of memory: each ended by NUL. */
#ifndef IMP_PEP_WORDS_H
#define IMP_PEP_WORDS_H

#include <stddef.h>
#include <stdint.h>

typedef struct imp_words {
  char *text; /* NULL: none */
  uint32_t len;
} imp_words;

#define IMP_WORDS_MAX 65536 /* bytes */

/* IMP_ERR_NOMEM, IMP_ERR_TOO_BIG. A word that is there already is not added again. */
int imp_words_add(imp_words *words, const char *word);
int imp_words_has(const imp_words *words, const char *word);
void imp_words_remove(imp_words *words, const char *word);
/* The next after `word` (NULL: the first), NULL at the end. */
const char *imp_words_next(const imp_words *words, const char *word);
/* Whether a word is in both. */
int imp_words_meet(const imp_words *a, const imp_words *b);
int imp_words_copy(imp_words *to, const imp_words *from);
void imp_words_free(imp_words *words);

#endif
