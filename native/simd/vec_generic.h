#pragma once

// vec.h on the vector extensions of GCC and Clang, four lanes: SSE2 on x64, and whatever a new architecture has.
// Included by vec.h only. There is no fused multiply-add here.

namespace tidemerge {
namespace {

constexpr int kLanes = 4;
constexpr bool kFusedMultiplyAdd = false;

typedef float GenericF32 __attribute__((vector_size(16)));
typedef int32_t GenericI32 __attribute__((vector_size(16)));
typedef uint32_t GenericU32 __attribute__((vector_size(16)));
// The unaligned forms alias anything, as memory of floats and integers is read through them.
typedef float GenericF32Memory __attribute__((vector_size(16), aligned(4), may_alias));
typedef int32_t GenericI32Memory __attribute__((vector_size(16), aligned(4), may_alias));

struct Vec {
  GenericF32 v;
};
struct IVec {
  GenericI32 v;
};
struct Mask {
  GenericI32 v;  // 0 or -1 in every lane
};

TIDEMERGE_INLINE Mask first_lanes(int n) {
  const GenericI32 count = {n, n, n, n};
  const GenericI32 lane = {0, 1, 2, 3};
  return {lane < count};
}

TIDEMERGE_INLINE Vec broadcast(float x) { return {GenericF32{x, x, x, x}}; }
TIDEMERGE_INLINE Vec zero() { return broadcast(0.0f); }
TIDEMERGE_INLINE Vec load(const float* p) { return {*reinterpret_cast<const GenericF32Memory*>(p)}; }
TIDEMERGE_INLINE Vec load_aligned(const float* p) { return {*reinterpret_cast<const GenericF32*>(p)}; }
TIDEMERGE_INLINE void store(float* p, Vec a) { *reinterpret_cast<GenericF32Memory*>(p) = a.v; }
TIDEMERGE_INLINE void store_aligned(float* p, Vec a) { *reinterpret_cast<GenericF32*>(p) = a.v; }
TIDEMERGE_INLINE Vec load_first(const float* p, int n) {
  GenericF32 lanes = {};
  for (int i = 0; i < n && i < kLanes; ++i) lanes[i] = p[i];
  return {lanes};
}
TIDEMERGE_INLINE void store_first(float* p, Vec a, int n) {
  for (int i = 0; i < n && i < kLanes; ++i) p[i] = a.v[i];
}

TIDEMERGE_INLINE IVec cast_int(Vec a) { return {reinterpret_cast<GenericI32>(a.v)}; }
TIDEMERGE_INLINE Vec cast_float(IVec a) { return {reinterpret_cast<GenericF32>(a.v)}; }

TIDEMERGE_INLINE Vec add(Vec a, Vec b) { return {a.v + b.v}; }
TIDEMERGE_INLINE Vec sub(Vec a, Vec b) { return {a.v - b.v}; }
TIDEMERGE_INLINE Vec mul(Vec a, Vec b) { return {a.v * b.v}; }
TIDEMERGE_INLINE Vec div(Vec a, Vec b) { return {a.v / b.v}; }
TIDEMERGE_INLINE Vec fma(Vec a, Vec b, Vec c) { return {a.v * b.v + c.v}; }
TIDEMERGE_INLINE Vec fnma(Vec a, Vec b, Vec c) { return {c.v - a.v * b.v}; }
TIDEMERGE_INLINE Vec sqrt(Vec a) {
  GenericF32 root;
  for (int i = 0; i < kLanes; ++i) root[i] = __builtin_sqrtf(a.v[i]);
  return {root};
}

TIDEMERGE_INLINE Mask lt(Vec a, Vec b) { return {a.v < b.v}; }
TIDEMERGE_INLINE Mask le(Vec a, Vec b) { return {a.v <= b.v}; }
TIDEMERGE_INLINE Mask gt(Vec a, Vec b) { return {a.v > b.v}; }
TIDEMERGE_INLINE Mask ge(Vec a, Vec b) { return {a.v >= b.v}; }
TIDEMERGE_INLINE Mask eq(Vec a, Vec b) { return {a.v == b.v}; }
TIDEMERGE_INLINE Mask is_nan(Vec a) { return {a.v != a.v}; }
TIDEMERGE_INLINE Mask mask_and(Mask a, Mask b) { return {a.v & b.v}; }
TIDEMERGE_INLINE Mask mask_or(Mask a, Mask b) { return {a.v | b.v}; }
TIDEMERGE_INLINE Mask mask_not(Mask a) { return {~a.v}; }
TIDEMERGE_INLINE Mask mask_andnot(Mask a, Mask b) { return {~a.v & b.v}; }
TIDEMERGE_INLINE bool any(Mask a) { return (a.v[0] | a.v[1] | a.v[2] | a.v[3]) != 0; }
TIDEMERGE_INLINE bool all(Mask a) { return (a.v[0] & a.v[1] & a.v[2] & a.v[3]) != 0; }
TIDEMERGE_INLINE IVec select(Mask m, IVec a, IVec b) { return {(m.v & a.v) | (~m.v & b.v)}; }
TIDEMERGE_INLINE Vec select(Mask m, Vec a, Vec b) { return cast_float(select(m, cast_int(a), cast_int(b))); }
TIDEMERGE_INLINE Vec min(Vec a, Vec b) { return select(lt(a, b), a, b); }
TIDEMERGE_INLINE Vec max(Vec a, Vec b) { return select(gt(a, b), a, b); }

TIDEMERGE_INLINE IVec zero_int() { return {GenericI32{}}; }
TIDEMERGE_INLINE IVec broadcast_int(int32_t x) { return {GenericI32{x, x, x, x}}; }
TIDEMERGE_INLINE IVec load_int(const int32_t* p) { return {*reinterpret_cast<const GenericI32Memory*>(p)}; }
TIDEMERGE_INLINE void store_int(int32_t* p, IVec a) { *reinterpret_cast<GenericI32Memory*>(p) = a.v; }
TIDEMERGE_INLINE IVec load_first_int(const int32_t* p, int n) {
  GenericI32 lanes = {};
  for (int i = 0; i < n && i < kLanes; ++i) lanes[i] = p[i];
  return {lanes};
}
TIDEMERGE_INLINE void store_first_int(int32_t* p, IVec a, int n) {
  for (int i = 0; i < n && i < kLanes; ++i) p[i] = a.v[i];
}
// Through unsigned lanes: signed overflow is undefined.
TIDEMERGE_INLINE GenericU32 unsigned_lanes(IVec a) { return reinterpret_cast<GenericU32>(a.v); }
TIDEMERGE_INLINE IVec signed_lanes(GenericU32 a) { return {reinterpret_cast<GenericI32>(a)}; }
TIDEMERGE_INLINE IVec add(IVec a, IVec b) { return signed_lanes(unsigned_lanes(a) + unsigned_lanes(b)); }
TIDEMERGE_INLINE IVec sub(IVec a, IVec b) { return signed_lanes(unsigned_lanes(a) - unsigned_lanes(b)); }
TIDEMERGE_INLINE IVec mul(IVec a, IVec b) { return signed_lanes(unsigned_lanes(a) * unsigned_lanes(b)); }
TIDEMERGE_INLINE IVec bit_and(IVec a, IVec b) { return {a.v & b.v}; }
TIDEMERGE_INLINE IVec bit_or(IVec a, IVec b) { return {a.v | b.v}; }
TIDEMERGE_INLINE IVec bit_xor(IVec a, IVec b) { return {a.v ^ b.v}; }
template <int n>
TIDEMERGE_INLINE IVec shift_left(IVec a) {
  return signed_lanes(unsigned_lanes(a) << n);
}
template <int n>
TIDEMERGE_INLINE IVec shift_right(IVec a) {
  return {a.v >> n};
}
template <int n>
TIDEMERGE_INLINE IVec shift_right_logical(IVec a) {
  return signed_lanes(unsigned_lanes(a) >> n);
}
TIDEMERGE_INLINE Mask eq(IVec a, IVec b) { return {a.v == b.v}; }
TIDEMERGE_INLINE Mask gt(IVec a, IVec b) { return {a.v > b.v}; }

// Adding and taking away 2^23 of the same sign rounds in the current mode, to nearest; larger values are integers
// already. The sign of the result is the sign of the argument, also for zero.
TIDEMERGE_INLINE Vec round_even(Vec a) {
  const IVec sign = bit_and(cast_int(a), broadcast_int(INT32_MIN));
  const Vec magnitude = cast_float(bit_and(cast_int(a), broadcast_int(INT32_MAX)));
  const Vec two23 = broadcast(8388608.0f);
  const Vec rounded = sub(add(magnitude, two23), two23);
  return select(lt(magnitude, two23), cast_float(bit_or(cast_int(rounded), sign)), a);
}
TIDEMERGE_INLINE Vec floor(Vec a) {
  const Vec nearest = round_even(a);
  return select(gt(nearest, a), sub(nearest, broadcast(1.0f)), nearest);
}
TIDEMERGE_INLINE IVec to_int(Vec a) { return {__builtin_convertvector(round_even(a).v, GenericI32)}; }
TIDEMERGE_INLINE Vec to_float(IVec a) { return {__builtin_convertvector(a.v, GenericF32)}; }

TIDEMERGE_INLINE float reduce_add(Vec a) { return (a.v[0] + a.v[2]) + (a.v[1] + a.v[3]); }
TIDEMERGE_INLINE float reduce_max(Vec a) {
  const float even = a.v[0] > a.v[2] ? a.v[0] : a.v[2];
  const float odd = a.v[1] > a.v[3] ? a.v[1] : a.v[3];
  return even > odd ? even : odd;
}
TIDEMERGE_INLINE float reduce_min(Vec a) {
  const float even = a.v[0] < a.v[2] ? a.v[0] : a.v[2];
  const float odd = a.v[1] < a.v[3] ? a.v[1] : a.v[3];
  return even < odd ? even : odd;
}

// 16-bit lanes in memory, zero-extended to i32 lanes; stores keep the lower halves.
TIDEMERGE_INLINE IVec load_first_u16(const uint16_t* p, int n) {
  GenericI32 lanes = {};
  for (int i = 0; i < n && i < kLanes; ++i) lanes[i] = p[i];
  return {lanes};
}
TIDEMERGE_INLINE IVec load_u16(const uint16_t* p) { return {GenericI32{p[0], p[1], p[2], p[3]}}; }
TIDEMERGE_INLINE void store_first_u16(uint16_t* p, IVec a, int n) {
  for (int i = 0; i < n && i < kLanes; ++i) p[i] = static_cast<uint16_t>(a.v[i]);
}
TIDEMERGE_INLINE void store_u16(uint16_t* p, IVec a) { store_first_u16(p, a, kLanes); }

}  // namespace
}  // namespace tidemerge
