#pragma once

#include <cstddef>

namespace tidemerge {

// Normalisation of rows of `cols` floats. `out` is exactly x with the same stride, or overlaps it nowhere. `weight` and
// `bias`, [cols] each, may be null for one and zero. A row's result depends on the row alone. A NaN in a row makes the
// row NaN; cols = 0 touches nothing.
//
//   rms_norm     out = x / sqrt(mean(x^2) + eps) * weight                   (T5, Mamba; no mean is taken away)
//   layer_norm   out = (x - mean(x)) / sqrt(var(x) + eps) * weight + bias   var is that of the population
//
// Sums are f32 in several lanes, in an order that depends on `cols` alone (simd/row.h); the variance is summed in a
// second pass about the mean, so it does not cancel. Errors, with s = (cols / (4 lanes) + 8) 2^-24 and 4 to 16 lanes by
// set:
//   rms_norm     relative 2^-22 + s/2
//   layer_norm   (2^-22 + s/2) |out| for the scale, s mean|x| / sqrt(var + eps) |weight| for the mean, 2^-23 |bias|
// Squares that overflow (|x| above 2^63) make the row zero.
//
// time_norm is layer_norm down every column instead (the rows are the steps of one series), with a scale and a shift
// for every row, [rows] each:
//
//   time_norm    out[r, c] = (x[r, c] - mean_c) / sqrt(var_c + eps) * scale[r] + shift[r]
//
// A column's result depends on the column alone; its sums have one accumulator, in ascending order. Error as of
// layer_norm with s = (rows + 4) 2^-24, and scale and shift in the places of weight and bias. rows = 0 touches nothing.
struct NormKernels {
  void (*rms_norm_f32)(const float* x, ptrdiff_t x_stride, const float* weight, float eps, size_t rows, size_t cols,
                       float* out, ptrdiff_t out_stride);
  void (*layer_norm_f32)(const float* x, ptrdiff_t x_stride, const float* weight, const float* bias, float eps,
                         size_t rows, size_t cols, float* out, ptrdiff_t out_stride);
  void (*time_norm_f32)(const float* x, ptrdiff_t x_stride, const float* scale, const float* shift, float eps,
                        size_t rows, size_t cols, float* out, ptrdiff_t out_stride);
};

}  // namespace tidemerge
