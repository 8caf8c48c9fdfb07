#pragma once

// vec.h for AVX2 with FMA. Included by vec.h only.

#include <immintrin.h>

namespace tidemerge {
namespace {

constexpr int kLanes = 8;
constexpr bool kFusedMultiplyAdd = true;

struct Vec {
  __m256 v;
};
struct IVec {
  __m256i v;
};
struct Mask {
  __m256i v;  // 0 or -1 in every lane
};

TIDEMERGE_INLINE Mask first_lanes(int n) {
  return {_mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7))};
}

TIDEMERGE_INLINE Vec zero() { return {_mm256_setzero_ps()}; }
TIDEMERGE_INLINE Vec broadcast(float x) { return {_mm256_set1_ps(x)}; }
TIDEMERGE_INLINE Vec load(const float* p) { return {_mm256_loadu_ps(p)}; }
TIDEMERGE_INLINE Vec load_aligned(const float* p) { return {_mm256_load_ps(p)}; }
TIDEMERGE_INLINE Vec load_first(const float* p, int n) { return {_mm256_maskload_ps(p, first_lanes(n).v)}; }
TIDEMERGE_INLINE void store(float* p, Vec a) { _mm256_storeu_ps(p, a.v); }
TIDEMERGE_INLINE void store_aligned(float* p, Vec a) { _mm256_store_ps(p, a.v); }
TIDEMERGE_INLINE void store_first(float* p, Vec a, int n) { _mm256_maskstore_ps(p, first_lanes(n).v, a.v); }

TIDEMERGE_INLINE Vec add(Vec a, Vec b) { return {_mm256_add_ps(a.v, b.v)}; }
TIDEMERGE_INLINE Vec sub(Vec a, Vec b) { return {_mm256_sub_ps(a.v, b.v)}; }
TIDEMERGE_INLINE Vec mul(Vec a, Vec b) { return {_mm256_mul_ps(a.v, b.v)}; }
TIDEMERGE_INLINE Vec div(Vec a, Vec b) { return {_mm256_div_ps(a.v, b.v)}; }
TIDEMERGE_INLINE Vec fma(Vec a, Vec b, Vec c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }
TIDEMERGE_INLINE Vec fnma(Vec a, Vec b, Vec c) { return {_mm256_fnmadd_ps(a.v, b.v, c.v)}; }
TIDEMERGE_INLINE Vec min(Vec a, Vec b) { return {_mm256_min_ps(a.v, b.v)}; }
TIDEMERGE_INLINE Vec max(Vec a, Vec b) { return {_mm256_max_ps(a.v, b.v)}; }
TIDEMERGE_INLINE Vec sqrt(Vec a) { return {_mm256_sqrt_ps(a.v)}; }
TIDEMERGE_INLINE Vec round_even(Vec a) { return {_mm256_round_ps(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)}; }
TIDEMERGE_INLINE Vec floor(Vec a) { return {_mm256_round_ps(a.v, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC)}; }

TIDEMERGE_INLINE Mask lt(Vec a, Vec b) { return {_mm256_castps_si256(_mm256_cmp_ps(a.v, b.v, _CMP_LT_OQ))}; }
TIDEMERGE_INLINE Mask le(Vec a, Vec b) { return {_mm256_castps_si256(_mm256_cmp_ps(a.v, b.v, _CMP_LE_OQ))}; }
TIDEMERGE_INLINE Mask gt(Vec a, Vec b) { return {_mm256_castps_si256(_mm256_cmp_ps(a.v, b.v, _CMP_GT_OQ))}; }
TIDEMERGE_INLINE Mask ge(Vec a, Vec b) { return {_mm256_castps_si256(_mm256_cmp_ps(a.v, b.v, _CMP_GE_OQ))}; }
TIDEMERGE_INLINE Mask eq(Vec a, Vec b) { return {_mm256_castps_si256(_mm256_cmp_ps(a.v, b.v, _CMP_EQ_OQ))}; }
TIDEMERGE_INLINE Mask is_nan(Vec a) { return {_mm256_castps_si256(_mm256_cmp_ps(a.v, a.v, _CMP_UNORD_Q))}; }
TIDEMERGE_INLINE Mask mask_and(Mask a, Mask b) { return {_mm256_and_si256(a.v, b.v)}; }
TIDEMERGE_INLINE Mask mask_or(Mask a, Mask b) { return {_mm256_or_si256(a.v, b.v)}; }
TIDEMERGE_INLINE Mask mask_not(Mask a) { return {_mm256_xor_si256(a.v, _mm256_set1_epi32(-1))}; }
TIDEMERGE_INLINE Mask mask_andnot(Mask a, Mask b) { return {_mm256_andnot_si256(a.v, b.v)}; }
TIDEMERGE_INLINE bool any(Mask a) { return _mm256_movemask_ps(_mm256_castsi256_ps(a.v)) != 0; }
TIDEMERGE_INLINE bool all(Mask a) { return _mm256_movemask_ps(_mm256_castsi256_ps(a.v)) == 0xff; }
TIDEMERGE_INLINE Vec select(Mask m, Vec a, Vec b) { return {_mm256_blendv_ps(b.v, a.v, _mm256_castsi256_ps(m.v))}; }
TIDEMERGE_INLINE IVec select(Mask m, IVec a, IVec b) { return {_mm256_blendv_epi8(b.v, a.v, m.v)}; }

