#pragma once

#include <cstddef>

namespace tidemerge {

// The functions of simd/math.h over arrays, for tests and benchmarks. `n` is a multiple of 16.
struct MathProbe {
  void (*exp)(const float* x, float* y, size_t n);
  void (*exp_nonpositive)(const float* x, float* y, size_t n);
  void (*exp2_flushing)(const float* x, float* y, size_t n);
  void (*exp2_bounded)(const float* x, float* y, size_t n);
  void (*log)(const float* x, float* y, size_t n);
  void (*log1p)(const float* x, float* y, size_t n);
  void (*tanh)(const float* x, float* y, size_t n);
  void (*erf)(const float* x, float* y, size_t n);
  void (*sigmoid)(const float* x, float* y, size_t n);
  void (*silu)(const float* x, float* y, size_t n);
  void (*softplus)(const float* x, float* y, size_t n);
  void (*gelu)(const float* x, float* y, size_t n);
  void (*gelu_tanh)(const float* x, float* y, size_t n);
};

}  // namespace tidemerge
