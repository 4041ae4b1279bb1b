#include "xload.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static double ticks(unsigned long n) {
  return (double)n / (double)sysconf(_SC_CLK_TCK);
}

static int read_stat(int pid, int *ppid, double *cpu) {
  char path[64], line[1024], *p;
  unsigned long user = 0, sys = 0;
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  FILE *f = fopen(path, "r");
  if (!f)
    return -1;
  p = fgets(line, sizeof line, f);
  fclose(f);
  if (!p || !(p = strrchr(line, ')')))
    return -1;
  if (sscanf(p + 2, "%*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", ppid, &user, &sys) != 3)
    return -1;
  *cpu = ticks(user + sys);
  return 0;
}

static void add_process(int pid, struct usage *u) {
  char path[64], line[256];
  int ppid;
  double cpu;
  if (read_stat(pid, &ppid, &cpu) == 0)
    u->cpu_s += cpu;
  snprintf(path, sizeof path, "/proc/%d/status", pid);
  FILE *f = fopen(path, "r");
  if (!f)
    return;
  while (fgets(line, sizeof line, f))
    if (!strncmp(line, "VmRSS:", 6))
      u->rss_kb += strtod(line + 6, NULL);
  fclose(f);
}

static void add_tree(int root, struct usage *u, int depth) {
  add_process(root, u);
  DIR *d = opt.pidtree && depth < 8 ? opendir("/proc") : NULL;
  for (struct dirent *e; d && (e = readdir(d));) {
    int pid = (int)strtol(e->d_name, NULL, 10), ppid = 0;
    double cpu;
    if (pid > 0 && read_stat(pid, &ppid, &cpu) == 0 && ppid == root)
      add_tree(pid, u, depth + 1);
  }
  if (d)
    closedir(d);
}

struct usage proc_server(void) {
  struct usage u = {0, 0};
  for (int i = 0; i < opt.npids; i++)
    add_tree(opt.pids[i], &u, 0);
  return u;
}

/* CPU seconds used by the whole machine: shows how noisy a measurement was. */
double proc_machine_cpu(void) {
  unsigned long user = 0, nice = 0, sys = 0, idle, wait, irq = 0, soft = 0;
  FILE *f = fopen("/proc/stat", "r");
  if (!f)
    return 0;
  if (fscanf(f, "cpu %lu %lu %lu %lu %lu %lu %lu", &user, &nice, &sys, &idle, &wait, &irq, &soft) != 7)
    user = 0;
  fclose(f);
  return ticks(user + nice + sys + irq + soft);
}

double proc_self_cpu(void) {
  struct rusage r;
  getrusage(RUSAGE_SELF, &r);
  return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
         (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}
