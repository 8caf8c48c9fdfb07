#pragma once

#include <cstddef>

namespace tidemerge {

// out[i] = e^(x[i] - max x) / sum over j of e^(x[j] - max x), per row of `cols` floats.
//
// `out` is exactly x with the same stride, or overlaps it nowhere. A row's result depends on the row alone. Elements of
// -inf have no weight; a row of nothing but -inf gives zeros: there is nothing to distribute weight over. A NaN or +inf
// makes its row NaN. Weights below about 2^-126 of the largest are 0.
//
// Error of a weight, relative: (8 + 2 d + cols / (4 lanes)) 2^-23, d = max x - x[i], 4 to 16 lanes by set; so weights
// that matter are exact to a few ulp, and negligible ones as far as the rounding of x - max x allows.
struct SoftmaxKernels {
  void (*softmax_f32)(const float* x, ptrdiff_t x_stride, size_t rows, size_t cols, float* out, ptrdiff_t out_stride);
};

}  // namespace tidemerge
