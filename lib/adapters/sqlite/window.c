#include "adapters/sqlite/window.h"

#include <string.h>

#define PROBES 32u /* a longer chain of collisions is an attack: then the window ends early */

static int same_item(const imp_note *a, const imp_note *b) {
  return a->hash == b->hash && a->keylen == b->keylen && a->ownerlen == b->ownerlen && a->spacelen == b->spacelen &&
         memcmp(imp_note_space(a), imp_note_space(b), imp_note_idlen(a)) == 0;
}

/* The slot of the same item, or a free one; NULL if there is none near. */
static imp_note **find_slot(imp_window *window, const imp_note *note) {
  for (uint32_t i = 0; i < PROBES; i++) {
    imp_note **slot = &window->slots[(note->hash + i) & (IMP_WINDOW_SLOTS - 1)];
    if (*slot == NULL || same_item(*slot, note)) {
      return slot;
    }
  }
  return NULL;
}

void imp_window_add(imp_window *window, imp_db *db, imp_note *note) {
  imp_note **slot = find_slot(window, note);
  if (slot == NULL || window->count == IMP_WINDOW_MAX) {
    imp_window_apply(window, db);
    slot = find_slot(window, note);
  }
  if (*slot != NULL) {
    (*slot)->dead = 1;
  }
  *slot = note;
  window->order[window->count++] = note;
}

void imp_window_apply(imp_window *window, imp_db *db) {
  for (size_t i = 0; i < window->count; i++) {
    if (!window->order[i]->dead) {
      imp_db_write(db, window->order[i]);
    }
  }
  if (window->count > 0) {
    memset(window->slots, 0, sizeof window->slots);
  }
  window->count = 0;
}
