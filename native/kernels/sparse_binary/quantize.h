#pragma once

// Rows of floats as whole numbers from -127 to 127 times a scale.

#include "simd/vec.h"

namespace tidemerge {
namespace {

// Below this the inverse of the scale would overflow.
constexpr float kSmallestLargest = 0x1p-100f;

// Of the numbers each lane took. Where one was NaN or infinite, scale is NaN; where none reaches kSmallestLargest, it
// is 0; in both cases the inverse is 0.
struct LargestMagnitude {
  Vec most = zero();
  Vec spoiled = zero();  // x - x is 0 for every finite x, and NaN for the others

  TIDEMERGE_INLINE void take(Vec x) {
    most = max(abs(x), most);
    spoiled = add(spoiled, sub(x, x));
  }
  TIDEMERGE_INLINE Vec scale() const {
    const Vec scale = select(lt(most, broadcast(kSmallestLargest)), zero(), div(most, broadcast(127.0f)));
    return add(scale, spoiled);
  }
  TIDEMERGE_INLINE Vec inverse() const {
    const Mask usable = mask_andnot(is_nan(spoiled), ge(most, broadcast(kSmallestLargest)));
    return select(usable, div(broadcast(127.0f), most), zero());
  }
};

struct RowScale {
  float scale;
  float inverse;
};

TIDEMERGE_INLINE RowScale row_scale(const float* x, size_t k) {
  LargestMagnitude largest[2];
  size_t i = 0;
  for (; i + 2 * kLanes <= k; i += 2 * kLanes) {
    largest[0].take(load(x + i));
    largest[1].take(load(x + i + kLanes));
  }
  for (; i < k; i += kLanes) {
    const int rest = static_cast<int>(k - i);
    largest[0].take(rest < kLanes ? load_first(x + i, rest) : load(x + i));
  }
  LargestMagnitude row;
  row.most = broadcast(reduce_max(max(largest[0].most, largest[1].most)));
  row.spoiled = broadcast(reduce_add(add(largest[0].spoiled, largest[1].spoiled)));
  float scale[kLanes], inverse[kLanes];
  store(scale, row.scale());
  store(inverse, row.inverse());
  return {scale[0], inverse[0]};
}

// Whole numbers of x / scale. NaN and infinities, whose inverse is 0, become 0.
TIDEMERGE_INLINE IVec quantized(Vec x, Vec inverse) {
  const Vec scaled = mul(x, inverse);
  return to_int(select(is_nan(scaled), zero(), scaled));
}

// kLanes bytes of numbers from -127 to 127.
TIDEMERGE_INLINE void store_int8(int8_t* out, IVec x) {
#if defined(__AVX512F__)
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm512_cvtepi32_epi8(x.v));
#elif defined(__AVX2__)
  const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(x.v), _mm256_extracti128_si256(x.v, 1));
  _mm_storel_epi64(reinterpret_cast<__m128i*>(out), _mm_packs_epi16(words, words));
#else
  for (int i = 0; i < kLanes; ++i) out[i] = static_cast<int8_t>(x.v[i]);
#endif
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
