#pragma once

// vec.h for arm64 NEON. Included by vec.h only.

#include <arm_neon.h>

namespace tidemerge {
namespace {

constexpr int kLanes = 4;
constexpr bool kFusedMultiplyAdd = true;

struct Vec {
  float32x4_t v;
};
struct IVec {
  int32x4_t v;
};
struct Mask {
  uint32x4_t v;  // 0 or all ones in every lane
};

TIDEMERGE_INLINE Mask first_lanes(int n) {
  const int32_t lane[4] = {0, 1, 2, 3};
  return {vcltq_s32(vld1q_s32(lane), vdupq_n_s32(n))};
}

TIDEMERGE_INLINE Vec zero() { return {vdupq_n_f32(0.0f)}; }
TIDEMERGE_INLINE Vec broadcast(float x) { return {vdupq_n_f32(x)}; }
TIDEMERGE_INLINE Vec load(const float* p) { return {vld1q_f32(p)}; }
TIDEMERGE_INLINE Vec load_aligned(const float* p) { return {vld1q_f32(p)}; }
TIDEMERGE_INLINE void store(float* p, Vec a) { vst1q_f32(p, a.v); }
TIDEMERGE_INLINE void store_aligned(float* p, Vec a) { vst1q_f32(p, a.v); }
// NEON has no masked access; a tail goes through a buffer.
TIDEMERGE_INLINE Vec load_first(const float* p, int n) {
  float lanes[kLanes] = {};
  for (int i = 0; i < n && i < kLanes; ++i) lanes[i] = p[i];
  return load(lanes);
}
TIDEMERGE_INLINE void store_first(float* p, Vec a, int n) {
  float lanes[kLanes];
  store(lanes, a);
  for (int i = 0; i < n && i < kLanes; ++i) p[i] = lanes[i];
}

TIDEMERGE_INLINE Vec add(Vec a, Vec b) { return {vaddq_f32(a.v, b.v)}; }
TIDEMERGE_INLINE Vec sub(Vec a, Vec b) { return {vsubq_f32(a.v, b.v)}; }
TIDEMERGE_INLINE Vec mul(Vec a, Vec b) { return {vmulq_f32(a.v, b.v)}; }
TIDEMERGE_INLINE Vec div(Vec a, Vec b) { return {vdivq_f32(a.v, b.v)}; }
TIDEMERGE_INLINE Vec fma(Vec a, Vec b, Vec c) { return {vfmaq_f32(c.v, a.v, b.v)}; }
TIDEMERGE_INLINE Vec fnma(Vec a, Vec b, Vec c) { return {vfmsq_f32(c.v, a.v, b.v)}; }
TIDEMERGE_INLINE Vec sqrt(Vec a) { return {vsqrtq_f32(a.v)}; }
TIDEMERGE_INLINE Vec round_even(Vec a) { return {vrndnq_f32(a.v)}; }
TIDEMERGE_INLINE Vec floor(Vec a) { return {vrndmq_f32(a.v)}; }

TIDEMERGE_INLINE Mask lt(Vec a, Vec b) { return {vcltq_f32(a.v, b.v)}; }
TIDEMERGE_INLINE Mask le(Vec a, Vec b) { return {vcleq_f32(a.v, b.v)}; }
TIDEMERGE_INLINE Mask gt(Vec a, Vec b) { return {vcgtq_f32(a.v, b.v)}; }
TIDEMERGE_INLINE Mask ge(Vec a, Vec b) { return {vcgeq_f32(a.v, b.v)}; }
TIDEMERGE_INLINE Mask eq(Vec a, Vec b) { return {vceqq_f32(a.v, b.v)}; }
TIDEMERGE_INLINE Mask is_nan(Vec a) { return {vmvnq_u32(vceqq_f32(a.v, a.v))}; }
TIDEMERGE_INLINE Mask mask_and(Mask a, Mask b) { return {vandq_u32(a.v, b.v)}; }
TIDEMERGE_INLINE Mask mask_or(Mask a, Mask b) { return {vorrq_u32(a.v, b.v)}; }
TIDEMERGE_INLINE Mask mask_not(Mask a) { return {vmvnq_u32(a.v)}; }
TIDEMERGE_INLINE Mask mask_andnot(Mask a, Mask b) { return {vbicq_u32(b.v, a.v)}; }
TIDEMERGE_INLINE bool any(Mask a) { return vmaxvq_u32(a.v) != 0; }
TIDEMERGE_INLINE bool all(Mask a) { return vminvq_u32(a.v) != 0; }
TIDEMERGE_INLINE Vec select(Mask m, Vec a, Vec b) { return {vbslq_f32(m.v, a.v, b.v)}; }
TIDEMERGE_INLINE IVec select(Mask m, IVec a, IVec b) { return {vbslq_s32(m.v, a.v, b.v)}; }
// Not fmin/fmax: those order signed zeros and treat NaN differently from the other sets.
TIDEMERGE_INLINE Vec min(Vec a, Vec b) { return select(lt(a, b), a, b); }
TIDEMERGE_INLINE Vec max(Vec a, Vec b) { return select(gt(a, b), a, b); }

TIDEMERGE_INLINE IVec to_int(Vec a) { return {vcvtnq_s32_f32(a.v)}; }
TIDEMERGE_INLINE Vec to_float(IVec a) { return {vcvtq_f32_s32(a.v)}; }
TIDEMERGE_INLINE IVec cast_int(Vec a) { return {vreinterpretq_s32_f32(a.v)}; }
TIDEMERGE_INLINE Vec cast_float(IVec a) { return {vreinterpretq_f32_s32(a.v)}; }

TIDEMERGE_INLINE IVec zero_int() { return {vdupq_n_s32(0)}; }
TIDEMERGE_INLINE IVec broadcast_int(int32_t x) { return {vdupq_n_s32(x)}; }
TIDEMERGE_INLINE IVec load_int(const int32_t* p) { return {vld1q_s32(p)}; }
TIDEMERGE_INLINE void store_int(int32_t* p, IVec a) { vst1q_s32(p, a.v); }
TIDEMERGE_INLINE IVec load_first_int(const int32_t* p, int n) {
  int32_t lanes[kLanes] = {};
  for (int i = 0; i < n && i < kLanes; ++i) lanes[i] = p[i];
  return load_int(lanes);
}
TIDEMERGE_INLINE void store_first_int(int32_t* p, IVec a, int n) {
  int32_t lanes[kLanes];
  store_int(lanes, a);
  for (int i = 0; i < n && i < kLanes; ++i) p[i] = lanes[i];
}
TIDEMERGE_INLINE IVec add(IVec a, IVec b) { return {vaddq_s32(a.v, b.v)}; }
TIDEMERGE_INLINE IVec sub(IVec a, IVec b) { return {vsubq_s32(a.v, b.v)}; }
TIDEMERGE_INLINE IVec mul(IVec a, IVec b) { return {vmulq_s32(a.v, b.v)}; }
TIDEMERGE_INLINE IVec bit_and(IVec a, IVec b) { return {vandq_s32(a.v, b.v)}; }
TIDEMERGE_INLINE IVec bit_or(IVec a, IVec b) { return {vorrq_s32(a.v, b.v)}; }
TIDEMERGE_INLINE IVec bit_xor(IVec a, IVec b) { return {veorq_s32(a.v, b.v)}; }
template <int n>
TIDEMERGE_INLINE IVec shift_left(IVec a) {
  return {vshlq_n_s32(a.v, n)};
}
template <int n>
TIDEMERGE_INLINE IVec shift_right(IVec a) {
  return {vshrq_n_s32(a.v, n)};
}
template <int n>
TIDEMERGE_INLINE IVec shift_right_logical(IVec a) {
  return {vreinterpretq_s32_u32(vshrq_n_u32(vreinterpretq_u32_s32(a.v), n))};
}
TIDEMERGE_INLINE Mask eq(IVec a, IVec b) { return {vceqq_s32(a.v, b.v)}; }
TIDEMERGE_INLINE Mask gt(IVec a, IVec b) { return {vcgtq_s32(a.v, b.v)}; }

TIDEMERGE_INLINE float reduce_add(Vec a) {
  const float32x2_t pair = vadd_f32(vget_low_f32(a.v), vget_high_f32(a.v));
  return vget_lane_f32(pair, 0) + vget_lane_f32(pair, 1);
}
TIDEMERGE_INLINE float reduce_max(Vec a) { return vmaxvq_f32(a.v); }
TIDEMERGE_INLINE float reduce_min(Vec a) { return vminvq_f32(a.v); }

// 16-bit lanes in memory, zero-extended to i32 lanes; stores keep the lower halves.
TIDEMERGE_INLINE IVec load_u16(const uint16_t* p) { return {vreinterpretq_s32_u32(vmovl_u16(vld1_u16(p)))}; }
TIDEMERGE_INLINE void store_u16(uint16_t* p, IVec a) { vst1_u16(p, vmovn_u32(vreinterpretq_u32_s32(a.v))); }
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
