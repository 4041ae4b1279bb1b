/* The node's certificate: files of the operator's, or one that is made and kept. */
#ifndef COMMON_CERTIFICATE_H
#define COMMON_CERTIFICATE_H

#include <imp/imp.h>

typedef struct certificate_files {
  const char *cert, *key; /* PEM; NULL: self-made ones in `directory` */
  const char *client_ca;  /* roots of client certificates; may be NULL */
  const char *directory, *domain;
  void (*say)(void *arg, const char *path, const char *why); /* told what is wrong */
  void *arg;
} certificate_files;

/*
 * Gives the certificate to the node: that of `cert` and `key`, else certificate.pem and key.pem in `directory`, which
 * are made (ECDSA P-256, valid two years, for the domain and localhost) if they are not there, expire within a month or
 * are for another domain.  May be called again while the server runs.  Returns 0; `say` is told of a failure.
 */
int certificate_load(imp_node *node, const certificate_files *files);

#endif /* COMMON_CERTIFICATE_H */
