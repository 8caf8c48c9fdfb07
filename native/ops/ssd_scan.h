#pragma once

// Recurrence of a Mamba-2 layer over a ragged batch (Dao and Gu, arXiv 2405.21060); formula, error bounds and special
// values are those of kernels/ssd/ssd.h. H heads of P channels, N states, B series, G groups.
//
//     ssd_scan(x f32 [R, *], dt f32 [R, *], A f32 [H], B f32 [R, *], C f32 [R, *], offsets i32 [B+1, 1],
//              D? f32 [H] or [H P], z? f32 [R, *], dtBias? f32 [H], initialState? f32 [B, H P N])
//         {heads, headDim, states, groups, softplus, dtMin, dtMax, xColumn, dtColumn, bColumn, cColumn, zColumn}
//         -> y f32 [R, H P], lastState f32 [B, H P N]
//
// x and z: the H P columns from their `…Column` on, head by head; dt: H columns; B and C: G N columns, head h belonging
// to group floor(h G / H). A state is (h P + p) N + n.

#include "ops/operator.h"

namespace tidemerge {

const OperatorInfo& ssd_scan_operator();

}  // namespace tidemerge
