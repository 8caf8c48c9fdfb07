#pragma once

// Normalisation of rows. A row's result depends on that row alone; error bounds are those of kernels/norm/norm.h and
// kernels/softmax/softmax.h.
//
//     rms_norm(x f32 [R, C], weight f32 [C], gate? f32 [R, *]) {epsilon, groups, normBeforeGate, gateColumn} -> f32 [R,
//     C]
//         x / sqrt(mean(x^2) + epsilon) * weight, the mean over each of `groups` equal parts of a row. The gate g, C
//         columns from gateColumn on, gives rms_norm(x silu(g)), with normBeforeGate rms_norm(x) silu(g)
//     layer_norm(x f32 [R, C], weight f32 [C], bias? f32 [C]) {epsilon} -> f32 [R, C]
//         (x - mean(x)) / sqrt(var(x) + epsilon) * weight + bias
//     time_norm(x f32 [R, C], offsets i32 [B+1, 1], scale f32 [T], shift f32 [T]) {epsilon} -> f32 [R, C]
//         (x - mean) / sqrt(var + epsilon) * scale[t] + shift[t] down every column of a series, t being the row's place
//         in its series of at most T rows. A column of a series depends on that column alone.
//     softmax(x f32 [R, C]) -> f32 [R, C]
//         exp(x - max) / sum of that, over the columns

#include "ops/operator.h"

namespace tidemerge {

const OperatorInfo& rms_norm_operator();
const OperatorInfo& layer_norm_operator();
const OperatorInfo& time_norm_operator();
const OperatorInfo& softmax_operator();

}  // namespace tidemerge
