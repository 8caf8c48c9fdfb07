#pragma once

// Random numbers of sampling: a counter-based generator, so that a draw is a pure function of
// (seed, series, sample, step) and never of its place in a batch, of threads, or of draws before it.
//
// Everything here is unsigned 32-bit arithmetic modulo 2^32 and gives the same bits in every backend.
//
// philox(counter[4], key[2]) -> word[4]: Philox4x32 with 10 rounds (Salmon et al., "Parallel random numbers:
// as easy as 1, 2, 3", 2011). One round, where hi and lo are the halves of the 64-bit product:
//     c0' = hi(0xCD9E8D57 * c2) ^ c1 ^ k0        c1' = lo(0xCD9E8D57 * c2)
//     c2' = hi(0xD2511F53 * c0) ^ c3 ^ k1        c3' = lo(0xD2511F53 * c0)
// and between two rounds (nine times)  k0 += 0x9E3779B9,  k1 += 0xBB67AE85.
//
// Series key. A series is hashed by chaining philox over its values, two at a time:
//     bits(v)  = the float64 bits of v (float32 widens exactly), every NaN as 0x7FF8000000000000, -0 as +0
//     state    = (n mod 2^32, floor(n / 2^32))                    n = number of values
//     for i = 0, 2, 4, … < n:
//       word   = philox(counter = (low32 bits(v[i]), high32 bits(v[i]), low32 bits(v[i+1]), high32 bits(v[i+1])),
//                       key = state)           v[i+1] beyond the end counts as two zero words
//       state  = (word[0], word[1])
//     series key = state                        as int32: the same bits
//
// mix(seed, seriesKey) = (word[0], word[1]) of philox(counter = (seriesKey[0], seriesKey[1], 0, 0), key = seed)
//
// Draw. word = philox(counter = (sample, step, 0, 0), key = mix(seed, seriesKey)),
//     u = (word[0] >> 8) * 2^-24                 in [0, 1), exact in float32 and float64
//
// Operator
//     series_keys(values f32|f64 [N, 1], offsets i32 [B+1, 1]) -> i32 [B, 2]

#include <array>
#include <cstddef>
#include <cstdint>

#include "ops/operator.h"

namespace tidemerge {

using PhiloxKey = std::array<uint32_t, 2>;
using PhiloxBlock = std::array<uint32_t, 4>;

inline PhiloxBlock philox(PhiloxBlock counter, PhiloxKey key) {
  for (int round = 0; round < 10; ++round) {
    if (round > 0) {
      key[0] += 0x9E3779B9u;
      key[1] += 0xBB67AE85u;
    }
    const uint64_t first = uint64_t{0xD2511F53u} * counter[0];
    const uint64_t second = uint64_t{0xCD9E8D57u} * counter[2];
    counter = {static_cast<uint32_t>(second >> 32) ^ counter[1] ^ key[0], static_cast<uint32_t>(second),
               static_cast<uint32_t>(first >> 32) ^ counter[3] ^ key[1], static_cast<uint32_t>(first)};
  }
  return counter;
}

// The key of one series' draws under a seed.
inline PhiloxKey mix(PhiloxKey seed, PhiloxKey series_key) {
  const PhiloxBlock word = philox({series_key[0], series_key[1], 0, 0}, seed);
  return {word[0], word[1]};
}

// u in [0, 1) with 24 bits.
inline double uniform(PhiloxKey key, uint32_t sample, uint32_t step) {
  return static_cast<double>(philox({sample, step, 0, 0}, key)[0] >> 8) * 0x1p-24;
}

PhiloxKey series_key(const float* values, size_t count);
PhiloxKey series_key(const double* values, size_t count);

const OperatorInfo& series_keys_operator();

}  // namespace tidemerge
