import { TidemergeError } from '../../errors.js';
import type { Attributes } from '../backend.js';
import type { Call } from './call.js';
import type { ReferenceOperator } from './operator.js';
import { erfc, sigmoid } from './special.js';
import { float32 } from './value.js';

const ACTIVATIONS: Readonly<Record<string, (x: number) => number>> = {
  none: (x) => x,
  relu: (x) => Math.max(x, 0),
  gelu: (x) => gated(x, 0.5 * erfc(-x / Math.SQRT2)),
  // (1 + tanh(z)) / 2 = sigmoid(2z), which does not cancel for negative z.
  gelu_tanh: (x) => gated(x, sigmoid(2 * Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  silu: (x) => gated(x, sigmoid(x)),
};

/** x · gate; a gate that has closed wins over an infinite x, as the limit does. */
function gated(x: number, gate: number): number {
  return gate === 0 ? 0 : x * gate;
}

export function activationFunction(kind: string): (x: number) => number {
  return ACTIVATIONS[kind]!;
}

export function checkActivation(op: string, name: string, kind: unknown): void {
  if (!Object.hasOwn(ACTIVATIONS, kind as string)) {
    const names = Object.keys(ACTIVATIONS).join(', ');
    throw new TidemergeError('ERR_INVALID_ARGUMENT', `${op}: attribute ${name}: expected one of ${names}, got ${kind}`);
  }
}

function combine(f: (a: number, b: number) => number): ReferenceOperator {
  return {
    inputs: [2, 2],
    outputs: 1,
    run(call: Call) {
      const a = call.input(0, 'a', 'float32');
      const b = call.shaped(1, 'b', a.rows, a.cols, 'float32');
      return [
        float32(
          a.rows,
          a.cols,
          a.data.map((value, i) => f(value, b.data[i]!)),
        ),
      ];
    },
  };
}

export const add = combine((a, b) => a + b);
export const multiply = combine((a, b) => a * b);

export const activation: ReferenceOperator = {
  inputs: [1, 1],
  outputs: 1,
  attributes: { kind: 'string' },
  check: (attributes: Attributes) => checkActivation('activation', 'kind', attributes.kind),
  run(call) {
    const x = call.input(0, 'x', 'float32');
    return [float32(x.rows, x.cols, x.data.map(activationFunction(call.string('kind'))))];
  },
};

export const scaleShift: ReferenceOperator = {
  inputs: [3, 3],
  outputs: 1,
  run(call) {
    const x = call.input(0, 'x', 'float32');
    const scale = call.floats(1, 'scale', x.rows);
    const shift = call.floats(2, 'shift', x.rows);
    const y = x.data.map((value, i) => {
      const row = Math.floor(i / x.cols);
      return value * scale[row]! + shift[row]!;
    });
    return [float32(x.rows, x.cols, y)];
  },
};

export const scaleShiftColumns: ReferenceOperator = {
  inputs: [3, 3],
  outputs: 1,
  run(call) {
    const x = call.input(0, 'x', 'float32');
    const scale = call.floats(1, 'scale', x.cols);
    const shift = call.floats(2, 'shift', x.cols);
    return [
      float32(
        x.rows,
        x.cols,
        x.data.map((value, i) => value * scale[i % x.cols]! + shift[i % x.cols]!),
      ),
    ];
  },
};

export const softmax: ReferenceOperator = {
  inputs: [1, 1],
  outputs: 1,
  run(call) {
    const x = call.input(0, 'x', 'float32');
    const y = float32(x.rows, x.cols);
    for (let i = 0; i < x.rows; i++) {
      const row = x.data.subarray(i * x.cols, (i + 1) * x.cols);
      const largest = row.reduce((a, b) => Math.max(a, b), -Infinity);
      // Nothing but -infinity: there is nothing to distribute weight over, and the row stays zero.
      if (largest === -Infinity) continue;
      const exponentials = row.map((value) => Math.exp(value - largest));
      const total = exponentials.reduce((a, b) => a + b, 0);
      y.data.set(
        exponentials.map((e) => e / total),
        i * x.cols,
      );
    }
    return [y];
  },
};
