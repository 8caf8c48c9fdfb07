#pragma once

#include <cstddef>
#include <cstdint>

namespace tidemerge {

// One result per element. `out` is exactly one of the inputs or overlaps none. Elements do not influence each other: a
// result is the same at every position and for every count. A NaN gives a NaN. n = 0 touches nothing.
//
// Arithmetic rounds once per operation written, but a * b + c once in all on sets with a fused multiply-add. The
// functions have the error bounds of simd/math.h.
struct ElementwiseKernels {
  using Unary = void (*)(const float* x, float* out, size_t n);
  using Binary = void (*)(const float* a, const float* b, float* out, size_t n);

  Binary add_f32;       // a + b
  Binary sub_f32;       // a - b
  Binary mul_f32;       // a * b
  Binary mul_silu_f32;  // a * silu(b): the gate of a Mamba or gated feed-forward block
  void (*mul_add_f32)(const float* a, const float* b, const float* c, float* out, size_t n);  // a * b + c
  void (*scale_shift_f32)(const float* x, float scale, float shift, float* out, size_t n);    // x * scale + shift
  // x[row] * scale[row] + shift[row], rows of `cols` elements, `x_stride` and `out_stride` elements apart
  void (*scale_shift_rows_f32)(const float* x, ptrdiff_t x_stride, const float* scale, const float* shift, size_t rows,
                               size_t cols, float* out, ptrdiff_t out_stride);
  // x[row] * scale + shift with scale and shift [cols], of the same form
  void (*scale_shift_columns_f32)(const float* x, ptrdiff_t x_stride, const float* scale, const float* shift,
                                  size_t rows, size_t cols, float* out, ptrdiff_t out_stride);

  Unary relu_f32;  // max(x, 0)
  Unary gelu_f32;
  Unary gelu_tanh_f32;
  Unary silu_f32;
  Unary sigmoid_f32;
  Unary tanh_f32;
  Unary exp_f32;
  Unary softplus_f32;

  void (*bf16_from_f32)(const float* x, uint16_t* out, size_t n);  // to nearest even, see base/bf16.h
  void (*f32_from_bf16)(const uint16_t* x, float* out, size_t n);  // exact
};

}  // namespace tidemerge
