import { TidemergeError } from '../../errors.js';
import type { Call } from './call.js';
import type { ReferenceOperator } from './operator.js';
import { float32, int32Vector, uint8, type Value, zerosOf } from './value.js';

const ANY = ['float32', 'float64', 'int32', 'uint8'] as const;

/** The given rows of x, in that order, from column `from` up to, but not including, `to`. */
function pick(x: Value, indices: ArrayLike<number>, from = 0, to = x.cols): Value {
  const y = zerosOf(x.dtype, indices.length, to - from);
  for (let i = 0; i < indices.length; i++) {
    const start = indices[i]! * x.cols;
    y.data.set(x.data.subarray(start + from, start + to), i * y.cols);
  }
  return y;
}

export const columns: ReferenceOperator = {
  inputs: [1, 1],
  outputs: 1,
  attributes: { from: 'integer', to: 'integer' },
  check({ from, to }) {
    if (!((from as number) >= 0 && (to as number) >= (from as number))) {
      throw new TidemergeError(
        'ERR_INVALID_ARGUMENT',
        `columns: attributes from, to: expected 0 <= from <= to, got ${from} and ${to}`,
      );
    }
  },
  run(call) {
    const x = call.input(0, 'x', ...ANY);
    const to = call.number('to');
    if (to > x.cols) throw call.error('ERR_INVALID_SHAPE', 'x', `at least ${to} columns`, x.cols);
    const rows = Array.from({ length: x.rows }, (_, i) => i);
    return [pick(x, rows, call.number('from'), to)];
  },
};

export const gatherRows: ReferenceOperator = {
  inputs: [2, 2],
  outputs: 1,
  run(call) {
    const x = call.input(0, 'x', ...ANY);
    const indices = call.vector(1, 'indices', 'int32').data;
    for (const index of indices) {
      if (index < 0 || index >= x.rows) {
        throw call.error('ERR_INVALID_ARGUMENT', 'indices', `indices in [0, ${x.rows})`, index);
      }
    }
    return [pick(x, indices)];
  },
};

export const repeatRows: ReferenceOperator = {
  inputs: [2, 2],
  outputs: 1,
  run(call) {
    const x = call.input(0, 'x', ...ANY);
    const count = call.scalar(1, 'count', 0);
    return [
      pick(
        x,
        Array.from({ length: x.rows * count }, (_, i) => Math.floor(i / count)),
      ),
    ];
  },
};

export const appendRow: ReferenceOperator = {
  inputs: [5, 5],
  outputs: 3,
  run(call) {
    const { x, offsets, positions, batch } = ragged(call);
    const counts = call.shaped(3, 'counts', batch, 1, 'int32').data;
    const row = call.input(4, 'row', 'float32');
    if (row.cols !== x.cols || (row.rows !== 1 && row.rows !== batch)) {
      const each = batch === 1 ? '' : ` or [${batch}, ${x.cols}]`;
      throw call.error('ERR_INVALID_SHAPE', 'row', `[1, ${x.cols}]${each}`, `[${row.rows}, ${row.cols}]`);
    }
    const y = float32(x.rows + batch, x.cols);
    const newPositions: number[] = [];
    const newOffsets = offsets.map((offset, b) => offset + b);
    for (let b = 0; b < batch; b++) {
      const end = offsets[b + 1]!;
      y.data.set(x.data.subarray(offsets[b]! * x.cols, end * x.cols), newOffsets[b]! * x.cols);
      const from = row.rows === 1 ? 0 : b * x.cols;
      y.data.set(row.data.subarray(from, from + x.cols), (newOffsets[b + 1]! - 1) * x.cols);
      newPositions.push(...positions.subarray(offsets[b], end), counts[b]!);
    }
    return [y, int32Vector(newOffsets), int32Vector(newPositions)];
  },
};

export const padRows: ReferenceOperator = {
  inputs: [4, 4],
  outputs: 2,
  run(call) {
    const { x, offsets, positions, batch } = ragged(call);
    const length = call.scalar(3, 'length', 0);
    const y = float32(batch * length, x.cols);
    const mask = uint8(batch * length, 1);
    for (let b = 0; b < batch; b++) {
      for (let i = offsets[b]!; i < offsets[b + 1]!; i++) {
        const position = positions[i]!;
        if (position < 0 || position >= length) {
          throw call.error('ERR_INVALID_ARGUMENT', 'positions', `positions in [0, ${length})`, position);
        }
        const to = b * length + position;
        mask.data[to] = 1;
        y.data.set(x.data.subarray(i * x.cols, (i + 1) * x.cols), to * x.cols);
      }
    }
    return [y, mask];
  },
};

function ragged(call: Call) {
  const x = call.input(0, 'x', 'float32');
  const offsets = call.offsets(1, 'offsets', x.rows);
  const positions = call.shaped(2, 'positions', x.rows, 1, 'int32').data as Int32Array;
  return { x, offsets, positions, batch: offsets.length - 1 };
}
