/* Runs a fuzz target over files and folders given as arguments: what ctest does with the corpus. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned long runs;

static int run_file(const char *path) {
  FILE *file = fopen(path, "rb");
  static uint8_t data[1 << 20];
  if (file == NULL) {
    perror(path);
    return 1;
  }
  size_t len = fread(data, 1, sizeof data, file);
  fclose(file);
  uint8_t *exact = malloc(len > 0 ? len : 1); /* so that a sanitizer sees one byte too many */
  if (exact == NULL) {
    return 1;
  }
  for (size_t i = 0; i < len; ++i) {
    exact[i] = data[i];
  }
  LLVMFuzzerTestOneInput(exact, len);
  free(exact);
  ++runs;
  return 0;
}

static int run(const char *path) {
  DIR *dir = opendir(path);
  int bad = 0;
  if (dir == NULL) {
    return run_file(path);
  }
  for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
    char name[4096];
    if (entry->d_name[0] != '.') {
      snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
      bad |= run_file(name);
    }
  }
  closedir(dir);
  return bad;
}

int main(int argc, char **argv) {
  int bad = 0;
  for (int i = 1; i < argc; ++i) {
    bad |= run(argv[i]);
  }
  printf("%lu inputs\n", runs);
  return bad != 0 || runs == 0;
}
