#pragma once

// Elementary functions on Vec.
//
// Error, in units of the spacing of floats at the true result (math_test.cc checks it on every set; "abs" is an
// absolute error allowed besides, where results leave the normal range):
//
//   exp              2 ulp               also for denormal results; exp(-inf) = 0, overflow is inf
//   exp_nonpositive  3 + 5/4 |x| ulp     for x <= 0 only; results below 1.01 2^-126 become 0; faster than exp
//   exp2_flushing    3 ulp               2^x; results below 2^-126 may be 0, results above 2^127 inf
//   exp2_bounded     3 ulp               the same bits, faster, for |x| <= 126 only; a NaN may give anything
//   log              2 ulp               log(0) = -inf, log(x < 0) = NaN, denormals included
//   log1p            2 ulp               log1p(-1) = -inf
//   tanh             3 ulp
//   erf              2 ulp
//   sigmoid          4 + 5/4 |x-| ulp    abs 2^-125
//   silu             5 + 5/4 |x-| ulp    abs 2^-118; silu(-inf) = 0, the limit
//   softplus         4 + 5/4 |x-| ulp    abs 2^-125; log(1 + e^x)
//   gelu             6 + 3/2 x-^2 ulp    abs 2^-115; x times the normal distribution function; gelu(-inf) = 0
//   gelu_tanh        5 + 6 |u-| ulp      abs 2^-118; x/2 (1 + tanh u), u = sqrt(2/pi) (x + 0.044715 x^3); (-inf) = 0
//
// x- is x where it is negative, else 0. The terms with |x|, x^2 and u are the condition numbers of the tails: such a
// result belongs to an argument within about one spacing of x, and nothing cancels for large negative x. A NaN argument
// gives a NaN. A result depends on its lane's argument only, not on the lane. Sets may differ within these bounds.
//
// The polynomials minimise the largest error over their interval; their coefficients were rounded to float one after
// the other, from the lowest power on, fitting the remaining ones again after each.

#include "simd/vec.h"

