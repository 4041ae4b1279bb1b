/*
 * imp/sys/mem.h: the library's allocator (imp_replace_allocator()), for those who write adapters.
 *
 * Sizes that overflow give NULL. What these return is freed with imp_free().
 */
#ifndef IMP_SYS_MEM_H
#define IMP_SYS_MEM_H

#include <imp/core.h>

#ifdef __cplusplus
extern "C" {
#endif

IMP_EXTERN void *imp_malloc(size_t size);
IMP_EXTERN void *imp_calloc(size_t count, size_t size);
IMP_EXTERN void *imp_realloc(void *ptr, size_t size);

#ifdef __cplusplus
}
#endif

#endif /* IMP_SYS_MEM_H */
