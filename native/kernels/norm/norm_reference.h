#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

namespace tidemerge::reference {

inline std::vector<double> rms_norm(const float* x, const float* weight, double eps, size_t cols) {
  double sum = 0;
  for (size_t i = 0; i < cols; ++i) sum += static_cast<double>(x[i]) * x[i];
  const double scale = 1.0 / std::sqrt(sum / static_cast<double>(cols) + eps);
  std::vector<double> out(cols);
  for (size_t i = 0; i < cols; ++i) out[i] = x[i] * scale * (weight != nullptr ? weight[i] : 1.0);
  return out;
}

struct LayerNorm {
  std::vector<double> out;
  double mean_magnitude = 0;  // mean of |x|: what the error of the mean is proportional to
  double scale = 0;           // 1 / sqrt(var + eps)
};

inline LayerNorm layer_norm(const float* x, const float* weight, const float* bias, double eps, size_t cols) {
  LayerNorm result;
  double mean = 0;
  double variance = 0;
  for (size_t i = 0; i < cols; ++i) {
    mean += x[i];
    result.mean_magnitude += std::fabs(static_cast<double>(x[i]));
  }
  mean /= static_cast<double>(cols);
  result.mean_magnitude /= static_cast<double>(cols);
  for (size_t i = 0; i < cols; ++i) variance += (x[i] - mean) * (x[i] - mean);
  variance /= static_cast<double>(cols);
  result.scale = 1.0 / std::sqrt(variance + eps);
  result.out.resize(cols);
  for (size_t i = 0; i < cols; ++i) {
    result.out[i] =
        (x[i] - mean) * result.scale * (weight != nullptr ? weight[i] : 1.0) + (bias != nullptr ? bias[i] : 0.0);
  }
  return result;
}

}  // namespace tidemerge::reference