namespace tidemerge {
namespace {

constexpr float kLog2E = 0x1.715476p+0f;

namespace math_detail {

// Adding it leaves the nearest integer in the lowest mantissa bits: what an exponent field grows by, after a shift.
constexpr float kRound = 12582912.0f;
constexpr float kRoundAndBias = kRound + 127.0f;  // with 127 added: the exponent field itself
// ln 2 in two parts; the product of the first with an exponent is exact.
constexpr float kLn2High = 0x1.62e4p-1f;
constexpr float kLn2Low = 0x1.7f7d1cp-20f;

// e^r for |r| <= ln 2 / 2; error 1.1 ulp before rounding.
TIDEMERGE_INLINE Vec exp_reduced(Vec r) {
  if constexpr (kFusedMultiplyAdd) {
    Vec p = fma(r, broadcast(0x1.0ec032p-7f), broadcast(0x1.573ba4p-5f));
    p = fma(p, r, broadcast(0x1.555d3cp-3f));
    p = fma(p, r, broadcast(0x1.fffdc2p-2f));
    p = fma(p, r, broadcast(0x1.ffffeep-1f));
    return fma(p, r, broadcast(1.0f));
  }
  // The extra roundings leave no room for a polynomial error: one degree more.
  Vec p = fma(r, broadcast(0x1.6a4d60p-10f), broadcast(0x1.12398ep-7f));
  p = fma(p, r, broadcast(0x1.5558b0p-5f));
  p = fma(p, r, broadcast(0x1.555492p-3f));
  p = fma(p, r, broadcast(0x1.fffffcp-2f));
  return add(broadcast(1.0f), fma(mul(r, r), p, r));
}

// 2^r for 0 <= r <= 1; error 1 ulp.
TIDEMERGE_INLINE Vec exp2_reduced(Vec r) {
  Vec p = fma(r, broadcast(0x1.ee3f24p-10f), broadcast(0x1.260786p-7f));
  p = fma(p, r, broadcast(0x1.c9691ep-5f));
  p = fma(p, r, broadcast(0x1.ebd52ap-3f));
  p = fma(p, r, broadcast(0x1.62e4e2p-1f));
  return fma(p, r, broadcast(1.0f));
}

// 2^r for |r| <= 1/2; error 0.8 ulp before rounding.
TIDEMERGE_INLINE Vec exp2_nearest(Vec r) {
  Vec p = fma(r, broadcast(0x1.5bda3cp-10f), broadcast(0x1.3ce8acp-7f));
  p = fma(p, r, broadcast(0x1.c6b6d8p-5f));
  p = fma(p, r, broadcast(0x1.ebf9c2p-3f));
  p = fma(p, r, broadcast(0x1.62e42ap-1f));
  return fma(p, r, broadcast(1.0f));
}

// ln(1 + f) - f for sqrt(1/2) - 1 <= f <= sqrt(2) - 1.
TIDEMERGE_INLINE Vec log1p_reduced_rest(Vec f) {
  Vec p = fma(f, broadcast(0x1.146e0cp-4f), broadcast(-0x1.de0004p-4f));
  p = fma(p, f, broadcast(0x1.e6c114p-4f));
  p = fma(p, f, broadcast(-0x1.fc2926p-4f));
  p = fma(p, f, broadcast(0x1.233b9cp-3f));
  p = fma(p, f, broadcast(-0x1.555c42p-3f));
  p = fma(p, f, broadcast(0x1.99a476p-3f));
  p = fma(p, f, broadcast(-0x1.000006p-2f));
  p = fma(p, f, broadcast(0x1.555548p-2f));
  p = fma(p, f, broadcast(-0.5f));
  return mul(mul(f, f), p);
}

// ln(1 + e) for 0 <= e <= 1.
TIDEMERGE_INLINE Vec log1p_of_unit(Vec e) {
  Vec p = fma(e, broadcast(-0x1.af5e20p-9f), broadcast(0x1.49211cp-6f));
  p = fma(p, e, broadcast(-0x1.d6b75ep-5f));
  p = fma(p, e, broadcast(0x1.b4b094p-4f));
  p = fma(p, e, broadcast(-0x1.3a43e0p-3f));
  p = fma(p, e, broadcast(0x1.934b6ep-3f));
  p = fma(p, e, broadcast(-0x1.ff23e8p-3f));
  p = fma(p, e, broadcast(0x1.554dd0p-2f));
  p = fma(p, e, broadcast(-0x1.ffffd2p-2f));
  return fma(mul(e, e), p, e);
}

}  // namespace math_detail

TIDEMERGE_INLINE Vec exp(Vec x) {
  using namespace math_detail;
  // Beyond these the result is inf or 0 anyway. The argument stands second, so that a NaN passes.
  x = max(broadcast(-104.5f), min(broadcast(89.0f), x));
  const Vec magic = broadcast(kRoundAndBias);
  const Vec n = sub(fma(x, broadcast(kLog2E), magic), magic);
  const Vec r = fnma(n, broadcast(kLn2Low), fnma(n, broadcast(kLn2High), x));
  return scale_pow2_unit(exp_reduced(r), n);
}

TIDEMERGE_INLINE Vec exp_nonpositive(Vec x) {
  using namespace math_detail;
  // Results near 2^-126 and below are cut off: an arithmetic operation with a denormal result costs a hundred others.
  constexpr float kLowest = -0x1.5d57p+6f;  // slightly above ln 2^-126, so that 2^-126 times the polynomial is normal
#ifdef TIDEMERGE_VEC_HAS_SCALEF
  // In base two the fraction is one instruction and needs no clamp, and the scaling takes the integer part itself.
  const Vec y = mul(x, broadcast(kLog2E));
  return scale_pow2_unless(lt(x, broadcast(kLowest)), exp2_reduced(fraction(y)), y);
#else
  const Vec magic = broadcast(kRoundAndBias);
  const Vec clamped = max(broadcast(kLowest), x);
  const Vec biased = fma(clamped, broadcast(kLog2E), magic);
  const Vec n = sub(biased, magic);
  const Vec r = fnma(n, broadcast(kLn2Low), fnma(n, broadcast(kLn2High), clamped));
  const Vec scaled = mul(exp_reduced(r), cast_float(shift_left<23>(cast_int(biased))));
  return select(lt(x, broadcast(kLowest)), zero(), scaled);
#endif
}

TIDEMERGE_INLINE Vec exp2_flushing(Vec x) {
  using namespace math_detail;
#ifdef TIDEMERGE_VEC_HAS_SCALEF
  return scale_pow2_unless(lt(x, broadcast(-126.0f)), exp2_reduced(fraction(x)), x);
#else
  // At the ends the exponent field becomes that of 0 and of inf. The argument stands second, so that a NaN passes.
  const Vec clamped = max(broadcast(-127.0f), min(broadcast(128.0f), x));
  const Vec magic = broadcast(kRoundAndBias);
  const Vec biased = add(clamped, magic);
  return mul(exp2_nearest(sub(clamped, sub(biased, magic))), cast_float(shift_left<23>(cast_int(biased))));
#endif
}

TIDEMERGE_INLINE Vec exp2_bounded(Vec x) {
  using namespace math_detail;
#ifdef TIDEMERGE_VEC_HAS_SCALEF
  return scale_pow2_unit(exp2_reduced(fraction(x)), x);  // the scaling takes the integer part itself
#else
  // Adding to the exponent field leaves the units that multiply to others.
  const Vec magic = broadcast(kRound);
  const Vec shifted = add(x, magic);
  const Vec p = exp2_nearest(sub(x, sub(shifted, magic)));
  return cast_float(add(cast_int(p), shift_left<23>(cast_int(shifted))));
#endif
}

TIDEMERGE_INLINE Vec log(Vec x) {
  using namespace math_detail;
  const Mask is_tiny = lt(x, broadcast(0x1p-126f));
  const Vec scaled = select(is_tiny, mul(x, broadcast(0x1p23f)), x);
  // Mantissas between sqrt(1/2) and sqrt(2): the exponent counts from the bits of sqrt(1/2).
  const IVec offset = broadcast_int(0x3f3504f3);
  const IVec exponent = shift_right<23>(sub(cast_int(scaled), offset));
  const Vec mantissa = cast_float(sub(cast_int(scaled), shift_left<23>(exponent)));
  const Vec e = add(to_float(exponent), select(is_tiny, broadcast(-23.0f), zero()));
  const Vec f = sub(mantissa, broadcast(1.0f));
  const Vec rest = fma(e, broadcast(kLn2Low), log1p_reduced_rest(f));
  Vec y = fma(e, broadcast(kLn2High), add(f, rest));
  const Vec infinity = broadcast(__builtin_inff());
  y = select(lt(x, infinity), y, x);  // inf and NaN
  y = select(eq(x, zero()), neg(infinity), y);
  return select(lt(x, zero()), broadcast(__builtin_nanf("")), y);
}

TIDEMERGE_INLINE Vec log1p(Vec x) {
  const Vec one = broadcast(1.0f);
  const Vec u = add(one, x);
  // What the sum lost, to first order: ln(u + lost) = ln u + lost / u.
  const Vec lost = div(sub(x, sub(u, one)), u);
  const Mask is_regular = mask_and(lt(zero(), u), lt(u, broadcast(__builtin_inff())));
  const Vec y = add(log(u), select(is_regular, lost, zero()));
  return select(eq(u, one), x, y);
}

TIDEMERGE_INLINE Vec tanh(Vec x) {
  const Vec a = abs(x);
  const Vec s = mul(x, x);
  Vec p = fma(s, broadcast(-0x1.9921a2p-8f), broadcast(0x1.58e518p-6f));
  p = fma(p, s, broadcast(-0x1.b91e7ep-5f));
  p = fma(p, s, broadcast(0x1.110ceep-3f));
  p = fma(p, s, broadcast(-0x1.55554ap-2f));
  const Vec near_zero = fma(mul(p, s), x, x);
  const Vec e = exp_nonpositive(mul(a, broadcast(-2.0f)));
  const Vec one = broadcast(1.0f);
  const Vec elsewhere = copysign(div(sub(one, e), add(one, e)), x);
  return select(lt(a, broadcast(0.55f)), near_zero, elsewhere);
}

TIDEMERGE_INLINE Vec erf(Vec x) {
  const Vec one = broadcast(1.0f);
  const Vec s = mul(x, x);
  Vec p = fma(s, broadcast(0x1.4771fcp-14f), broadcast(-0x1.a3515ep-11f));
  p = fma(p, s, broadcast(0x1.53f224p-8f));
  p = fma(p, s, broadcast(-0x1.b7f71ap-6f));
  p = fma(p, s, broadcast(0x1.ce2ce6p-4f));
  p = fma(p, s, broadcast(-0x1.81273ep-2f));
  p = fma(p, s, broadcast(0x1.06eba8p-3f));
  const Vec near_zero = fma(p, x, x);
  // 1 - e^q(|x|), q a polynomial for ln erfc; from 3.93 on erf rounds to one.
  const Vec a = min(broadcast(3.93f), abs(x));
  Vec q = fma(a, broadcast(-0x1.6c07fap-16f), broadcast(0x1.ceea5cp-12f));
  q = fma(q, a, broadcast(-0x1.139872p-8f));
  q = fma(q, a, broadcast(0x1.9d0b56p-6f));
  q = fma(q, a, broadcast(-0x1.bc189ap-4f));
  q = fma(q, a, broadcast(-0x1.4434f6p-1f));
  q = fma(q, a, broadcast(-0x1.212c2cp+0f));
  q = fma(q, a, broadcast(0x1.8b3e8ap-13f));
  const Vec elsewhere = copysign(sub(one, exp_nonpositive(q)), x);
  return select(lt(a, one), near_zero, elsewhere);
}

// sigmoid, silu and softplus of x where e^-|x| is known: a loop that takes all exponentials first keeps its constants
// in registers, and more of its steps are under way at once.
TIDEMERGE_INLINE Vec exp_minus_abs(Vec x) { return exp_nonpositive(neg(abs(x))); }

// 1 / (1 + e^-x) as a quotient whose numerator is 1 or e^-|x|: neither overflows nor cancels.
TIDEMERGE_INLINE Vec sigmoid(Vec x, Vec e) {
  const Vec one = broadcast(1.0f);
  return div(select(lt(x, zero()), e, one), add(one, e));
}
TIDEMERGE_INLINE Vec sigmoid(Vec x) { return sigmoid(x, exp_minus_abs(x)); }

TIDEMERGE_INLINE Vec silu(Vec x, Vec e) {
  const Vec finite = max(broadcast(-120.0f), x);  // the factor is 0 from there on, and 0 * -inf would be NaN
  return mul(finite, sigmoid(x, e));
}
TIDEMERGE_INLINE Vec silu(Vec x) { return silu(x, exp_minus_abs(x)); }

TIDEMERGE_INLINE Vec softplus(Vec x, Vec e) { return add(max(zero(), x), math_detail::log1p_of_unit(e)); }
TIDEMERGE_INLINE Vec softplus(Vec x) { return softplus(x, exp_minus_abs(x)); }

TIDEMERGE_INLINE Vec gelu(Vec x) {
  const Vec one = broadcast(1.0f);
  // Cut off where the last products would become denormal, which costs a hundred operations.
  constexpr float kLowest = 12.6f;
  const Vec a = min(broadcast(kLowest), abs(x));
  // The lower tail is e^(-a^2/2) times Mills' ratio of a; the latter is u P(a u), u = 1 / (a + 5/2), P a polynomial.
  const Vec u = div(one, add(a, broadcast(2.5f)));
  const Vec z = mul(a, u);
  Vec p = fma(z, broadcast(0x1.78bcbap-4f), broadcast(-0x1.683ab8p-3f));
  p = fma(p, z, broadcast(-0x1.39468ep-7f));
  p = fma(p, z, broadcast(0x1.436818p-6f));
  p = fma(p, z, broadcast(0x1.302d10p-2f));
  p = fma(p, z, broadcast(0x1.5a9fc0p-3f));
  p = fma(p, z, broadcast(-0x1.3e4e66p+0f));
  p = fma(p, z, broadcast(1.25f));
  const Vec tail = mul(mul(p, u), exp_nonpositive(mul(a, mul(a, broadcast(-0.5f)))));
  const Vec factor = select(lt(x, broadcast(-kLowest)), zero(), x);
  return mul(factor, select(lt(x, zero()), tail, sub(one, tail)));
}

TIDEMERGE_INLINE Vec gelu_tanh(Vec x) {
  const Vec finite = max(broadcast(-15.0f), x);
  // x/2 (1 + tanh u) = x sigmoid(2u); the constants are those of 2u.
  const Vec s = mul(finite, finite);
  const Vec twice_u = mul(finite, fma(s, broadcast(0x1.2444f2p-4f), broadcast(0x1.988454p+0f)));
  return mul(finite, sigmoid(twice_u));
}

}  // namespace
}  // namespace tidemerge
