#pragma once

// Selective scan of state-space models over a ragged batch (Gu and Dao, arXiv 2312.00752); formula, error bounds and
// special values are those of kernels/scan/scan.h. K channels, N states, B series, G groups.
//
//     selective_scan(u f32 [R, *], delta f32 [R, *], A f32 [K, N], B f32, C f32, offsets i32 [B+1, 1], D? f32 [K],
//                    z? f32 [R, *], deltaBias? f32 [K], initialState? f32 [B, K N])
//         {channels, states, softplus, channelsFirst?, uColumn, deltaColumn, zColumn, bGroups, bColumn, cGroups,
//         cColumn}
//         -> y f32 [R, K], lastState f32 [B, K N]
//
// u, delta and z: the K columns from their `…Column` on. B with bGroups = G >= 1: [R, *], group g being the N columns
// from bColumn + g N on; channel c belongs to group floor(c G / K). With bGroups = 0: [K, N] for all steps. C likewise.
// With channelsFirst u, delta, z and y are [B K, T], one channel of one series a row, and all series have T rows of B
// and C.
// Where both have groups, their numbers are equal or one of them is 1. A state is channel-major: c N + n.

#include "ops/operator.h"

namespace tidemerge {

const OperatorInfo& selective_scan_operator();

}  // namespace tidemerge
