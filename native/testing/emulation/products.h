#pragma once

// Products of 8 and 16 bits: VNNI and BF16. Included by immintrin.h of this folder only.

#include "base/bf16.h"
#include "testing/emulation/floats.h"
#include "testing/emulation/integers.h"

namespace {

// Denormals count as zero and results are flushed to it, whatever the floating-point mode.
EMULATED float without_denormal(float x) {
  return __builtin_fabsf(x) < 1.17549435e-38f ? __builtin_copysignf(0.0f, x) : x;
}
EMULATED float value_of_bf16(short bits) {
  const uint32_t word = static_cast<uint32_t>(static_cast<uint16_t>(bits)) << 16;
  float x;
  std::memcpy(&x, &word, 4);
  return without_denormal(x);
}
EMULATED EmulatedF32 emulated_dpbf16_ps(EmulatedF32 sum, EmulatedBf16 a, EmulatedBf16 b) {
  EmulatedF32 out;
  for (int i = 0; i < 16; ++i) {
    float lane = without_denormal(sum[i]);
    for (int pair = 1; pair >= 0; --pair) {
      const float x = value_of_bf16(a[2 * i + pair]), y = value_of_bf16(b[2 * i + pair]);
      lane = without_denormal(__builtin_fmaf(x, y, lane));
    }
    out[i] = lane;
  }
  return out;
}
EMULATED short bf16_of(float x) { return static_cast<short>(tidemerge::bf16_from_f32(without_denormal(x))); }
EMULATED EmulatedHalfBf16 emulated_cvtneps_pbh(EmulatedF32 a) {
  EmulatedHalfBf16 out;
  for (int i = 0; i < 16; ++i) out[i] = bf16_of(a[i]);
  return out;
}
EMULATED EmulatedBf16 emulated_cvtne2ps_pbh(EmulatedF32 high, EmulatedF32 low) {
  EmulatedBf16 out;
  for (int i = 0; i < 16; ++i) {
    out[i] = bf16_of(low[i]);
    out[16 + i] = bf16_of(high[i]);
  }
  return out;
}

// sum + four products of an unsigned and a signed byte.
EMULATED int32_t quad_product(int32_t sum, const uint8_t* a, const int8_t* b) {
  int32_t products = 0;
  for (int i = 0; i < 4; ++i) products += a[i] * b[i];
  return static_cast<int32_t>(static_cast<uint32_t>(sum) + static_cast<uint32_t>(products));
}
EMULATED EmulatedI64 emulated_dpbusd_epi32(EmulatedI64 sum, EmulatedI64 a, EmulatedI64 b) {
  EmulatedI32 out;
  const auto* x = reinterpret_cast<const uint8_t*>(&a);
  const auto* y = reinterpret_cast<const int8_t*>(&b);
  for (int i = 0; i < 16; ++i) out[i] = quad_product(((EmulatedI32)sum)[i], x + 4 * i, y + 4 * i);
  return (EmulatedI64)out;
}
EMULATED __m256i emulated_256_dpbusd_epi32(__m256i sum, __m256i a, __m256i b) {
  alignas(32) int32_t out[8];
  _mm256_store_si256(reinterpret_cast<__m256i*>(out), sum);
  const auto* x = reinterpret_cast<const uint8_t*>(&a);
  const auto* y = reinterpret_cast<const int8_t*>(&b);
  for (int i = 0; i < 8; ++i) out[i] = quad_product(out[i], x + 4 * i, y + 4 * i);
  return _mm256_load_si256(reinterpret_cast<const __m256i*>(out));
}
// Pairs of an unsigned and a signed byte, saturated; and pairs of words.
EMULATED EmulatedI64 emulated_maddubs_epi16(EmulatedI64 a, EmulatedI64 b) {
  return join(_mm256_maddubs_epi16(half_of<0>(a), half_of<0>(b)), _mm256_maddubs_epi16(half_of<1>(a), half_of<1>(b)));
}
EMULATED EmulatedI64 emulated_madd_epi16(EmulatedI64 a, EmulatedI64 b) {
  return join(_mm256_madd_epi16(half_of<0>(a), half_of<0>(b)), _mm256_madd_epi16(half_of<1>(a), half_of<1>(b)));
}

}  // namespace

#define _mm512_dpbf16_ps emulated_dpbf16_ps
#define _mm512_cvtneps_pbh emulated_cvtneps_pbh
#define _mm512_cvtne2ps_pbh emulated_cvtne2ps_pbh
#define _mm512_dpbusd_epi32 emulated_dpbusd_epi32
#define _mm256_dpbusd_avx_epi32 emulated_256_dpbusd_epi32
#undef _mm256_dpbusd_epi32
#define _mm256_dpbusd_epi32 emulated_256_dpbusd_epi32
#define _mm512_maddubs_epi16 emulated_maddubs_epi16
#define _mm512_madd_epi16 emulated_madd_epi16
