#pragma once

// Local token merging (arXiv 2405.17951, section 3): see kernels/merge/merge.h for the arithmetic and
// lib/ops/merge-tokens.ts for the rules.
//
//     merge_tokens(x f32 [R, C], offsets i32 [B+1, 1], sizes? f32 [R, 1], metric? f32 [R, F], mask? u8 [R, 1])
//         {rule, amount, k, minTokens, keep, common, similarity, weighted, drop?}
//         -> tokens f32 [R', C], sizes f32 [R', 1], offsets i32 [B+1, 1], map i32 [R, 1], mask u8 [R', 1],
//            last f32 [B, 1], best f32 [P, 1], choice i32 [P, 1], links i32 [R - R', 2];   P = sum of floor(t / 2)
//
// With drop (default false) a merged token is its B token as it was, instead of the mean: a control for experiments.
// Sizes are finite and above 0. A token whose compared row holds a NaN or an infinity takes part in nothing and stays
// as it is. Results are the same for every number of threads.
//
// Errors: ERR_INVALID_ARGUMENT, ERR_INVALID_SHAPE, ERR_INVALID_DTYPE.

#include "ops/operator.h"

namespace tidemerge {

const OperatorInfo& merge_tokens_operator();

}  // namespace tidemerge
