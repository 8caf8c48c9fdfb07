#pragma once

// cached_attention(q f32 [R, *], k f32 [R, *], v f32 [R, *], keyState, valueState,
//                  step i32 [1, 1], capacity i32 [1, 1], distanceBias? f32 [heads, 2*D+1])
//     {numHeads, headDim, scale, queryColumn, keyColumn, valueColumn} -> f32 [R, numHeads*headDim]
//
// One step of decoding R independent sequences. Row r's key and value are stored at place `step` of its own cache, then
// its query attends to places 0 … step, as in `attention` with query position `step` and key positions 0 … step: the
// bits are those of one causal attention over the whole sequence.
//
// Step 0 makes the states ready for R rows of `capacity` places and forgets what they held; the steps after it come one
// by one, with the same R and capacity. What the states hold is the operator's own business.
//
// Errors: ERR_INVALID_ARGUMENT for a step outside [0, capacity) or one that does not follow the last, and for states
// that are used twice; ERR_INVALID_SHAPE if the states were made for other rows or another capacity.

#include "ops/operator.h"

namespace tidemerge {

const OperatorInfo& cached_attention_operator();

}  // namespace tidemerge
