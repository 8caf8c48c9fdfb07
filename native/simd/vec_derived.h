#pragma once

// Operations of vec.h that are the same on every instruction set, in terms of the ones that are not. Included by vec.h
// only.

namespace tidemerge {
namespace {

TIDEMERGE_INLINE Vec abs(Vec a) { return cast_float(bit_and(cast_int(a), broadcast_int(0x7fffffff))); }
TIDEMERGE_INLINE Vec neg(Vec a) { return cast_float(bit_xor(cast_int(a), broadcast_int(INT32_MIN))); }
TIDEMERGE_INLINE Vec copysign(Vec magnitude, Vec sign) {
  const IVec sign_bit = broadcast_int(INT32_MIN);
  return cast_float(bit_or(bit_and(cast_int(sign), sign_bit), cast_int(abs(magnitude))));
}

// 2^n for integral -126 <= n <= 127: the exponent field written directly.
TIDEMERGE_INLINE Vec pow2_normal(Vec n) { return cast_float(shift_left<23>(add(to_int(n), broadcast_int(127)))); }

#ifndef TIDEMERGE_VEC_HAS_SCALEF
// Two factors of half the exponent: with x near one the first product is exact, so the result is rounded once.
TIDEMERGE_INLINE Vec scale_pow2_unit(Vec x, Vec n) {
  const IVec exponent = to_int(n);
  const IVec half = shift_right<1>(exponent);
  const IVec bias = broadcast_int(127);
  const Vec first = cast_float(shift_left<23>(add(half, bias)));
  const Vec second = cast_float(shift_left<23>(add(sub(exponent, half), bias)));
  return mul(mul(x, first), second);
}

// Downwards in steps of 2^-102, not 2^-126: whatever a step loses by becoming denormal is lost entirely in the last
// step, which is then at most 2^-24; so no result is rounded twice.
TIDEMERGE_INLINE Vec scale_pow2_step(Vec& x, Vec n) {
  const Vec up = broadcast(127.0f);
  const Vec down = broadcast(-102.0f);
  const Vec step = select(gt(n, up), up, select(lt(n, broadcast(-126.0f)), down, zero()));
  x = mul(x, pow2_normal(step));
  return sub(n, step);
}
TIDEMERGE_INLINE Vec scale_pow2(Vec x, Vec n) {
  n = max(min(n, broadcast(278.0f)),
          broadcast(-278.0f));  // from the largest float to below half the smallest, and back
  n = scale_pow2_step(x, n);
  n = scale_pow2_step(x, n);
  return mul(x, pow2_normal(n));
}
#endif

// The bits of the bfloat16 of each lane, in the lower half of an i32 lane. Integer arithmetic also where the
// instruction set can convert: the AVX-512 instruction flushes denormals.
TIDEMERGE_INLINE IVec bf16_bits(Vec x) {
  const IVec bits = cast_int(x);
  const IVec upper = shift_right_logical<16>(bits);
  const IVec odd = bit_and(upper, broadcast_int(1));
  const IVec rounded = shift_right_logical<16>(add(add(bits, broadcast_int(0x7fff)), odd));
  return select(is_nan(x), bit_or(upper, broadcast_int(0x40)), rounded);
}

TIDEMERGE_INLINE Vec load_bf16(const uint16_t* p) { return cast_float(shift_left<16>(load_u16(p))); }
TIDEMERGE_INLINE Vec load_first_bf16(const uint16_t* p, int n) {
  return cast_float(shift_left<16>(load_first_u16(p, n)));
}
TIDEMERGE_INLINE void store_bf16(uint16_t* p, Vec x) { store_u16(p, bf16_bits(x)); }
TIDEMERGE_INLINE void store_first_bf16(uint16_t* p, Vec x, int n) { store_first_u16(p, bf16_bits(x), n); }

}  // namespace
}  // namespace tidemerge
