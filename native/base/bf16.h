#pragma once

#include <cstdint>
#include <cstring>

// bfloat16: the upper half of a float32. Stored as uint16_t everywhere.
//
// The functions are `static`, not merely `inline`: kernel units include this header, and an inline function with
// external linkage would be a weak symbol compiled for one instruction set and linked for all.

namespace tidemerge {

static inline float f32_from_bits(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

static inline uint32_t bits_from_f32(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

// Exact.
static inline float f32_from_bf16(uint16_t value) { return f32_from_bits(static_cast<uint32_t>(value) << 16); }

// Rounds to nearest, ties to even. Finite values beyond the largest bfloat16 become infinities; denormals are kept; a
// NaN keeps its sign and upper payload and becomes quiet, so that it never turns into an infinity.
static inline uint16_t bf16_from_f32(float value) {
  const uint32_t bits = bits_from_f32(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>((bits >> 16) | 0x40u);
  return static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

}  // namespace tidemerge
