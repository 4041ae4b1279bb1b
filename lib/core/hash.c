/* SipHash-1-3 (Aumasson, Bernstein: SipHash: a fast short-input PRF), folded to 32 bits. */
#include "core/map.h"

#include <stdatomic.h>
#include <string.h>

static uint64_t seed[2] = {0x736f6d6570736575u, 0x646f72616e646f6du};
static atomic_int seeded; /* 0: no; 1: being done; 2: yes */

static uint64_t load_le64(const uint8_t *p) {
  uint64_t v;
  memcpy(&v, p, sizeof v);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  v = __builtin_bswap64(v);
#endif
  return v;
}

static uint64_t load_le(const uint8_t *p, size_t len) {
  uint64_t v = 0;
  for (size_t i = 0; i < len; i++) {
    v |= (uint64_t)p[i] << (8 * i);
  }
  return v;
}

static uint64_t rotl(uint64_t x, unsigned bits) { return (x << bits) | (x >> (64 - bits)); }

static void sip_round(uint64_t v[4]) {
  v[0] += v[1];
  v[1] = rotl(v[1], 13) ^ v[0];
  v[0] = rotl(v[0], 32);
  v[2] += v[3];
  v[3] = rotl(v[3], 16) ^ v[2];
  v[0] += v[3];
  v[3] = rotl(v[3], 21) ^ v[0];
  v[2] += v[1];
  v[1] = rotl(v[1], 17) ^ v[2];
  v[2] = rotl(v[2], 32);
}

static void absorb(uint64_t v[4], uint64_t word) {
  v[3] ^= word;
  sip_round(v);
  v[0] ^= word;
}

void imp_map_seed(const uint8_t bytes[16]) {
  int no = 0;
  if (atomic_compare_exchange_strong(&seeded, &no, 1)) {
    seed[0] = load_le64(bytes);
    seed[1] = load_le64(bytes + 8);
    atomic_store(&seeded, 2);
    return;
  }
  while (atomic_load(&seeded) != 2) {
  }
}

uint32_t imp_hash_keyed(const uint64_t key[2], const void *data, size_t len) {
  const uint8_t *p = data;
  uint64_t v[4] = {key[0] ^ 0x736f6d6570736575u, key[1] ^ 0x646f72616e646f6du, key[0] ^ 0x6c7967656e657261u,
                   key[1] ^ 0x7465646279746573u};
  size_t left = len;
  for (; left >= 8; left -= 8, p += 8) {
    absorb(v, load_le64(p));
  }
  absorb(v, load_le(p, left) | (uint64_t)len << 56);
  v[2] ^= 0xff;
  sip_round(v);
  sip_round(v);
  sip_round(v);
  uint64_t h = v[0] ^ v[1] ^ v[2] ^ v[3];
  return (uint32_t)(h ^ h >> 32);
}

uint32_t imp_hash(const void *data, size_t len) { return imp_hash_keyed(seed, data, len); }
