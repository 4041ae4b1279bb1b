/* PIDF from anybody: what was read and is written again reads as the same. */
#include <imp/presence.h>

#include "fuzz.h"

#define NOW UINT64_C(1795525200000)

static char text[200000]; /* an escape is at most six times as long; notes stand in it twice */

/* Whether the words are those that were put in, with what is said around them. */
static imp_pidf *again(const imp_pidf *pidf) {
  imp_pidf_options options = {.size = sizeof options, .entity = pidf->entity, .contact = pidf->contact};
  imp_pidf *read;
  size_t len = imp_presence_write_pidf(&pidf->presence, NULL, &options, text, sizeof text);
  if (len >= sizeof text) {
    FUZZ_CHECK(text[0] == '\0');
    return NULL;
  }
  FUZZ_CHECK(len == strlen(text));
  int err = imp_pidf_parse(&read, text, len, NOW);
  FUZZ_CHECK(err == IMP_OK || err == IMP_ERR_TOO_BIG);
  return err == IMP_OK ? read : NULL;
}

static void check_ways(const imp_presence *p) {
  imp_presence back;
  static char small[64];
  FUZZ_CHECK(p->state < IMP_PRESENCE_STATES && p->idle <= 1);
  imp_presence_from_ms(&back, sizeof back, imp_presence_get_ms_number(p), imp_presence_get_ms_activity(p));
  FUZZ_CHECK(imp_presence_get_ms_number(&back) == imp_presence_get_ms_number(p));
  size_t len = imp_presence_write_xmpp(p, NULL, 60, small, sizeof small);
  FUZZ_CHECK(len < sizeof small ? len == strlen(small) : small[0] == '\0');
  imp_presence_write_reason(p, -720, small, sizeof small);
  imp_presence_write_activity(p, 840, small, sizeof small);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  imp_pidf *pidf, *second;
  if (imp_pidf_parse(&pidf, (const char *)data, size, NOW) != IMP_OK) {
    return 0;
  }
  check_ways(&pidf->presence);
  second = again(pidf);
  if (second != NULL) {
    FUZZ_CHECK(second->presence.idle == (pidf->presence.state != IMP_PRESENCE_OFFLINE && pidf->presence.idle));
    FUZZ_CHECK(imp_presence_get_ms_number(&second->presence) == imp_presence_get_ms_number(&pidf->presence) ||
               pidf->presence.state == IMP_PRESENCE_IDLE);
    imp_pidf_del(second);
  }
  imp_pidf_del(pidf);
  return 0;
}
