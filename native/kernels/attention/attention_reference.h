#pragma once

// Attention of one query in double precision, with the error a float kernel may have.

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "kernels/attention/attention.h"
#include "kernels/kernel_set.h"

namespace tidemerge::testing {

struct AttentionReference {
  std::vector<double> out;  // [head_dim]
  double tolerance;
};

// What one query sees. Rows of keys and values stand `stride` apart; biases may be null.
struct AttentionQuery {
  const float* q;
  const float* keys;
  ptrdiff_t key_stride;
  const float* values;
  ptrdiff_t value_stride;
  size_t num_keys;  // that the query sees
  size_t head_dim;
  float scale;
  const float* bias;
  const float* key_bias;
};

// Two roundings per multiply-add where it is not fused.
inline double rounding_unit(const KernelSet& set) { return std::strcmp(set.name, "baseline") == 0 ? 0x1p-23 : 0x1p-24; }

inline AttentionReference reference_attention(const AttentionQuery& query, double unit) {
  constexpr double kNothing = -std::numeric_limits<double>::infinity();
  constexpr size_t kKeyBlock = 768;  // the kernel's, for the number of times sums are rescaled
  std::vector<double> scores(query.num_keys);
  double largest = 0;  // magnitude a score was summed from
  double maximum = kNothing;
  bool has_nan = false;
  for (size_t j = 0; j < query.num_keys; ++j) {
    const double bias = query.bias == nullptr ? 0 : query.bias[j];
    const double key_bias = query.key_bias == nullptr ? 0 : query.key_bias[j];
    scores[j] = kNothing;
    if (bias == kNothing || key_bias == kNothing) continue;
    double dot = 0, magnitude = 0;
    for (size_t d = 0; d < query.head_dim; ++d) {
      const double product =
          static_cast<double>(query.q[d]) * query.keys[static_cast<ptrdiff_t>(j) * query.key_stride + d];
      dot += product;
      magnitude += std::fabs(product);
    }
    scores[j] = query.scale * dot + bias + key_bias;
    has_nan = has_nan || std::isnan(scores[j]) || scores[j] == -kNothing;
    if (scores[j] == kNothing) continue;
    largest = std::max(largest, std::fabs(query.scale) * magnitude + std::fabs(bias) + std::fabs(key_bias));
    maximum = std::max(maximum, scores[j]);
  }

  AttentionReference reference = {std::vector<double>(query.head_dim, 0.0), 0};
  double sum = 0, largest_value = 0;
  for (size_t j = 0; j < query.num_keys; ++j) {
    if (scores[j] == kNothing) continue;  // adds nothing, whatever its value
    const double weight = std::exp(scores[j] - maximum);
    sum += weight;
    for (size_t d = 0; d < query.head_dim; ++d) {
      const double value = query.values[static_cast<ptrdiff_t>(j) * query.value_stride + static_cast<ptrdiff_t>(d)];
      reference.out[d] += weight * value;
      if (std::isfinite(value)) largest_value = std::max(largest_value, std::fabs(value));
    }
  }
  for (double& value : reference.out) {
    if (has_nan) value = std::numeric_limits<double>::quiet_NaN();
    if (maximum != kNothing) value /= sum;
  }

  // The bound of attention.h; denormal products round to multiples of 2^-149.
  const double n = static_cast<double>(query.num_keys);
  const double rescaled = std::floor(std::max(n - 1, 0.0) / kKeyBlock);
  const double score_error = (static_cast<double>(query.head_dim) + 10) * largest;
  const double relative = 2 * score_error + 2 * n + 24 + rescaled * (14 * largest + 18);
  reference.tolerance = unit * relative * largest_value + (n + 2) * 0x1p-149;
  return reference;
}

}  // namespace tidemerge::testing
