#pragma once

// sparse_chain(x f32 [R, N_0], then for every stage s: w sparse-binary [N_s, N_(s-1)], bias? f32 [N_s])
//   {activations, relus: list [stages] of 0 or 1, residuals: list [stages]} -> f32 [R, N of the last stage]
//
//     stage s:  relu?(alpha · (Σ kept with + - Σ kept with -) + bias) + residual
//
// residuals: -1 none, 0 x, i the result of stage i (counted from 1, earlier than this one). What sparse_linear, one per
// stage, would give, bit for bit; a panel of rows goes through all stages before the next one begins. A row of the
// result depends on that row of x only.

#include "ops/operator.h"

namespace tidemerge {

const OperatorInfo& sparse_chain_operator();

}  // namespace tidemerge
