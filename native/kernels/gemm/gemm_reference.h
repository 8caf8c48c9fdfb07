#pragma once

// The product in double precision, with the error an f32 kernel may have.

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "base/bf16.h"
#include "kernels/gemm/gemm.h"
#include "kernels/kernel_set.h"

namespace tidemerge::testing {

inline double activation_reference(Activation activation, double x) {
  switch (activation) {
    case Activation::kNone: return x;
    case Activation::kRelu: return x > 0 ? x : std::isnan(x) ? x : 0.0;
    case Activation::kGelu: return 0.5 * x * std::erfc(-x * 0.7071067811865476);
    case Activation::kGeluTanh: return 0.5 * x * (1.0 + std::tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)));
    case Activation::kSilu: return x / (1.0 + std::exp(-x));
  }
  return x;
}

// The set `avx512_bf16` multiplies bf16 by bf16 and knows no denormals; the others multiply f32.
inline bool rounds_activations(const KernelSet& set) { return std::string(set.name) == "avx512_bf16"; }
inline bool rounds_products(const KernelSet& set) { return std::string(set.name) == "baseline"; }

inline float as_bf16_operand(float x) {
  if (std::fabs(x) < std::numeric_limits<float>::min()) return std::copysign(0.0f, x);
  return f32_from_bf16(bf16_from_f32(x));
}

struct ReferenceValue {
  double value;
  double tolerance;
};

// Row `a` times row `w` (k values each, as the kernel sees them), then the epilogue for one element.
inline ReferenceValue reference_element(const KernelSet& set, WeightType type, const float* a, const float* w, size_t k,
                                        double bias, Activation activation, double residual) {
  const double unit = rounds_products(set) ? 0x1p-23 : 0x1p-24;
  const bool pairs = type == WeightType::kBf16 && rounds_activations(set);
  double sum = 0, magnitude = 0;
  for (size_t i = 0; i < k; ++i) {
    const double x = pairs ? as_bf16_operand(a[i]) : a[i];
    sum += x * w[i];
    magnitude += std::fabs(x * w[i]);
  }
  const double roundings = static_cast<double>(k) * unit;
  double error = roundings / (1 - roundings) * magnitude;
  error += static_cast<double>(k) * 0x1p-126;  // flushed or rounded denormals
  const double biased = sum + bias;
  error += 0x1p-24 * (std::fabs(biased) + error);
  double value = activation_reference(activation, biased);
  if (activation != Activation::kNone && activation != Activation::kRelu) {
    // Every activation has a slope below 1.13; its own error is a few units of its argument.
    error = 1.13 * error + 4 * 0x1p-23 * std::fabs(biased);
  }
  value += residual;
  error += 0x1p-24 * (std::fabs(value) + error);
  return {value, error};
}

}  // namespace tidemerge::testing
