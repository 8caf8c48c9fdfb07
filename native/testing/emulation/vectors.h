#pragma once

// Types of emulated registers, and their halves and lanes. Included by immintrin.h of this folder only.

#include <cstdint>
#include <cstring>

namespace {

typedef float EmulatedF32 __attribute__((vector_size(64)));
typedef int32_t EmulatedI32 __attribute__((vector_size(64)));
typedef uint32_t EmulatedU32 __attribute__((vector_size(64)));
typedef int8_t EmulatedI8 __attribute__((vector_size(64)));
typedef uint8_t EmulatedU8 __attribute__((vector_size(64)));
typedef int16_t EmulatedI16 __attribute__((vector_size(64)));
typedef uint16_t EmulatedU16 __attribute__((vector_size(64)));
typedef long long EmulatedI64 __attribute__((vector_size(64)));
typedef short EmulatedBf16 __attribute__((vector_size(64)));
typedef short EmulatedHalfBf16 __attribute__((vector_size(32)));

#define EMULATED static inline __attribute__((always_inline, unused))

template <int kPart>
EMULATED __m256 half_of(EmulatedF32 a) {
  __m256 half;
  std::memcpy(&half, reinterpret_cast<const char*>(&a) + 32 * kPart, 32);
  return half;
}

template <int kPart>
EMULATED __m256i half_of(EmulatedI64 a) {
  __m256i half;
  std::memcpy(&half, reinterpret_cast<const char*>(&a) + 32 * kPart, 32);
  return half;
}

EMULATED EmulatedF32 join(__m256 low, __m256 high) {
  EmulatedF32 whole;
  std::memcpy(&whole, &low, 32);
  std::memcpy(reinterpret_cast<char*>(&whole) + 32, &high, 32);
  return whole;
}

EMULATED EmulatedI64 join(__m256i low, __m256i high) {
  EmulatedI64 whole;
  std::memcpy(&whole, &low, 32);
  std::memcpy(reinterpret_cast<char*>(&whole) + 32, &high, 32);
  return whole;
}

// All ones in the lanes whose bit is set.
EMULATED EmulatedI32 lanes_of(uint16_t mask) {
  EmulatedI32 lanes;
  for (int i = 0; i < 16; ++i) lanes[i] = -((mask >> i) & 1);
  return lanes;
}

EMULATED uint16_t mask_of(EmulatedI32 lanes) {
  uint32_t mask = 0;
  for (int i = 0; i < 16; ++i) mask |= (lanes[i] != 0 ? 1u : 0u) << i;
  return static_cast<uint16_t>(mask);
}

}  // namespace

#define __m512 EmulatedF32
#define __m512i EmulatedI64
#define __m512bh EmulatedBf16
#define __m256bh EmulatedHalfBf16
