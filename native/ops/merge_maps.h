#pragma once

// What follows a merge. A map i32 [R, 1] gives every old row its new place within its own series.
//
//     unmerge_tokens(tokens f32 [R', C], mergedOffsets i32 [B+1, 1], map i32 [R, 1], offsets i32 [B+1, 1]) -> f32 [R,
//     C] compose_maps(first i32 [R, 1], offsets i32 [B+1, 1], second i32 [R', 1], secondOffsets i32 [B+1, 1]) -> i32
//     [R, 1] reduce_by_map(x f32 [R, C], map i32 [R, 1], offsets i32 [B+1, 1], sizes? f32 [R, 1]) {reduce} -> f32 [R',
//     C]
//         reduce 'mean' (weighted by sizes), 'sum', 'first'; a series has as many new rows as its largest place says
//
// Errors: ERR_INVALID_ARGUMENT for places out of range or left out, ERR_INVALID_SHAPE, ERR_INVALID_DTYPE.

#include "ops/operator.h"

namespace tidemerge {

const OperatorInfo& unmerge_tokens_operator();
const OperatorInfo& compose_maps_operator();
const OperatorInfo& reduce_by_map_operator();

}  // namespace tidemerge
