#pragma once

// Small integers that describe a ragged batch.
//
//     uniform_offsets(offsets i32 [B+1, 1], count i32 [1, 1]) -> i32 [B+1, 1]      0, count, 2*count, …
//     fill_ids(offsets i32 [B+1, 1], count i32 [1, 1]) {value} -> i32 [B*count, 1]   every one is `value`
//
// Of `offsets` only the number of series counts.

#include "ops/operator.h"

namespace tidemerge {

const OperatorInfo& uniform_offsets_operator();
const OperatorInfo& fill_ids_operator();

}  // namespace tidemerge
