#pragma once

// linear(x f32 [R, K], w matrix [N, K], bias? f32 [N], residual? f32 [R, N]) {activation} -> f32 [R, N]
//
//     activation(x · wᵀ + bias) + residual        activation: 'none' | 'relu' | 'gelu' | 'gelu_tanh' | 'silu'
//
// A row of the result depends on that row of x and of residual only, bit for bit, whatever the number of rows and of
// threads: every element is one sum over ascending k (kernels/gemm/gemm.h has the error bound). The result takes
// over the memory of residual when nobody else needs it.

#include "ops/operator.h"

namespace tidemerge {

const OperatorInfo& linear_operator();

// How a product is cut for threads: shares of rows x shares of columns, all but the last of a dimension equal.
// Exposed for tests.
struct LinearSplit {
  size_t rows;     // of a share
  size_t columns;  // of a share, a multiple of the panel width
};
LinearSplit split_linear(size_t m, size_t n, size_t k, size_t row_tile, size_t panel_width, size_t threads);

}  // namespace tidemerge
