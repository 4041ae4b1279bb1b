#include "secret.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int read_it(const char *path, char *secret, size_t len) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t n = fd >= 0 ? read(fd, secret, len - 1) : -1;
  if (fd >= 0) {
    close(fd);
  }
  if (n <= 0) {
    return -1;
  }
  secret[n] = '\0';
  secret[strcspn(secret, "\n")] = '\0';
  return secret[0] != '\0' ? 0 : -1;
}

int secret_keep(const char *program, const char *directory, const char *name, char *secret, size_t len,
                size_t letters) {
  static const char alphabet[] = "abcdefghijkmnpqrstuvwxyz23456789";
  char path[1200];
  snprintf(path, sizeof path, "%s/%s", directory, name);
  if (read_it(path, secret, len) == 0) {
    return 0;
  }
  letters = letters < len ? letters : len - 1;
  if (gnutls_rnd(GNUTLS_RND_RANDOM, secret, letters) != 0) {
    fprintf(stderr, "%s: no random numbers\n", program);
    return -1;
  }
  for (size_t i = 0; i < letters; i++) {
    secret[i] = alphabet[(unsigned char)secret[i] & 31];
  }
  secret[letters] = '\0';
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0 || write(fd, secret, letters) != (ssize_t)letters || write(fd, "\n", 1) != 1) {
    fprintf(stderr, "%s: %s: %s\n", program, path, strerror(errno));
    if (fd >= 0) {
      close(fd);
    }
    return -1;
  }
  return close(fd);
}
