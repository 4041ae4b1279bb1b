/*
 * Answers of Exchange. The first byte says which: readings (availability, then replies), Subscribe, or a stream, whose
 * pieces are as long as the second byte says.
 */
#include "calendar_fuzz.h"

static const char subscribed[] =
    "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><SubscribeResponse "
    "xmlns=\"http://schemas.microsoft.com/exchange/services/2006/messages\"><ResponseMessages><SubscribeResponseMessage "
    "ResponseClass=\"Success\"><ResponseCode>NoError</ResponseCode><SubscriptionId>s%c</SubscriptionId>"
    "</SubscribeResponseMessage></ResponseMessages></SubscribeResponse></s:Body></s:Envelope>";

static void subscribe(fuzz_calendar *f, char which) {
  char text[600];
  int len = snprintf(text, sizeof text, subscribed, which);
  fuzz_answer(f, 200, (const uint8_t *)text, (size_t)len);
}

static void stream(fuzz_calendar *f, const uint8_t *data, size_t size) {
  size_t piece = size > 0 ? (size_t)data[0] + 1 : 1;
  data += size > 0;
  size -= size > 0;
  for (int i = 0; i < 3; i++) { /* readings */
    fuzz_answer(f, 404, NULL, 0);
  }
  subscribe(f, '1');
  subscribe(f, '2');
  if (f->count == 0) {
    return;
  }
  imp_op *op = f->open[f->count - 1];
  int rv = imp_http_status(op, 200);
  for (size_t i = 0; i < size && rv == IMP_OK; i += piece) {
    rv = imp_http_body(op, data + i, piece < size - i ? piece : size - i);
    fuzz_turn(f, 0);
  }
  f->count--;
  imp_op_done(op, rv);
  fuzz_turn(f, 1);
  fuzz_turn(f, 60);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  fuzz_calendar f;
  if (size == 0) {
    return 0;
  }
  fuzz_begin(&f, IMP_GATEWAY_EWS, "https://mail.example/EWS/Exchange.asmx");
  if (data[0] % 2 == 0) {
    for (int i = 0; i < 6; i++) {
      fuzz_answer(&f, data[0] & 2 ? 500 : 200, data + 1, size - 1);
    }
    fuzz_turn(&f, 3600);
    fuzz_answer(&f, 200, data + 1, size - 1);
  } else {
    stream(&f, data + 1, size - 1);
  }
  fuzz_end(&f);
  return 0;
}
