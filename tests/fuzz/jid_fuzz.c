/* Preparing what was prepared changes nothing, whole or in parts. */
#include "fuzz.h"
#include "xml/jid.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  imp_jid *jid, *again, *bare;
  if (imp_jid_new(&jid, (const char *)data, size) != IMP_OK) {
    return 0;
  }
  FUZZ_CHECK(imp_jid_new(&again, imp_jid_full(jid), strlen(imp_jid_full(jid))) == IMP_OK);
  FUZZ_CHECK(imp_jid_equal(jid, again));
  imp_jid_del(again);
  FUZZ_CHECK(imp_jid_new_parts(&again, imp_jid_local(jid), imp_jid_domain(jid), imp_jid_resource(jid)) == IMP_OK);
  FUZZ_CHECK(imp_jid_equal(jid, again) && strcmp(imp_jid_full(jid), imp_jid_full(again)) == 0);
  FUZZ_CHECK(imp_jid_new_bare(&bare, jid) == IMP_OK);
  FUZZ_CHECK(imp_jid_equal_bare(bare, jid) && imp_jid_is_bare(bare));
  FUZZ_CHECK(strcmp(imp_jid_full(bare), imp_jid_bare(jid)) == 0);
  FUZZ_CHECK(strlen(imp_jid_local(jid)) <= IMP_JID_PART_MAX && strlen(imp_jid_domain(jid)) <= IMP_JID_PART_MAX &&
             strlen(imp_jid_resource(jid)) <= IMP_JID_PART_MAX && *imp_jid_domain(jid) != '\0');
  imp_jid_del(jid);
  imp_jid_del(again);
  imp_jid_del(bare);
  return 0;
}
