#pragma once

#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

namespace tidemerge::reference {

inline std::vector<double> softmax(const float* x, size_t cols) {
  double largest = -std::numeric_limits<double>::infinity();
  bool is_nan = false;
  for (size_t i = 0; i < cols; ++i) {
    is_nan = is_nan || std::isnan(x[i]) || (std::isinf(x[i]) && x[i] > 0);
    largest = std::fmax(largest, static_cast<double>(x[i]));
  }
  if (is_nan) return std::vector<double>(cols, std::nan(""));
  std::vector<double> weights(cols, 0.0);
  if (std::isinf(largest)) return weights;
  double sum = 0;
  for (size_t i = 0; i < cols; ++i) {
    weights[i] = std::exp(static_cast<double>(x[i]) - largest);
    sum += weights[i];
  }
  for (double& weight : weights) weight /= sum;
  return weights;
}

}  // namespace tidemerge::reference
