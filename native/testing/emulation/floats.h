#pragma once

// Float instructions. Included by immintrin.h of this folder only.

#include "testing/emulation/integers.h"

namespace {

EMULATED EmulatedF32 emulated_setzero_ps() { return EmulatedF32{}; }
EMULATED EmulatedF32 emulated_set1_ps(float x) { return join(_mm256_set1_ps(x), _mm256_set1_ps(x)); }
EMULATED EmulatedF32 emulated_loadu_ps(const void* p) {
  EmulatedF32 a;
  std::memcpy(&a, p, 64);
  return a;
}
EMULATED EmulatedF32 emulated_load_ps(const void* p) {
  if (reinterpret_cast<uintptr_t>(p) % 64 != 0) __builtin_trap();
  return emulated_loadu_ps(p);
}
EMULATED void emulated_storeu_ps(void* p, EmulatedF32 a) { std::memcpy(p, &a, 64); }
EMULATED void emulated_store_ps(void* p, EmulatedF32 a) {
  if (reinterpret_cast<uintptr_t>(p) % 64 != 0) __builtin_trap();
  std::memcpy(p, &a, 64);
}
EMULATED EmulatedF32 emulated_maskz_loadu_ps(__mmask16 mask, const void* p) {
  EmulatedF32 a = {};
  const float* from = static_cast<const float*>(p);
  for (int i = 0; i < 16; ++i) {
    if ((mask >> i) & 1) a[i] = from[i];
  }
  return a;
}
EMULATED void emulated_mask_storeu_ps(void* p, __mmask16 mask, EmulatedF32 a) {
  float* to = static_cast<float*>(p);
  for (int i = 0; i < 16; ++i) {
    if ((mask >> i) & 1) to[i] = a[i];
  }
}

EMULATED EmulatedF32 emulated_add_ps(EmulatedF32 a, EmulatedF32 b) { return a + b; }
EMULATED EmulatedF32 emulated_sub_ps(EmulatedF32 a, EmulatedF32 b) { return a - b; }
EMULATED EmulatedF32 emulated_mul_ps(EmulatedF32 a, EmulatedF32 b) { return a * b; }
EMULATED EmulatedF32 emulated_div_ps(EmulatedF32 a, EmulatedF32 b) { return a / b; }
EMULATED EmulatedF32 emulated_fmadd_ps(EmulatedF32 a, EmulatedF32 b, EmulatedF32 c) {
  return join(_mm256_fmadd_ps(half_of<0>(a), half_of<0>(b), half_of<0>(c)),
              _mm256_fmadd_ps(half_of<1>(a), half_of<1>(b), half_of<1>(c)));
}
EMULATED EmulatedF32 emulated_fnmadd_ps(EmulatedF32 a, EmulatedF32 b, EmulatedF32 c) {
  return join(_mm256_fnmadd_ps(half_of<0>(a), half_of<0>(b), half_of<0>(c)),
              _mm256_fnmadd_ps(half_of<1>(a), half_of<1>(b), half_of<1>(c)));
}
EMULATED EmulatedF32 emulated_min_ps(EmulatedF32 a, EmulatedF32 b) {
  return join(_mm256_min_ps(half_of<0>(a), half_of<0>(b)), _mm256_min_ps(half_of<1>(a), half_of<1>(b)));
}
EMULATED EmulatedF32 emulated_max_ps(EmulatedF32 a, EmulatedF32 b) {
  return join(_mm256_max_ps(half_of<0>(a), half_of<0>(b)), _mm256_max_ps(half_of<1>(a), half_of<1>(b)));
}
EMULATED EmulatedF32 emulated_sqrt_ps(EmulatedF32 a) {
  return join(_mm256_sqrt_ps(half_of<0>(a)), _mm256_sqrt_ps(half_of<1>(a)));
}
template <int kMode>
EMULATED EmulatedF32 emulated_roundscale(EmulatedF32 a) {
  return join(_mm256_round_ps(half_of<0>(a), kMode), _mm256_round_ps(half_of<1>(a), kMode));
}
// x - round(x); an infinity has no fraction.
template <int kMode>
EMULATED EmulatedF32 emulated_reduce(EmulatedF32 a) {
  const EmulatedF32 rest = a - emulated_roundscale<kMode>(a);
  EmulatedF32 out;
  for (int i = 0; i < 16; ++i) out[i] = __builtin_isinf(a[i]) ? 0.0f : rest[i];
  return out;
}
// x * 2^floor(n). In double the product is exact, so the conversion rounds once.
EMULATED EmulatedF32 emulated_scalef_ps(EmulatedF32 x, EmulatedF32 n) {
  EmulatedF32 out;
  for (int i = 0; i < 16; ++i) {
    const float power = __builtin_floorf(n[i]);
    if (__builtin_isnan(x[i]) || __builtin_isnan(power)) {
      out[i] = x[i] + n[i];
    } else {
      const int steps = power > 600.0f ? 600 : (power < -600.0f ? -600 : static_cast<int>(power));
      out[i] = static_cast<float>(__builtin_scalbn(static_cast<double>(x[i]), steps));
    }
  }
  return out;
}
template <int kPredicate>
EMULATED __mmask16 emulated_compare(EmulatedF32 a, EmulatedF32 b) {
  const int low = _mm256_movemask_ps(_mm256_cmp_ps(half_of<0>(a), half_of<0>(b), kPredicate));
  const int high = _mm256_movemask_ps(_mm256_cmp_ps(half_of<1>(a), half_of<1>(b), kPredicate));
  return static_cast<__mmask16>(low | high << 8);
}
EMULATED EmulatedF32 emulated_mask_blend_ps(__mmask16 mask, EmulatedF32 a, EmulatedF32 b) {
  return (EmulatedF32)emulated_mask_blend_epi32(mask, (EmulatedI64)a, (EmulatedI64)b);
}
EMULATED EmulatedF32 emulated_maskz_scalef_ps(__mmask16 mask, EmulatedF32 x, EmulatedF32 n) {
  return emulated_mask_blend_ps(mask, EmulatedF32{}, emulated_scalef_ps(x, n));
}
EMULATED EmulatedI64 emulated_to_nearest(EmulatedF32 a) {
  return join(_mm256_cvtps_epi32(half_of<0>(a)), _mm256_cvtps_epi32(half_of<1>(a)));
}
EMULATED EmulatedF32 emulated_cvtepi32_ps(EmulatedI64 a) {
  return join(_mm256_cvtepi32_ps(half_of<0>(a)), _mm256_cvtepi32_ps(half_of<1>(a)));
}
EMULATED EmulatedI64 emulated_castps_si512(EmulatedF32 a) { return (EmulatedI64)a; }
EMULATED EmulatedF32 emulated_castsi512_ps(EmulatedI64 a) { return (EmulatedF32)a; }
EMULATED __m256 emulated_castps512_ps256(EmulatedF32 a) { return half_of<0>(a); }

// Quarters.
EMULATED EmulatedF32 emulated_castps128_ps512(__m128 a) { return join(_mm256_castps128_ps256(a), _mm256_setzero_ps()); }
template <int kPart>
EMULATED __m128 emulated_quarter(EmulatedF32 a) {
  return _mm256_extractf128_ps(half_of<kPart / 2>(a), kPart % 2);
}
template <int kPart>
EMULATED EmulatedF32 emulated_insert(EmulatedF32 a, __m128 quarter) {
  const __m256 half = _mm256_insertf128_ps(half_of<kPart / 2>(a), quarter, kPart % 2);
  return kPart / 2 == 0 ? join(half, half_of<1>(a)) : join(half_of<0>(a), half);
}
EMULATED EmulatedF32 emulated_unpacklo_ps(EmulatedF32 a, EmulatedF32 b) {
  return join(_mm256_unpacklo_ps(half_of<0>(a), half_of<0>(b)), _mm256_unpacklo_ps(half_of<1>(a), half_of<1>(b)));
}
EMULATED EmulatedF32 emulated_unpackhi_ps(EmulatedF32 a, EmulatedF32 b) {
  return join(_mm256_unpackhi_ps(half_of<0>(a), half_of<0>(b)), _mm256_unpackhi_ps(half_of<1>(a), half_of<1>(b)));
}
template <int kOrder>
EMULATED EmulatedF32 emulated_shuffle(EmulatedF32 a, EmulatedF32 b) {
  return join(_mm256_shuffle_ps(half_of<0>(a), half_of<0>(b), kOrder),
              _mm256_shuffle_ps(half_of<1>(a), half_of<1>(b), kOrder));
}

}  // namespace

