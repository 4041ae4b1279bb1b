/* Settings: checked and copied once, at the door. */
#ifndef IMP_NODE_SETTINGS_H
#define IMP_NODE_SETTINGS_H

#include <imp/node.h>

/* Checks every value; strings become our own. `text` says what is wrong. */
int imp_settings_copy(imp_settings *dst, const imp_settings *src, char *text, size_t textlen);
void imp_settings_free(imp_settings *s);

#endif
