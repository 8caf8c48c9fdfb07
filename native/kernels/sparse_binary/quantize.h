#pragma once

// Rows of floats as whole numbers from -127 to 127 times a scale.

#include "simd/vec.h"

namespace tidemerge {
namespace {

struct RowScale {
  float scale;    // NaN for a row with NaN or infinities, 0 for a row of zeros
  float inverse;  // 0 where scale is not a positive number
};

// Below this the inverse would overflow.
constexpr float kSmallestLargest = 0x1p-100f;

TIDEMERGE_INLINE RowScale row_scale(const float* x, size_t k) {
  Vec largest[2] = {zero(), zero()};
  Vec spoiled[2] = {zero(), zero()};  // x - x is 0 for every finite x, and NaN for the others
  const auto take = [&](int part, Vec v) TIDEMERGE_INLINE_LAMBDA {
    largest[part] = max(largest[part], abs(v));
    spoiled[part] = add(spoiled[part], sub(v, v));
  };
  size_t i = 0;
  for (; i + 2 * kLanes <= k; i += 2 * kLanes) {
    take(0, load(x + i));
    take(1, load(x + i + kLanes));
  }
  for (; i < k; i += kLanes) {
    const int rest = static_cast<int>(k - i);
    take(0, rest < kLanes ? load_first(x + i, rest) : load(x + i));
  }
  const Vec sum = add(spoiled[0], spoiled[1]);
  if (any(is_nan(sum))) return {__builtin_nanf(""), 0.0f};
  const float most = reduce_max(max(largest[0], largest[1]));
  if (most < kSmallestLargest) return {0.0f, 0.0f};
  return {most / 127.0f, 127.0f / most};
}

// Whole numbers of x / scale. NaN and infinities, whose inverse is 0, become 0.
TIDEMERGE_INLINE IVec quantized(Vec x, Vec inverse) {
  const Vec scaled = mul(x, inverse);
  return to_int(select(is_nan(scaled), zero(), scaled));
}

typedef int32_t Int32Lanes __attribute__((vector_size(4 * kLanes)));
typedef int8_t Int8Lanes __attribute__((vector_size(kLanes)));

TIDEMERGE_INLINE void store_int8(int8_t* out, IVec x) {
  const Int8Lanes narrow = __builtin_convertvector((Int32Lanes)x.v, Int8Lanes);
  __builtin_memcpy(out, &narrow, sizeof narrow);
}

// Whole numbers of a row, zeros up to `padded` (a multiple of 16 and at least k), and their sum.
TIDEMERGE_INLINE int32_t quantize_row(const float* x, size_t k, size_t padded, float inverse, int8_t* out) {
  const Vec factor = broadcast(inverse);
  IVec sums = zero_int();
  size_t i = 0;
  for (; i < k; i += kLanes) {
    const int rest = static_cast<int>(k - i);
    const IVec q = quantized(rest < kLanes ? load_first(x + i, rest) : load(x + i), factor);
    sums = add(sums, q);
    store_int8(out + i, q);
  }
  for (; i < padded; i += kLanes) store_int8(out + i, zero_int());
  int32_t lanes[kLanes];
  store_int(lanes, sums);
  int32_t sum = 0;
  for (int lane = 0; lane < kLanes; ++lane) sum += lanes[lane];
  return sum;
}

}  // namespace
}  // namespace tidemerge
