/* A calendar object, as a CalDAV server would answer with it. */
#include "calendar/ical.h"

#include "calendar_fuzz.h"

static imp_calendar *cal;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  imp_cal_list list;
  uint64_t budget = 10000;
  imp_calendar_settings settings;
  if (cal == NULL) {
    imp_calendar_settings_default(&settings, sizeof settings);
    settings.subjects = 1;
    FUZZ_CHECK(imp_calendar_new(&cal, &settings, NULL, NULL, 0, 0) == IMP_OK);
  }
  char *text = malloc(size + 1);
  FUZZ_CHECK(text != NULL);
  memcpy(text, data, size);
  text[size] = '\0';
  imp_cal_list_init(&list, 100);
  imp_ical_reader reader = {cal, NULL, {"a@b.example", NULL}, UINT64_C(1772438400000), UINT64_C(1772611200000), &list, &budget};
  int rv = imp_ical_read(&reader, text);
  FUZZ_CHECK(rv == IMP_OK || rv == IMP_ERR_MALFORMED || rv == IMP_ERR_TOO_BIG);
  for (size_t i = 0; i < list.count; i++) {
    FUZZ_CHECK(list.blocks[i].start < list.blocks[i].end && list.blocks[i].end > reader.from &&
               list.blocks[i].start < reader.to && list.blocks[i].kind > IMP_BUSY_FREE && list.blocks[i].kind <= IMP_BUSY_OOF);
  }
  FUZZ_CHECK(list.count <= 100);
  imp_cal_list_reset(&list);
  free(text);
  return 0;
}
