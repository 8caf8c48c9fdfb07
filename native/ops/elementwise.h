#pragma once

// One result per element, in the memory of the first input when nobody else needs it. Error bounds of the functions:
// simd/math.h.
//
//     add(a f32 [R, C], b f32 [R, C]) -> f32 [R, C]
//     multiply(a f32 [R, C], b f32 [R, C]) -> f32 [R, C]
//     activation(x f32 [R, C]) {kind} -> f32 [R, C]
//         kind: 'none' | 'relu' | 'gelu' | 'gelu_tanh' | 'silu', as in `linear`
//     scale_shift(x f32 [R, C], scale f32 [R], shift f32 [R]) -> f32 [R, C]
//     scale_shift_columns(x f32 [R, C], scale f32 [C], shift f32 [C]) -> f32 [R, C]
//         x * scale + shift, one scale and one shift per row

#include "ops/operator.h"

namespace tidemerge {

const OperatorInfo& add_operator();
const OperatorInfo& multiply_operator();
const OperatorInfo& activation_operator();
const OperatorInfo& scale_shift_operator();
const OperatorInfo& scale_shift_columns_operator();

}  // namespace tidemerge
