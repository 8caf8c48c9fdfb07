#pragma once

// Drawing a token from logits, and the distribution it is drawn from.
//
//     sample_tokens(logits f32 [R, V], keys i32 [B, 2], seed i32 [2, 1], step i32 [1, 1], numSamples i32 [1, 1])
//         {temperature, topK, topP, forbidden} -> i32 [R, 1]            R = B * numSamples
//     sampling_distribution(logits f32 [R, V]) {temperature, topK, topP, forbidden} -> f32 [R, V]
//
// Attributes: temperature > 0; topK >= 0, 0 = off; topP in (0, 1], 1 = off; forbidden: ids in [0, V), maybe empty.
//
// Rule, per row (the order of the Hugging Face generate() processors):
//   1. z[i] = logit[i] / temperature, one float32 division (temperature rounded to float32 first).
//      Forbidden ids are out; so are ids with z = -infinity.
//   2. top-k, if 0 < topK < number of ids left: t = the topK-th largest z; ids with z < t are out. All ids that
//      tie with t stay, so more than topK may be left.
//   3. e[i] = exp(z[i] - max), max over the ids left; subtraction and result in float32.
//   4. top-p, if topP < 1: order the ids left by descending e, ties by descending id. total = float64 sum of e in
//      ascending id order. An id stays if the float64 sum of the e before it in that order is < topP * total
//      (so the first always stays, and the set is the smallest whose probability reaches topP).
//      topP is used as given, in float64; in which order a backend adds those e is left open (1e-16).
//   5. total = float64 sum of e over the ids left, in ascending id order.
// sampling_distribution: float32(e[i] / total), the division in float64; exactly 0 for ids that are out.
// sample_tokens: target = u * total in float64; walk the ids left in ascending order adding e in float64; the first
//   id whose running sum is > target is the token. u < 1, so there is one, and an id with e = 0 is never drawn.
//   u is the draw of random.h for row r: series b = floor(r / numSamples), sample = r mod numSamples,
//   step = the input, key = mix(seed, keys[b]). So a row depends on its own logits only.
//
// Backends differ only in exp (last bits), so a token differs with probability of about 1e-7.
// Selection takes O(V): nothing is sorted but the neighbourhood of the top-p border.
//
// Errors: ERR_BAD_DATA if a row has NaN or +infinity, or nothing is left of it; ERR_INVALID_ARGUMENT for
// attributes and forbidden ids out of range and for numSamples < 1; ERR_INVALID_SHAPE.

#include "ops/operator.h"

namespace tidemerge {

const OperatorInfo& sample_tokens_operator();
const OperatorInfo& sampling_distribution_operator();

}  // namespace tidemerge
