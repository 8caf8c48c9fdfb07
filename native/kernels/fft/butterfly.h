#pragma once

// Butterflies on complex numbers whose lanes are channels. `roots` are the powers of a block's root, see fft.h.

#include "simd/vec.h"

namespace tidemerge {
namespace {

struct Complex {
  Vec re, im;
};

TIDEMERGE_INLINE Complex add(Complex a, Complex b) { return {add(a.re, b.re), add(a.im, b.im)}; }
TIDEMERGE_INLINE Complex sub(Complex a, Complex b) { return {sub(a.re, b.re), sub(a.im, b.im)}; }
// a + i b and a - i b
TIDEMERGE_INLINE Complex add_i(Complex a, Complex b) { return {sub(a.re, b.im), add(a.im, b.re)}; }
TIDEMERGE_INLINE Complex sub_i(Complex a, Complex b) { return {add(a.re, b.im), sub(a.im, b.re)}; }
TIDEMERGE_INLINE Complex mul(Complex a, Complex b) {
  return {fnma(a.im, b.im, mul(a.re, b.re)), fma(a.im, b.re, mul(a.re, b.im))};
}
// a times the conjugate of b, and its real part
TIDEMERGE_INLINE Complex mul_conjugate(Complex a, Complex b) {
  return {fma(a.im, b.im, mul(a.re, b.re)), fnma(a.re, b.im, mul(a.im, b.re))};
}
TIDEMERGE_INLINE Vec real_of_mul_conjugate(Complex a, Complex b) { return fma(a.im, b.im, mul(a.re, b.re)); }

template <int kRadix>
struct Roots {
  Complex power[kRadix];  // power[0] = 1 is not used

  TIDEMERGE_INLINE explicit Roots(const float* roots) {
    power[0] = {broadcast(1.0f), zero()};
    for (int j = 1; j < kRadix; ++j) power[j] = {broadcast(roots[2 * j - 2]), broadcast(roots[2 * j - 1])};
  }
};

// x[q] = sum over j of x[j] e^(2 pi i j q / radix)
TIDEMERGE_INLINE void transform(Complex (&x)[2]) {
  const Complex a = x[0];
  x[0] = add(a, x[1]);
  x[1] = sub(a, x[1]);
}

constexpr float kSine120 = 0.866025403784438647f;

TIDEMERGE_INLINE void transform(Complex (&x)[3]) {
  const Vec half = broadcast(0.5f), sine = broadcast(kSine120);
  const Complex sum = add(x[1], x[2]), difference = sub(x[1], x[2]);
  const Complex middle = {fnma(half, sum.re, x[0].re), fnma(half, sum.im, x[0].im)};
  x[0] = add(x[0], sum);
  x[1] = {fnma(sine, difference.im, middle.re), fma(sine, difference.re, middle.im)};
  x[2] = {fma(sine, difference.im, middle.re), fnma(sine, difference.re, middle.im)};
}

TIDEMERGE_INLINE void transform(Complex (&x)[4]) {
  const Complex even = add(x[0], x[2]), other = sub(x[0], x[2]);
  const Complex odd = add(x[1], x[3]), turned = sub(x[1], x[3]);
  x[0] = add(even, odd);
  x[1] = add_i(other, turned);
  x[2] = sub(even, odd);
  x[3] = sub_i(other, turned);
}

// The sum with e^(-2 pi i j q / radix): outputs 1 and radix - 1 change places.
template <int kRadix>
TIDEMERGE_INLINE void transform_back(Complex (&x)[kRadix]) {
  transform(x);
  if constexpr (kRadix > 2) {
    const Complex last = x[kRadix - 1];
    x[kRadix - 1] = x[1];
    x[1] = last;
  }
}

}  // namespace
}  // namespace tidemerge
