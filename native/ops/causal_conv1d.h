#pragma once

// Causal depthwise convolution over a ragged batch; formula, error bounds and special values are those of
// kernels/conv1d/conv1d.h. K channels, W taps, B series.
//
//     causal_conv1d(x f32 [R, *], weight f32 [K, W], offsets i32 [B+1, 1], bias? f32 [K], initialState? f32 [B, K
//     (W-1)])
//         {channels, width, xColumn, activation: none | silu}
//         -> y f32 [R, K], lastState f32 [B, K (W-1)]
//
// x: the K columns from xColumn on. A state holds the last W - 1 inputs of every channel, oldest first.

#include "ops/operator.h"

namespace tidemerge {

const OperatorInfo& causal_conv1d_operator();

}  // namespace tidemerge
