#pragma once

#include <cmath>

namespace tidemerge::reference {

inline double sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }
// The limits at -inf, where the product would be 0 * inf.
inline double silu(double x) { return std::isinf(x) && x < 0 ? 0.0 : x * sigmoid(x); }
inline double softplus(double x) { return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x)); }
inline double gelu(double x) { return std::isinf(x) && x < 0 ? 0.0 : x * 0.5 * std::erfc(-x * 0.70710678118654752440); }
inline double gelu_tanh(double x) {
  return std::isinf(x) && x < 0 ? 0.0 : x * sigmoid(1.59576912160573071176 * (x + 0.044715 * x * x * x));
}

}  // namespace tidemerge::reference
