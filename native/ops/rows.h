#pragma once

// Moving rows and columns. Values are copied bit by bit, whatever the dtype.
//
//     columns(x [R, C]) {from, to} -> [R, to - from]                 0 <= from <= to <= C
//     gather_rows(x [R, C], indices i32 [K, 1]) -> [K, C]            row k = x[indices[k]]
//     repeat_rows(x [R, C], count i32 [1, 1]) -> [R*count, C]        each row count times in a row
//     pad_rows(x f32 [R, C], offsets i32 [B+1, 1], positions i32 [R, 1], length i32 [1, 1])
//         -> f32 [B*length, C], mask u8 [B*length, 1]                row b*length + positions[r] = x[r], mask 1;
//                                                                    zeros and mask 0 where no row says so
//     write_column(target f32|i32 [R, H], values [R, 1], index i32 [1, 1]) -> [R, H]
//                                                                    target with column `index` replaced; in place
//                                                                    when the target is not needed any more
//     zeros(offsets i32 [B+1, 1], count i32 [1, 1], columns i32 [1, 1]) {dtype} -> [B*count, columns]
//                                                                    dtype: 'float32' | 'int32'
//
// Errors: ERR_INVALID_ARGUMENT for indices, positions, counts out of range, ERR_INVALID_SHAPE, ERR_INVALID_DTYPE.

#include "ops/operator.h"

namespace tidemerge {

const OperatorInfo& columns_operator();
const OperatorInfo& gather_rows_operator();
const OperatorInfo& repeat_rows_operator();
const OperatorInfo& pad_rows_operator();
const OperatorInfo& write_column_operator();
const OperatorInfo& zeros_operator();

}  // namespace tidemerge