TIDEMERGE_INLINE IVec to_int(Vec a) { return {_mm256_cvtps_epi32(a.v)}; }
TIDEMERGE_INLINE Vec to_float(IVec a) { return {_mm256_cvtepi32_ps(a.v)}; }
TIDEMERGE_INLINE IVec cast_int(Vec a) { return {_mm256_castps_si256(a.v)}; }
TIDEMERGE_INLINE Vec cast_float(IVec a) { return {_mm256_castsi256_ps(a.v)}; }

TIDEMERGE_INLINE IVec zero_int() { return {_mm256_setzero_si256()}; }
TIDEMERGE_INLINE IVec broadcast_int(int32_t x) { return {_mm256_set1_epi32(x)}; }
TIDEMERGE_INLINE IVec load_int(const int32_t* p) { return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))}; }
TIDEMERGE_INLINE void store_int(int32_t* p, IVec a) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), a.v); }
TIDEMERGE_INLINE IVec load_first_int(const int32_t* p, int n) { return {_mm256_maskload_epi32(p, first_lanes(n).v)}; }
TIDEMERGE_INLINE void store_first_int(int32_t* p, IVec a, int n) { _mm256_maskstore_epi32(p, first_lanes(n).v, a.v); }
TIDEMERGE_INLINE IVec add(IVec a, IVec b) { return {_mm256_add_epi32(a.v, b.v)}; }
TIDEMERGE_INLINE IVec sub(IVec a, IVec b) { return {_mm256_sub_epi32(a.v, b.v)}; }
TIDEMERGE_INLINE IVec mul(IVec a, IVec b) { return {_mm256_mullo_epi32(a.v, b.v)}; }
TIDEMERGE_INLINE IVec bit_and(IVec a, IVec b) { return {_mm256_and_si256(a.v, b.v)}; }
TIDEMERGE_INLINE IVec bit_or(IVec a, IVec b) { return {_mm256_or_si256(a.v, b.v)}; }
TIDEMERGE_INLINE IVec bit_xor(IVec a, IVec b) { return {_mm256_xor_si256(a.v, b.v)}; }
template <int n>
TIDEMERGE_INLINE IVec shift_left(IVec a) {
  return {_mm256_slli_epi32(a.v, n)};
}
template <int n>
TIDEMERGE_INLINE IVec shift_right(IVec a) {
  return {_mm256_srai_epi32(a.v, n)};
}
template <int n>
TIDEMERGE_INLINE IVec shift_right_logical(IVec a) {
  return {_mm256_srli_epi32(a.v, n)};
}
TIDEMERGE_INLINE Mask eq(IVec a, IVec b) { return {_mm256_cmpeq_epi32(a.v, b.v)}; }
TIDEMERGE_INLINE Mask gt(IVec a, IVec b) { return {_mm256_cmpgt_epi32(a.v, b.v)}; }

TIDEMERGE_INLINE float reduce_add(Vec a) {
  const __m128 half = _mm_add_ps(_mm256_castps256_ps128(a.v), _mm256_extractf128_ps(a.v, 1));
  const __m128 pair = _mm_add_ps(half, _mm_movehl_ps(half, half));
  return _mm_cvtss_f32(_mm_add_ss(pair, _mm_shuffle_ps(pair, pair, 1)));
}
TIDEMERGE_INLINE float reduce_max(Vec a) {
  const __m128 half = _mm_max_ps(_mm256_castps256_ps128(a.v), _mm256_extractf128_ps(a.v, 1));
  const __m128 pair = _mm_max_ps(half, _mm_movehl_ps(half, half));
  return _mm_cvtss_f32(_mm_max_ss(pair, _mm_shuffle_ps(pair, pair, 1)));
}
TIDEMERGE_INLINE float reduce_min(Vec a) {
  const __m128 half = _mm_min_ps(_mm256_castps256_ps128(a.v), _mm256_extractf128_ps(a.v, 1));
  const __m128 pair = _mm_min_ps(half, _mm_movehl_ps(half, half));
  return _mm_cvtss_f32(_mm_min_ss(pair, _mm_shuffle_ps(pair, pair, 1)));
}

// 16-bit lanes in memory, zero-extended to i32 lanes; stores keep the lower halves.
TIDEMERGE_INLINE IVec load_u16(const uint16_t* p) {
  return {_mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))};
}
TIDEMERGE_INLINE void store_u16(uint16_t* p, IVec a) {
  // Lanes fit 16 bits after the mask, so the signed-to-unsigned saturation of the pack never acts.
  const __m256i low = _mm256_and_si256(a.v, _mm256_set1_epi32(0xffff));
  const __m128i packed = _mm_packus_epi32(_mm256_castsi256_si128(low), _mm256_extracti128_si256(low, 1));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), packed);
}
// AVX2 has no 16-bit masked access; the tail goes through a buffer.
TIDEMERGE_INLINE IVec load_first_u16(const uint16_t* p, int n) {
  uint16_t lanes[kLanes] = {};
  for (int i = 0; i < n && i < kLanes; ++i) lanes[i] = p[i];
  return load_u16(lanes);
}
TIDEMERGE_INLINE void store_first_u16(uint16_t* p, IVec a, int n) {
  uint16_t lanes[kLanes];
  store_u16(lanes, a);
  for (int i = 0; i < n && i < kLanes; ++i) p[i] = lanes[i];
}

}  // namespace
}  // namespace tidemerge
