#pragma once

// Chronos-Bolt's way into the encoder: instance normalisation and patches; and the row that ends each series.
//
//     instance_norm_patch(values f32|f64 [N, 1], offsets i32 [B+1, 1]) {contextLength, patchLength, patchStride}
//         -> patches f32 [P, 2*patchLength], patchOffsets i32 [B+1, 1], positions i32 [P, 1], counts i32 [B, 1],
//            loc f32 [B, 1], scale f32 [B, 1]
//
// Per series:
//   1. Only its last contextLength values count. NaN is a missing value. float64 values keep their precision until loc
//      is taken off them: a small movement on a large level is not rounded away.
//   2. loc   = float32(sum / count) of the observed values; 0 if nothing is observed.
//      scale = float32(sqrt(sum of (x - loc)^2 / count)), x - loc in float64 with the rounded loc; 1 if nothing is
//      observed; 1e-5 (as float32) if that is 0. Sums in float64 in ascending order.
//   3. Missing values are put in front up to a multiple of patchLength: padded length L (0 stays 0).
//   4. counts = L = 0 ? 0 : floor((L - patchLength) / patchStride) + 1. Patch p covers the padded places
//      p*patchStride … p*patchStride + patchLength - 1. (So with a stride that does not divide patchLength the last
//      values may be in no patch, as in the original.)
//   5. Row of a patch: patchLength values (float32(x - loc) / scale, the division in float32, 0 where missing), then
//      patchLength times 1 where observed and 0 where missing.
//   6. Patches without an observed value have no row; the others keep their position p.
// The padding depends on the series alone, never on longer ones beside it.
// An infinite value makes loc and scale of its series infinite or NaN as the arithmetic says; others are untouched.
//
//     append_row(x f32 [R, C], offsets i32 [B+1, 1], positions i32 [R, 1], counts i32 [B, 1], row f32 [1 or B, C])
//         -> x' f32 [R+B, C], offsets' i32 [B+1, 1], positions' i32 [R+B, 1]
// One more row at the end of each series, at position counts[b]: offsets'[b] = offsets[b] + b.

#include "ops/operator.h"

namespace tidemerge {

const OperatorInfo& instance_norm_patch_operator();
const OperatorInfo& append_row_operator();

}  // namespace tidemerge
