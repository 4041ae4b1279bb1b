#include <imp/core.h>

const char *imp_version(void) { return IMP_VERSION; }
