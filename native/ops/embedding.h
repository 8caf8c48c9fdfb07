#pragma once

// embedding(ids i32 [R, 1], table [V, C]) -> f32 [R, C]
//
// Row r is row ids[r] of the table; bfloat16 tables are widened, exactly. An id outside [0, V) is
// ERR_INVALID_ARGUMENT.

#include "ops/operator.h"

namespace tidemerge {

const OperatorInfo& embedding_operator();

}  // namespace tidemerge
