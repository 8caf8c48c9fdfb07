import type { Call } from './call.js';
import type { ReferenceOperator } from './operator.js';
import { float32 } from './value.js';

export const rmsNorm: ReferenceOperator = {
  inputs: [2, 2],
  outputs: 1,
  attributes: { epsilon: 'number' },
  run: (call) => normalise(call, () => 0),
};

export const layerNorm: ReferenceOperator = {
  inputs: [2, 3],
  outputs: 1,
  attributes: { epsilon: 'number' },
  run: (call) => normalise(call, mean),
};

/** (x - centre) / sqrt(mean((x - centre)²) + epsilon) · weight + bias, row by row. */
function normalise(call: Call, centre: (row: Float64Array) => number) {
  const x = call.input(0, 'x', 'float32');
  const weight = call.floats(1, 'weight', x.cols);
  const bias = call.has(2) ? call.floats(2, 'bias', x.cols) : undefined;
  const epsilon = call.number('epsilon');
  const y = float32(x.rows, x.cols);
  for (let i = 0; i < x.rows; i++) {
    const row = x.data.subarray(i * x.cols, (i + 1) * x.cols);
    const middle = centre(row);
    const deviations = row.map((value) => value - middle);
    const root = Math.sqrt(mean(deviations.map((value) => value * value)) + epsilon);
    deviations.forEach((value, j) => {
      y.data[i * x.cols + j] = (value / root) * weight[j]! + (bias?.[j] ?? 0);
    });
  }
  return [y];
}

export const timeNorm: ReferenceOperator = {
  inputs: [4, 4],
  outputs: 1,
  attributes: { epsilon: 'number' },
  run(call) {
    const x = call.input(0, 'x', 'float32');
    const offsets = call.offsets(1, 'offsets', x.rows);
    const scale = call.list(2, 'scale');
    const shift = call.floats(3, 'shift', scale.length);
    const epsilon = call.number('epsilon');
    const y = float32(x.rows, x.cols);
    for (let b = 0; b + 1 < offsets.length; b++) {
      const first = offsets[b]!;
      const rows = offsets[b + 1]! - first;
      if (rows > scale.length) {
        const got = `${rows} in series ${b}`;
        throw call.error('ERR_INVALID_SHAPE', 'offsets', `at most ${scale.length} rows in a series`, got);
      }
      for (let c = 0; c < x.cols; c++) {
        const column = Float64Array.from({ length: rows }, (_, t) => x.data[(first + t) * x.cols + c]!);
        const middle = mean(column);
        const root = Math.sqrt(mean(column.map((value) => (value - middle) ** 2)) + epsilon);
        column.forEach((value, t) => {
          y.data[(first + t) * x.cols + c] = ((value - middle) / root) * scale[t]! + shift[t]!;
        });
      }
    }
    return [y];
  },
};

function mean(row: Float64Array): number {
  return row.reduce((a, b) => a + b, 0) / row.length;
}
