#pragma once

// One register of f32 lanes, one of i32 lanes, one predicate: about seventy operations, the only place kernels get
// vector code from (a kernel may add raw intrinsics under the predefined macros of its instruction set, for example
// vdpbf16ps).
//
// Everything lives in an anonymous namespace: each unit has its own copy, compiled for its own instruction set, and
// nothing of it is visible to the linker.
//
//   kLanes                  16 with AVX-512, 8 with AVX2, 4 with NEON and with the portable vectors (SSE2)
//   Vec, IVec, Mask         `Mask` is a bit per lane on AVX-512, a lane of 0 / -1 elsewhere
//
//   zero broadcast load load_aligned load_first      load_first(p, n): lanes >= n are 0, nothing behind p[n-1] is read
//   store store_aligned store_first                  store_first(p, x, n): nothing behind p[n-1] is written
//                                                    n >= kLanes means all lanes, n <= 0 none
//   add sub mul div neg abs sqrt copysign(magnitude, sign)
//   fma(a, b, c) = a*b + c, fnma(a, b, c) = c - a*b  fused (one rounding) where kFusedMultiplyAdd; the portable set has
//                                                    no such instruction and rounds twice
//   min max                                          a < b ? a : b, a > b ? a : b: b if one is NaN or both are zero
//   round_even floor                                 to the nearest integer, ties to even; towards -inf
//   lt le gt ge eq is_nan                            false (true for is_nan) when a lane is NaN
//   first_lanes(n) mask_and mask_or mask_not mask_andnot(a, b) = ~a & b   any all
//   select(mask, a, b)                               mask ? a : b, for Vec and IVec
//   to_int                                           to nearest, ties to even; |x| < 2^31, otherwise unspecified
//   to_float cast_int cast_float                     value conversion; reinterpretation of the bits
//   zero_int broadcast_int load_int store_int load_first_int store_first_int
//   add sub mul (wrapping) bit_and bit_or bit_xor shift_left<n> shift_right<n> (arithmetic) shift_right_logical<n>
//   eq gt (signed)                                   on IVec
//   scale_pow2(x, n)                                 x * 2^n, n integral: one rounding, through denormals, 0 and inf
//   scale_pow2_unit(x, n)                            the same, cheaper, for 2^-40 <= |x| <= 2^40 and |n| <= 200
//   reduce_add reduce_max reduce_min                 lane i with lane i + kLanes/2, and so on: one fixed tree; max and
//                                                    min of lanes with NaN are unspecified
//   load_u16 store_u16 load_first_u16 store_first_u16    i32 lanes from and to 16 bits in memory (zero-extended; cut)
//   load_bf16 store_bf16 load_first_bf16 store_first_bf16   stores round as bf16_from_f32 of base/bf16.h on every set

#include <cstddef>
#include <cstdint>

#include "base/assume.h"
#include "base/bf16.h"

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
#include "simd/vec_avx512.h"
#elif defined(__AVX2__) && defined(__FMA__)
#include "simd/vec_avx2.h"
#elif defined(__aarch64__) && !defined(TIDEMERGE_GENERIC_VEC)
#include "simd/vec_neon.h"
#else
#include "simd/vec_generic.h"
#endif

#include "simd/vec_derived.h"
