#pragma once

// sparse_linear(x f32 [R, K], w sparse-binary [N, K], bias? f32 [N], residual? f32 [R, N]) {activation, activations}
//   -> f32 [R, N]
//
//     activation(alpha · (Σ kept with + - Σ kept with -) + bias) + residual       activation: 'none' | 'relu'
//
// activations: 'float32' sums x as it is, 'int8' whole numbers of a scale for each row. Formulas, error bounds, NaN:
// kernels/sparse_binary/sparse_binary.h. A row of the result depends on that row of x and of residual only, bit for
// bit, whatever the number of rows and of threads; which layout of the weights is read, where several give the same
// bits, is chosen by the number of rows. The result takes over the memory of residual when nobody else needs it.

#include "ops/operator.h"

namespace tidemerge {

const OperatorInfo& sparse_linear_operator();

}  // namespace tidemerge
