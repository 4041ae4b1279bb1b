/* Rules of time zones, from where the system keeps them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"

#define ZONE_MAX 262144

/* Servers write what they like as the name of a zone: it must not lead out of the directory. */
static int is_safe(const char *name) {
  static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/_+-";
  return name[0] != '\0' && name[0] != '/' && name[strspn(name, allowed)] == '\0';
}

int server_zone_read(imp_calendar *calendar, const char *directory, const char *name) {
  char path[SERVER_PATH_MAX + 256];
  int rv = IMP_ERR_NOT_FOUND;
  if (!is_safe(name) || snprintf(path, sizeof path, "%s/%s", directory, name) >= (int)sizeof path) {
    return IMP_ERR_NOT_FOUND;
  }
  FILE *file = fopen(path, "re");
  char *data = malloc(ZONE_MAX);
  size_t len = file != NULL && data != NULL ? fread(data, 1, ZONE_MAX, file) : 0;
  if (len > 0) {
    rv = imp_calendar_add_zone(calendar, name, data, len);
  }
  if (file != NULL) {
    fclose(file);
  }
  free(data);
  return rv;
}
