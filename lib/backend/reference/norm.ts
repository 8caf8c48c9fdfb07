import { TidemergeError } from '../../errors.js';
import type { Call } from './call.js';
import type { ReferenceOperator } from './operator.js';
import { silu } from './special.js';
import { type FloatValue, float32, shapeText } from './value.js';

export const rmsNorm: ReferenceOperator = {
  inputs: [2, 3],
  outputs: 1,
  attributes: { epsilon: 'number', groups: 'integer', normBeforeGate: 'boolean', gateColumn: 'integer' },
  check({ groups, gateColumn }) {
    if ((groups as number) < 1) throw tooSmall('groups', 1, groups);
    if ((gateColumn as number) < 0) throw tooSmall('gateColumn', 0, gateColumn);
  },
  run(call) {
    const x = call.input(0, 'x', 'float32');
    const groups = call.number('groups');
    if (x.cols % groups !== 0) throw call.error('ERR_INVALID_SHAPE', 'x', `a multiple of ${groups} columns`, x.cols);
    const weight = call.floats(1, 'weight', x.cols);
    const gate = call.has(2) ? gateOf(call, x) : undefined;
    const before = call.boolean('normBeforeGate');
    const given = gate && !before ? x.data.map((value, i) => value * gate[i]!) : x.data;
    const width = x.cols / groups;
    const y = float32(x.rows, x.cols);
    for (let from = 0; from < given.length; from += width) {
      const part = given.subarray(from, from + width);
      const root = Math.sqrt(mean(part.map((value) => value * value)) + call.number('epsilon'));
      part.forEach((value, j) => {
        const at = from + j;
        y.data[at] = (value / root) * weight[at % x.cols]! * (gate && before ? gate[at]! : 1);
      });
    }
    return [y];
  },
};

/** silu(gate), in the shape of x. */
function gateOf(call: Call, x: FloatValue): Float64Array {
  const gate = call.input(2, 'gate', 'float32');
  const column = call.number('gateColumn');
  if (gate.rows !== x.rows || gate.cols < column + x.cols) {
    throw call.error('ERR_INVALID_SHAPE', 'gate', `[${x.rows}, at least ${column + x.cols}]`, shapeText(gate));
  }
  return x.data.map((_, i) => {
    const row = Math.floor(i / x.cols);
    return silu(gate.data[row * gate.cols + column + (i - row * x.cols)]!);
  });
}

export const layerNorm: ReferenceOperator = {
  inputs: [2, 3],
  outputs: 1,
  attributes: { epsilon: 'number' },
  run(call) {
    const x = call.input(0, 'x', 'float32');
    const weight = call.floats(1, 'weight', x.cols);
    const bias = call.has(2) ? call.floats(2, 'bias', x.cols) : undefined;
    const y = float32(x.rows, x.cols);
    for (let i = 0; i < x.rows; i++) {
      const row = x.data.subarray(i * x.cols, (i + 1) * x.cols);
      const middle = mean(row);
      const deviations = row.map((value) => value - middle);
      const root = Math.sqrt(mean(deviations.map((value) => value * value)) + call.number('epsilon'));
      deviations.forEach((value, j) => {
        y.data[i * x.cols + j] = (value / root) * weight[j]! + (bias?.[j] ?? 0);
      });
    }
    return [y];
  },
};

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

function tooSmall(name: string, least: number, got: unknown): TidemergeError {
  const message = `rms_norm: attribute ${name}: expected at least ${least}, got ${got}`;
  return new TidemergeError('ERR_INVALID_ARGUMENT', message);
}
