#pragma once

// window_attention(q f32 [2, *], k f32 [2, *], v f32 [2, *], keyState, valueState, place i32 [1, 1])
//     {numHeads, headDim, scale, past, queryColumn, keyColumn, valueColumn} -> f32 [2, numHeads * headDim]
//
// Step-T attention of a window that moves on step by step. Row 0 is the step as the newest of its window: its query
// attends to the last `past` steps, or to as many as there are, and not to itself. Row 1 is the same step as a past
// one, which sees itself alone: its result is its own value. Key and value of row 1 are kept for the steps to come.
//
// The step's place is 0 at first, which makes the states ready and forgets what they held. The places 1, 2, ... follow;
// after place 2 * past + 1 comes past + 1 again. A call changes nothing that the same call, once more, would miss.
//
// A result depends on the steps of its window alone, bit for bit, wherever they stand in the states; formulas and
// error bound: kernels/window_attention/window_attention.h. What the states hold is the operator's own business.
//
// Errors: ERR_INVALID_ARGUMENT for a place outside [0, 2 * past + 1] and for states that are used twice,
// ERR_INVALID_SHAPE if place 0 did not make the states.

#include "ops/operator.h"

namespace tidemerge {

const OperatorInfo& window_attention_operator();

}  // namespace tidemerge
