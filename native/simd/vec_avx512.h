#pragma once

// vec.h for AVX-512 (F, BW, DQ, VL). Included by vec.h only.

#include <immintrin.h>

#define TIDEMERGE_VEC_HAS_SCALEF

namespace tidemerge {
namespace {

constexpr int kLanes = 16;
constexpr bool kFusedMultiplyAdd = true;

struct Vec {
  __m512 v;
};
struct IVec {
  __m512i v;
};
struct Mask {
  __mmask16 v;
};

TIDEMERGE_INLINE Mask first_lanes(int n) {
  const int lanes = n < 0 ? 0 : (n > kLanes ? kLanes : n);
  return {static_cast<__mmask16>((1u << lanes) - 1u)};
}

TIDEMERGE_INLINE Vec zero() { return {_mm512_setzero_ps()}; }
TIDEMERGE_INLINE Vec broadcast(float x) { return {_mm512_set1_ps(x)}; }
TIDEMERGE_INLINE Vec load(const float* p) { return {_mm512_loadu_ps(p)}; }
TIDEMERGE_INLINE Vec load_aligned(const float* p) { return {_mm512_load_ps(p)}; }
TIDEMERGE_INLINE Vec load_first(const float* p, int n) { return {_mm512_maskz_loadu_ps(first_lanes(n).v, p)}; }
TIDEMERGE_INLINE void store(float* p, Vec a) { _mm512_storeu_ps(p, a.v); }
TIDEMERGE_INLINE void store_aligned(float* p, Vec a) { _mm512_store_ps(p, a.v); }
TIDEMERGE_INLINE void store_first(float* p, Vec a, int n) { _mm512_mask_storeu_ps(p, first_lanes(n).v, a.v); }

TIDEMERGE_INLINE Vec add(Vec a, Vec b) { return {_mm512_add_ps(a.v, b.v)}; }
TIDEMERGE_INLINE Vec sub(Vec a, Vec b) { return {_mm512_sub_ps(a.v, b.v)}; }
TIDEMERGE_INLINE Vec mul(Vec a, Vec b) { return {_mm512_mul_ps(a.v, b.v)}; }
TIDEMERGE_INLINE Vec div(Vec a, Vec b) { return {_mm512_div_ps(a.v, b.v)}; }
TIDEMERGE_INLINE Vec fma(Vec a, Vec b, Vec c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
TIDEMERGE_INLINE Vec fnma(Vec a, Vec b, Vec c) { return {_mm512_fnmadd_ps(a.v, b.v, c.v)}; }
TIDEMERGE_INLINE Vec min(Vec a, Vec b) { return {_mm512_min_ps(a.v, b.v)}; }
TIDEMERGE_INLINE Vec max(Vec a, Vec b) { return {_mm512_max_ps(a.v, b.v)}; }
TIDEMERGE_INLINE Vec sqrt(Vec a) { return {_mm512_sqrt_ps(a.v)}; }
TIDEMERGE_INLINE Vec round_even(Vec a) {
  return {_mm512_roundscale_ps(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
}
TIDEMERGE_INLINE Vec floor(Vec a) { return {_mm512_roundscale_ps(a.v, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC)}; }

TIDEMERGE_INLINE Mask lt(Vec a, Vec b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ)}; }
TIDEMERGE_INLINE Mask le(Vec a, Vec b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_LE_OQ)}; }
TIDEMERGE_INLINE Mask gt(Vec a, Vec b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_GT_OQ)}; }
TIDEMERGE_INLINE Mask ge(Vec a, Vec b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_GE_OQ)}; }
TIDEMERGE_INLINE Mask eq(Vec a, Vec b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_EQ_OQ)}; }
TIDEMERGE_INLINE Mask is_nan(Vec a) { return {_mm512_cmp_ps_mask(a.v, a.v, _CMP_UNORD_Q)}; }
TIDEMERGE_INLINE Mask mask_and(Mask a, Mask b) { return {static_cast<__mmask16>(a.v & b.v)}; }
TIDEMERGE_INLINE Mask mask_or(Mask a, Mask b) { return {static_cast<__mmask16>(a.v | b.v)}; }
TIDEMERGE_INLINE Mask mask_not(Mask a) { return {static_cast<__mmask16>(~a.v)}; }
TIDEMERGE_INLINE Mask mask_andnot(Mask a, Mask b) { return {static_cast<__mmask16>(~a.v & b.v)}; }
TIDEMERGE_INLINE bool any(Mask a) { return a.v != 0; }
TIDEMERGE_INLINE bool all(Mask a) { return a.v == 0xffff; }
TIDEMERGE_INLINE Vec select(Mask m, Vec a, Vec b) { return {_mm512_mask_blend_ps(m.v, b.v, a.v)}; }
TIDEMERGE_INLINE IVec select(Mask m, IVec a, IVec b) { return {_mm512_mask_blend_epi32(m.v, b.v, a.v)}; }

