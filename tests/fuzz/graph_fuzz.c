/* Answers of Microsoft Graph, and what is sent to the webhook. The first byte says which, and with which status. */
#include "calendar_fuzz.h"

static const uint16_t codes[] = {200, 201, 404, 429};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const char subscription[] = "{\"id\":\"s1\",\"expirationDateTime\":\"2026-03-02T09:00:00Z\"}";
  imp_webhook_answer answer = {.size = sizeof answer};
  fuzz_calendar f;
  if (size == 0) {
    return 0;
  }
  fuzz_delta = data[0] >> 3 & 1;
  fuzz_begin(&f, IMP_GATEWAY_GRAPH, NULL);
  if (data[0] & 4) {
    for (int i = 0; i < 5; i++) {
      fuzz_answer(&f, 201, (const uint8_t *)subscription, sizeof subscription - 1);
    }
    FUZZ_CHECK(imp_calendar_webhook(f.cal, "", data + 1, size - 1, &answer) == IMP_OK);
    char *query = malloc(size);
    FUZZ_CHECK(query != NULL);
    memcpy(query, data + 1, size - 1);
    query[size - 1] = '\0';
    FUZZ_CHECK(imp_calendar_webhook(f.cal, query, NULL, 0, &answer) == IMP_OK);
    FUZZ_CHECK(answer.status == 200 || answer.status == 400);
    free(query);
    fuzz_turn(&f, 5);
  } else {
    for (int i = 0; i < 8; i++) {
      fuzz_answer(&f, codes[data[0] & 3], data + 1, size - 1);
    }
    fuzz_turn(&f, 3600);
  }
  fuzz_end(&f);
  return 0;
}
