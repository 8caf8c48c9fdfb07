import type { ReferenceOperator } from './operator.js';
import { float32 } from './value.js';

export const embedding: ReferenceOperator = {
  inputs: [2, 2],
  outputs: 1,
  run(call) {
    const ids = call.vector(0, 'ids', 'int32');
    const table = call.isWeight(1) ? call.weight(1, 'table', 'table') : call.input(1, 'table', 'float32');
    const y = float32(ids.rows, table.cols);
    ids.data.forEach((id, i) => {
      if (id < 0 || id >= table.rows) {
        throw call.error('ERR_INVALID_ARGUMENT', 'ids', `ids in [0, ${table.rows})`, id);
      }
      y.data.set(table.data.subarray(id * table.cols, (id + 1) * table.cols), i * table.cols);
    });
    return [y];
  },
};
