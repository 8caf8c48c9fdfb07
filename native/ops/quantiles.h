#pragma once

// Quantiles, medians and means over sample paths, and Chronos-Bolt's interpolation between trained quantiles.
//
// quantile(v[n], level), the rule of torch.quantile with linear interpolation:
//     NaN if any v is NaN. Otherwise v sorted ascending,
//     rank   = float32(level) * (n - 1), rounded to float32;  below = floor(rank);  weight = rank - below (exact)
//     result = v[below]                                                          if weight = 0
//              float32(v[below] + weight * (v[below + 1] - v[below]))            otherwise, in float64, rounded once
// Levels are in [0, 1]; n >= 1.
//
//     sample_quantiles(samples f32 [B*S, H], levels f32|f64 [L, 1], numSamples i32 [1, 1]) -> f32 [B*H, L]
//         row b*H + h, column l = quantile(samples[b*S … b*S+S-1][h], levels[l])
//     sample_mean(samples, numSamples) -> f32 [B, H]       float32(sum / S), summed in float64 in ascending order
//     sample_median(samples, numSamples) -> f32 [B, H]     sorted v[floor((S - 1) / 2)], the lower of the two middle
//                                                          ones (torch.median); NaN if any is NaN
//
//     interpolate_quantiles(x f32 [B, Q*H], levels f32|f64 [L, 1], trained f32|f64 [Q, 1]) {horizon} -> f32 [B*H, L]
//         H = horizon; x holds per series [Q][H]; row b*H + h, column l:
//         - if every level (as float32) is among the trained ones (as float32), the value of that trained quantile;
//         - if at least one is not, all levels are quantile([first, all Q …, last] of the values at h, level):
//           n = Q + 2 values, where first and last are the values of the first and last trained quantile.
//         (All or none, and the sort: Chronos-Bolt's predict_quantiles. Quantiles that cross are so uncrossed only
//         in the second case.)
//
// Errors: ERR_INVALID_ARGUMENT for a level outside [0, 1] or NaN and for numSamples < 1; ERR_INVALID_SHAPE.

#include "ops/operator.h"

namespace tidemerge {

const OperatorInfo& sample_quantiles_operator();
const OperatorInfo& sample_mean_operator();
const OperatorInfo& sample_median_operator();
const OperatorInfo& interpolate_quantiles_operator();

}  // namespace tidemerge
