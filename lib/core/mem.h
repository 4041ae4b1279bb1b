/* Memory: every allocation of the library goes through here. Sizes that overflow give NULL. */
#ifndef IMP_CORE_MEM_H
#define IMP_CORE_MEM_H

#include <imp/sys/mem.h>

char *imp_strdup(const char *s);
/* A copy of len bytes, ended with NUL. */
char *imp_strndup(const char *s, size_t len);
void *imp_memdup(const void *p, size_t len);
/* Overwrites with zeros; never optimised away. NULL is allowed. */
void imp_wipe(void *ptr, size_t len);
/* Wipes, then frees. */
void imp_free_secret(void *ptr, size_t len);
/* Non-zero if equal, in time that depends on len alone. */
int imp_memeq_ct(const void *a, const void *b, size_t len);

#define IMP_CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))
#define IMP_ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#endif
