#pragma once

// Chronos' MeanScaleUniformBins: values to token ids and back.
//
//     mean_scale_tokenize(values f32|f64 [N, 1], offsets i32 [B+1, 1], boundaries f32 [n, 1] ascending)
//         {contextLength, numTokens, numSpecialTokens, eosTokenId}
//         -> ids i32 [T, 1], tokenOffsets i32 [B+1, 1], positions i32 [T, 1], scale f32 [B, 1]
//
// Per series:
//   1. Only its last contextLength values count (missing ones included in the count). L = how many that are.
//   2. Every value is rounded to float32; NaN is a missing value.
//   3. scale = float32(sum / count) of |x| over the observed values, summed in float64 in ascending order;
//      1 if nothing is observed or if that is not > 0.
//   4. Each observed value, in order, gives one token:
//        id = min(number of boundaries b with not (b > x / scale) + numSpecialTokens, numTokens - 1)
//      x / scale is one float32 division. That is torch.bucketize(right=True): a value equal to a boundary lies
//      above it. (An infinite value has x / scale = NaN, which lies above all boundaries, there and here.)
//      position = the value's index among the L values; missing values have no token but keep their position.
//   5. If eosTokenId >= 0 it follows with position L, also for a series without tokens.
//
//     tokens_to_values(ids i32 [R, H], scale f32 [B, 1], centers f32 [n, 1]) {numSpecialTokens} -> f32 [R, H]
//
// R is a multiple of B, R / B rows per series, series after series. One float32 product:
//     centers[clamp(id - numSpecialTokens - 1, 0, n - 1)] * scale[b]

#include "ops/operator.h"

namespace tidemerge {

const OperatorInfo& mean_scale_tokenize_operator();
const OperatorInfo& tokens_to_values_operator();

}  // namespace tidemerge
