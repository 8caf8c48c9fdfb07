#pragma once

#include <cstddef>

namespace tidemerge {

// One number per row: rows of `cols` floats, `stride` elements apart, results in out[0..rows).
//
// Sums run in several lanes in an order that depends on `cols` alone (simd/row.h), so a row's result does not depend on
// its neighbours. Their error is at most (cols / (4 lanes) + 4 + log2 lanes) 2^-24 times the sum of magnitudes, with 4
// to 16 lanes by set. A NaN in a row gives NaN. Empty rows: sums are 0, the maximum is -inf, the mean NaN.
struct ReduceKernels {
  using Rows = void (*)(const float* x, ptrdiff_t stride, size_t rows, size_t cols, float* out);

  Rows sum_f32;          // sum of x
  Rows mean_f32;         // sum of x / cols
  Rows sum_squares_f32;  // sum of x^2; squares beyond the largest float are infinite
  Rows max_f32;
};

}  // namespace tidemerge
