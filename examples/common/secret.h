/* A secret that is made at the first start and kept in a file of mode 0600. */
#ifndef COMMON_SECRET_H
#define COMMON_SECRET_H

#include <stddef.h>

/* Reads `directory`/`name` into `secret`, or makes one of `letters` and writes it there. `program` begins messages. */
int secret_keep(const char *program, const char *directory, const char *name, char *secret, size_t len,
                size_t letters);

#endif /* COMMON_SECRET_H */