TIDEMERGE_INLINE IVec to_int(Vec a) {
  return {_mm512_cvt_roundps_epi32(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
}
TIDEMERGE_INLINE Vec to_float(IVec a) { return {_mm512_cvtepi32_ps(a.v)}; }
TIDEMERGE_INLINE IVec cast_int(Vec a) { return {_mm512_castps_si512(a.v)}; }
TIDEMERGE_INLINE Vec cast_float(IVec a) { return {_mm512_castsi512_ps(a.v)}; }

TIDEMERGE_INLINE IVec zero_int() { return {_mm512_setzero_si512()}; }
TIDEMERGE_INLINE IVec broadcast_int(int32_t x) { return {_mm512_set1_epi32(x)}; }
TIDEMERGE_INLINE IVec load_int(const int32_t* p) { return {_mm512_loadu_si512(p)}; }
TIDEMERGE_INLINE void store_int(int32_t* p, IVec a) { _mm512_storeu_si512(p, a.v); }
TIDEMERGE_INLINE IVec load_first_int(const int32_t* p, int n) {
  return {_mm512_maskz_loadu_epi32(first_lanes(n).v, p)};
}
TIDEMERGE_INLINE void store_first_int(int32_t* p, IVec a, int n) { _mm512_mask_storeu_epi32(p, first_lanes(n).v, a.v); }
TIDEMERGE_INLINE IVec add(IVec a, IVec b) { return {_mm512_add_epi32(a.v, b.v)}; }
TIDEMERGE_INLINE IVec sub(IVec a, IVec b) { return {_mm512_sub_epi32(a.v, b.v)}; }
TIDEMERGE_INLINE IVec mul(IVec a, IVec b) { return {_mm512_mullo_epi32(a.v, b.v)}; }
TIDEMERGE_INLINE IVec bit_and(IVec a, IVec b) { return {_mm512_and_si512(a.v, b.v)}; }
TIDEMERGE_INLINE IVec bit_or(IVec a, IVec b) { return {_mm512_or_si512(a.v, b.v)}; }
TIDEMERGE_INLINE IVec bit_xor(IVec a, IVec b) { return {_mm512_xor_si512(a.v, b.v)}; }
template <int n>
TIDEMERGE_INLINE IVec shift_left(IVec a) {
  return {_mm512_slli_epi32(a.v, n)};
}
template <int n>
TIDEMERGE_INLINE IVec shift_right(IVec a) {
  return {_mm512_srai_epi32(a.v, n)};
}
template <int n>
TIDEMERGE_INLINE IVec shift_right_logical(IVec a) {
  return {_mm512_srli_epi32(a.v, n)};
}
TIDEMERGE_INLINE Mask eq(IVec a, IVec b) { return {_mm512_cmpeq_epi32_mask(a.v, b.v)}; }
TIDEMERGE_INLINE Mask gt(IVec a, IVec b) { return {_mm512_cmpgt_epi32_mask(a.v, b.v)}; }

TIDEMERGE_INLINE Vec scale_pow2(Vec x, Vec n) { return {_mm512_scalef_ps(x.v, n.v)}; }
TIDEMERGE_INLINE Vec scale_pow2_unit(Vec x, Vec n) { return {_mm512_scalef_ps(x.v, n.v)}; }
// Only here, for simd/math.h: x - floor(x), 0 for infinities; and x * 2^floor(n), but 0 where the mask is set.
TIDEMERGE_INLINE Vec fraction(Vec x) { return {_mm512_reduce_ps(x.v, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC)}; }
TIDEMERGE_INLINE Vec scale_pow2_unless(Mask is_zero, Vec x, Vec n) {
  return {_mm512_maskz_scalef_ps(mask_not(is_zero).v, x.v, n.v)};
}

TIDEMERGE_INLINE float reduce_add(Vec a) {
  const __m256 half = _mm256_add_ps(_mm512_castps512_ps256(a.v), _mm512_extractf32x8_ps(a.v, 1));
  const __m128 quarter = _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1));
  const __m128 pair = _mm_add_ps(quarter, _mm_movehl_ps(quarter, quarter));
  return _mm_cvtss_f32(_mm_add_ss(pair, _mm_shuffle_ps(pair, pair, 1)));
}
TIDEMERGE_INLINE float reduce_max(Vec a) {
  const __m256 half = _mm256_max_ps(_mm512_castps512_ps256(a.v), _mm512_extractf32x8_ps(a.v, 1));
  const __m128 quarter = _mm_max_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1));
  const __m128 pair = _mm_max_ps(quarter, _mm_movehl_ps(quarter, quarter));
  return _mm_cvtss_f32(_mm_max_ss(pair, _mm_shuffle_ps(pair, pair, 1)));
}
TIDEMERGE_INLINE float reduce_min(Vec a) {
  const __m256 half = _mm256_min_ps(_mm512_castps512_ps256(a.v), _mm512_extractf32x8_ps(a.v, 1));
  const __m128 quarter = _mm_min_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1));
  const __m128 pair = _mm_min_ps(quarter, _mm_movehl_ps(quarter, quarter));
  return _mm_cvtss_f32(_mm_min_ss(pair, _mm_shuffle_ps(pair, pair, 1)));
}

// 16-bit lanes in memory, zero-extended to i32 lanes; stores keep the lower halves.
TIDEMERGE_INLINE IVec load_u16(const uint16_t* p) {
  return {_mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)))};
}
TIDEMERGE_INLINE IVec load_first_u16(const uint16_t* p, int n) {
  return {_mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(first_lanes(n).v, p))};
}
TIDEMERGE_INLINE void store_u16(uint16_t* p, IVec a) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtepi32_epi16(a.v));
}
TIDEMERGE_INLINE void store_first_u16(uint16_t* p, IVec a, int n) {
  _mm256_mask_storeu_epi16(p, first_lanes(n).v, _mm512_cvtepi32_epi16(a.v));
}

}  // namespace
}  // namespace tidemerge
