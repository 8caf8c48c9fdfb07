#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/window_attention/window_attention.h"

namespace tidemerge::reference {

struct WindowAttention {
  std::vector<double> out;
  double bound;  // of window_attention.h
};

inline WindowAttention window_attention(const WindowAttentionArgs& a, double unit) {
  std::vector<double> scores(a.count);
  double largest = -INFINITY, magnitude = 0, value = 0, total = 0;
  for (size_t j = 0; j < a.count; ++j) {
    double sum = 0;
    for (size_t c = 0; c < a.head_dim; ++c) {
      const double product = static_cast<double>(a.q[c]) * a.keys[c * a.key_stride + j];
      scores[j] += product * a.scale;
      sum += std::fabs(product * a.scale);
      value = std::max(value, std::fabs(static_cast<double>(a.values[j * a.value_stride + c])));
    }
    largest = std::max(largest, scores[j]);
    magnitude = std::max(magnitude, sum);
  }
  WindowAttention result{std::vector<double>(a.head_dim), 0};
  for (size_t j = 0; j < a.count; ++j) {
    const double weight = std::exp(scores[j] - largest);
    total += weight;
    for (size_t c = 0; c < a.head_dim; ++c) result.out[c] += weight * a.values[j * a.value_stride + c];
  }
  for (double& x : result.out) x = a.count == 0 ? 0 : x / total;
  const double head_dim = static_cast<double>(a.head_dim), count = static_cast<double>(a.count);
  // A weight below 2^-126 may have been cut off.
  result.bound = value * (unit * (2 * (head_dim + 10) * magnitude + 2 * count + 24) + count * 0x1p-125);
  return result;
}

}  // namespace tidemerge::reference
