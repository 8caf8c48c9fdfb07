#pragma once

// Softmax attention over a ragged batch, all heads.
//
//     attention(q f32 [Rq, *], k f32 [Rk, *] | packed keys, v f32 [Rk, *],
//               queryOffsets i32 [B+1, 1], keyOffsets i32 [B+1, 1],
//               queryPositions? i32 [Rq, 1], keyPositions? i32 [Rk, 1],
//               distanceBias? f32 [heads, 2*D+1], keySizes? f32 [Rk, 1],
//               groups? i32 [Ro, 1], groupOffsets? i32 [B+1, 1], groupPositions? i32 [Ro, 1])
//         {numHeads, headDim, scale, causal, queryColumn, keyColumn, valueColumn, packedKeys}
//         -> f32 [Rq, numHeads*headDim]
//
// Per series and head h, with q the columns queryColumn + h*headDim … of its queries, k and v likewise:
//     score[i, j] = scale * <q[i], k[j]> + distanceBias[h][clamp(keyPosition[j] - queryPosition[i], -D, D) + D]
//                   + log(keySizes[j])
//     out[i]      = sum over j of softmax(score[i])[j] * v[j]
// causal: query i sees the keys with keyPosition[j] <= queryPosition[i]. Absent positions count 0, 1, 2 … in a series.
// A query that sees no key gets zeros. keySizes are counts of merged tokens: a size of 0 takes the key out.
// With groups, tokens are merged ones: original token o of a series (Ro in all, positions groupPositions or 0, 1, 2 …)
// stands in token groups[o], and the bias of a pair is the mean over all pairs of their originals (ops/merged_bias.h).
// Then queries and keys are the same tokens, a distanceBias is given, other positions and causal are not.
// Errors and special values: kernels/attention/attention.h. A series never depends on the ones beside it.
//
//     pack_keys(k f32 [Rk, *], keyOffsets i32 [B+1, 1]) {numHeads, headDim, keyColumn} -> opaque
//
// Keys in the form the kernels read, for attention with packedKeys: true and the same keyOffsets, numHeads and headDim:
// for keys that are attended to many times (cross attention).

#include "ops/operator.h"

namespace tidemerge {

const OperatorInfo& attention_operator();
const OperatorInfo& pack_keys_operator();

}  // namespace tidemerge