#define _mm512_setzero_ps emulated_setzero_ps
#define _mm512_set1_ps emulated_set1_ps
#define _mm512_loadu_ps emulated_loadu_ps
#define _mm512_load_ps emulated_load_ps
#define _mm512_storeu_ps emulated_storeu_ps
#define _mm512_store_ps emulated_store_ps
#define _mm512_stream_ps emulated_store_ps
#define _mm512_maskz_loadu_ps emulated_maskz_loadu_ps
#define _mm512_mask_storeu_ps emulated_mask_storeu_ps
#define _mm512_add_ps emulated_add_ps
#define _mm512_sub_ps emulated_sub_ps
#define _mm512_mul_ps emulated_mul_ps
#define _mm512_div_ps emulated_div_ps
#define _mm512_fmadd_ps emulated_fmadd_ps
#define _mm512_fnmadd_ps emulated_fnmadd_ps
#define _mm512_min_ps emulated_min_ps
#define _mm512_max_ps emulated_max_ps
#define _mm512_sqrt_ps emulated_sqrt_ps
#undef _mm512_roundscale_ps
#define _mm512_roundscale_ps(a, mode) emulated_roundscale<(mode)>(a)
#undef _mm512_reduce_ps
#define _mm512_reduce_ps(a, mode) emulated_reduce<((mode)&0x0f)>(a)
#define _mm512_scalef_ps emulated_scalef_ps
#define _mm512_maskz_scalef_ps emulated_maskz_scalef_ps
#undef _mm512_cmp_ps_mask
#define _mm512_cmp_ps_mask(a, b, predicate) emulated_compare<(predicate)>(a, b)
#define _mm512_mask_blend_ps emulated_mask_blend_ps
#undef _mm512_cvt_roundps_epi32
#define _mm512_cvt_roundps_epi32(a, to_nearest) emulated_to_nearest(a)
#define _mm512_cvtepi32_ps emulated_cvtepi32_ps
#define _mm512_castps_si512 emulated_castps_si512
#define _mm512_castsi512_ps emulated_castsi512_ps
#define _mm512_castps512_ps256 emulated_castps512_ps256
#undef _mm512_extractf32x8_ps
#define _mm512_extractf32x8_ps(a, part) half_of<(part)>(a)
#define _mm512_castps128_ps512 emulated_castps128_ps512
#define _mm512_castps512_ps128 emulated_quarter<0>
#undef _mm512_extractf32x4_ps
#define _mm512_extractf32x4_ps(a, part) emulated_quarter<(part)>(a)
#undef _mm512_insertf32x4
#define _mm512_insertf32x4(a, quarter, part) emulated_insert<(part)>(a, quarter)
#define _mm512_unpacklo_ps emulated_unpacklo_ps
#define _mm512_unpackhi_ps emulated_unpackhi_ps
#undef _mm512_shuffle_ps
#define _mm512_shuffle_ps(a, b, order) emulated_shuffle<(order)>(a, b)
