#pragma once

#include <algorithm>
#include <cmath>
#include <complex>
#include <vector>

#include "kernels/fft/fft.h"

namespace tidemerge::reference {

// The values of a polynomial at the roots of X^n - e^(2 pi i turn), n a product of 2 and 3, in any order.
inline void values_at_roots(const std::vector<std::complex<double>>& x, double turn,
                            std::vector<std::complex<double>>& values) {
  if (x.size() == 1) return values.push_back(x[0]);
  const size_t radix = x.size() % 2 == 0 ? 2 : 3, part = x.size() / radix;
  for (size_t q = 0; q < radix; ++q) {
    const double child = (turn + static_cast<double>(q)) / static_cast<double>(radix);
    std::vector<std::complex<double>> rest(part);
    for (size_t j = 0; j < radix; ++j) {
      const auto power = std::polar(1.0, 6.283185307179586 * std::fmod(child * static_cast<double>(j), 1.0));
      for (size_t n = 0; n < part; ++n) rest[n] += x[j * part + n] * power;
    }
    values_at_roots(rest, child, values);
  }
}

struct Norms {
  double length = 0;  // square root of the sum of squares
  double peak = 0;    // largest magnitude at a root of X^size - i
};

inline Norms norms(const std::vector<double>& x, size_t size) {
  Norms norms;
  std::vector<std::complex<double>> padded(size), values;
  for (size_t t = 0; t < std::min(size, x.size()); ++t) padded[t] = x[t], norms.length += x[t] * x[t];
  norms.length = std::sqrt(norms.length);
  values_at_roots(padded, 0.25, values);
  for (const auto& value : values) norms.peak = std::max(norms.peak, std::abs(value));
  return norms;
}

inline std::vector<double> column(const float* from, size_t rows, ptrdiff_t stride, size_t channel) {
  std::vector<double> out(rows);
  for (size_t t = 0; t < rows; ++t) out[t] = from[static_cast<ptrdiff_t>(t) * stride + static_cast<ptrdiff_t>(channel)];
  return out;
}

// sum over s <= t of k[s] u[t - s]
inline double causal_sum(const std::vector<double>& k, const std::vector<double>& u, size_t t) {
  double sum = 0;
  for (size_t s = 0; s <= t && s < k.size(); ++s) sum += k[s] * u[t - s];
  return sum;
}

// What convolve_f32 may be off. A level changes the norm of a transform by at most kFftRoundings roundings of it. An
// error of the transform of u is multiplied by at most the peak of k's spectrum on the way back, and the reverse; the
// product has three roundings. No single output is further off than the norm of all.
inline double transform_error(const FftPlan& plan, const Norms& u, const Norms& k) {
  const double transform = kFftRoundings * static_cast<double>(plan.levels);
  const double roundings = (2 * transform + 3) * k.peak * u.length + (transform + 1) * u.peak * k.length;
  return 0x1p-24 * roundings * (1 + 0x1p-24 * 3 * transform) + 0x1p-120;
}

// Of sum_f32: two roundings for each of `terms` products of magnitudes that sum to `magnitude`.
inline double sum_error(size_t terms, double magnitude) {
  return 0x1p-24 * 2 * (static_cast<double>(terms) + 1) * magnitude + 0x1p-140;
}

}  // namespace tidemerge::reference
