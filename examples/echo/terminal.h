/* What the echo server says: log lines, how to connect, statistics. */
#ifndef ECHO_TERMINAL_H
#define ECHO_TERMINAL_H

#include <imp/imp.h>

#include "options.h"

/* An imp_log_fn; user_data is a struct that begins with echo_options. */
void echo_log(void *user_data, imp_log_area area, imp_log_level level, const char *subject, const char *text);
/* How to connect; `password` (may be NULL) is that of the demonstration accounts. */
void echo_print_welcome(const echo_options *options, const imp_node *node, const char *password);
/* The line that begins with "ready". */
void echo_print_ready(const echo_options *options);
void echo_print_stats(const echo_options *options, const imp_node *node);

#endif
