import { TidemergeError } from '../../errors.js';
import type { Call } from './call.js';
import type { ReferenceOperator } from './operator.js';
import { float32, int32, int32Vector, type Value } from './value.js';

function batchOf(call: Call): number {
  return call.offsetsOnly(0, 'offsets').rows - 1;
}

export const uniformOffsets: ReferenceOperator = {
  inputs: [2, 2],
  outputs: 1,
  run(call) {
    const batch = batchOf(call);
    const count = call.scalar(1, 'count', 0);
    return [int32Vector(Array.from({ length: batch + 1 }, (_, b) => b * count))];
  },
};

export const fillIds: ReferenceOperator = {
  inputs: [2, 2],
  outputs: 1,
  attributes: { value: 'integer' },
  run(call) {
    const rows = batchOf(call) * call.scalar(1, 'count', 0);
    return [int32(rows, 1, new Int32Array(rows).fill(call.number('value')))];
  },
};

export const zeros: ReferenceOperator = {
  inputs: [3, 3],
  outputs: 1,
  attributes: { dtype: 'string' },
  check({ dtype }) {
    if (dtype !== 'float32' && dtype !== 'int32') {
      throw new TidemergeError(
        'ERR_INVALID_ARGUMENT',
        `zeros: attribute dtype: expected one of float32, int32, got ${dtype}`,
      );
    }
  },
  run(call) {
    const rows = batchOf(call) * call.scalar(1, 'count', 0);
    const columns = call.scalar(2, 'columns', 0);
    return [call.string('dtype') === 'int32' ? int32(rows, columns) : float32(rows, columns)];
  },
};

export const writeColumn: ReferenceOperator = {
  inputs: [3, 3],
  outputs: 1,
  run(call) {
    const target = call.input(0, 'target', 'int32', 'float32');
    const values = call.shaped(1, 'values', target.rows, 1, target.dtype);
    const index = call.scalar(2, 'index', 0);
    if (index >= target.cols) {
      throw call.error('ERR_INVALID_ARGUMENT', 'index', `a column in [0, ${target.cols})`, index);
    }
    const data = target.data.slice();
    for (let i = 0; i < target.rows; i++) data[i * target.cols + index] = values.data[i]!;
    return [{ ...target, data } as Value];
  },
};
