import { activation, add, multiply, scaleShift, scaleShiftColumns, softmax } from '../../lib/ops/elementwise.js';
import type { Activation } from '../../lib/ops/linear.js';
import { matrix } from '../../lib/tensor/tensor.js';
import type { ParityCase, Tensors } from './case.js';
import { Random } from './random.js';
import { activationError, exponentialError, forEachElement, rowAt, TINY, U } from './tolerance.js';

const ROWS = { a: { per: 1 }, b: { per: 1 }, x: { per: 1 }, scale: { per: 1 }, shift: { per: 1 }, y: { per: 1 } };

function pairCase(name: string, op: typeof add, rows: number, cols: number): ParityCase {
  const random = new Random(rows + cols);
  return {
    name: `${name} of [${rows}, ${cols}]`,
    runs: [{ a: random.matrix(rows, cols), b: random.matrix(rows, cols) }],
    record: ({ a, b }) => ({ y: op(a!, b!) }),
    roles: ROWS,
  };
}

const special = matrix(Float32Array.of(NaN, Infinity, -Infinity, 0, -0, 1e-40, -1e-40, 3.4e38, -3.4e38, 1));
const reversed = matrix(special.data.toReversed());

function activationCase(kind: Activation, x: Tensors['x'], what: string): ParityCase {
  return {
    name: `${kind} of ${what}`,
    runs: [{ x: x! }],
    record: ({ x }) => ({ y: activation(x!, kind) }),
    bounds: {
      y: ({ inputs, expected }) => forEachElement(expected, (y, i) => activationError(kind, inputs.x!.data[i]!, y, 0)),
    },
    roles: ROWS,
  };
}

/** Numbers over all of an activation's interesting range, and an odd count of them. */
const sweep = matrix(Float32Array.from({ length: 1001 }, (_, i) => (i - 500) / 40));
const activationSpecials = matrix(Float32Array.of(NaN, Infinity, -Infinity, 0, 1e-40, -1e-40, 1e-30, 3.4e38, -3.4e38));

function softmaxCase(rows: number, cols: number, scale: number): ParityCase {
  return {
    name: `softmax of [${rows}, ${cols}] of size ${scale}`,
    runs: [{ x: new Random(rows + cols).matrix(rows, cols, scale) }],
    record: ({ x }) => ({ y: softmax(x!) }),
    bounds: {
      y: ({ inputs, expected }) => {
        return forEachElement(expected, (p, i) => {
          const below = Math.max(...rowAt(inputs.x!, i)) - inputs.x!.data[i]!;
          // The argument's rounding, the exponential, those of the sum (where large arguments weigh most), the sum.
          const relative = below * U + exponentialError(below) + exponentialError(1) + U + (cols + 2) * U;
          return relative * p + 2 * TINY;
        });
      },
    },
    roles: ROWS,
  };
}

function scaleShiftCase(rows: number, cols: number, by: 'row' | 'column' = 'row'): ParityCase {
  const random = new Random(rows * cols);
  const [op, count] = by === 'row' ? [scaleShift, rows] : [scaleShiftColumns, cols];
  return {
    name: `scale_shift by ${by} of [${rows}, ${cols}]`,
    runs: [{ x: random.matrix(rows, cols), scale: random.vector(count), shift: random.vector(count) }],
    record: ({ x, scale, shift }) => ({ y: op(x!, scale!, shift!) }),
    bounds: {
      y: ({ inputs, expected }) =>
        forEachElement(expected, (y, i) => {
          const product = inputs.x!.data[i]! * inputs.scale!.data[by === 'row' ? Math.floor(i / cols) : i % cols]!;
          return U * (Math.abs(product) + Math.abs(y));
        }),
    },
    roles: by === 'row' ? ROWS : { x: { per: 1 }, y: { per: 1 } },
  };
}

export const cases: ParityCase[] = [
  ...[
    ['add', add],
    ['multiply', multiply],
  ].flatMap(([name, op]) => [
    pairCase(name as string, op as typeof add, 1, 1),
    pairCase(name as string, op as typeof add, 3, 17),
    pairCase(name as string, op as typeof add, 0, 4),
    pairCase(name as string, op as typeof add, 211, 129),
    {
      ...pairCase(name as string, op as typeof add, 1, 1),
      name: `${name} of special values`,
      runs: [{ a: special, b: reversed }],
    },
    {
      ...pairCase(name as string, op as typeof add, 1, 1),
      name: `${name} of two shapes`,
      runs: [{ a: matrix(new Float32Array(4), 2), b: matrix(new Float32Array(4), 1) }],
      fails: 'ERR_INVALID_SHAPE',
    } as const,
  ]),
  ...(['none', 'relu', 'gelu', 'gelu_tanh', 'silu'] as const).flatMap((kind) => [
    activationCase(kind, sweep, 'a sweep'),
    activationCase(kind, activationSpecials, 'special values'),
    activationCase(kind, new Random(5).matrix(130, 200, 3), 'a large matrix'),
  ]),
  softmaxCase(1, 1, 1),
  softmaxCase(3, 37, 1),
  softmaxCase(2, 300, 20),
  softmaxCase(150, 65, 3),
  softmaxCase(0, 5, 1),
  scaleShiftCase(1, 1),
  scaleShiftCase(5, 19),
  scaleShiftCase(170, 130),
  scaleShiftCase(3, 0),
  scaleShiftCase(5, 19, 'column'),
  scaleShiftCase(0, 4, 'column'),
  {
    ...scaleShiftCase(2, 3, 'column'),
    name: 'scale_shift by scales of too few columns',
    runs: [{ ...scaleShiftCase(2, 3, 'column').runs[0], scale: matrix(new Float32Array(2)) }],
    fails: 'ERR_INVALID_SHAPE',
  },
  {
    ...scaleShiftCase(2, 3),
    name: 'scale_shift by too few scales',
    runs: [{ ...scaleShiftCase(2, 3).runs[0], scale: matrix(new Float32Array(1)) }],
    fails: 'ERR_INVALID_SHAPE',
  },
];
