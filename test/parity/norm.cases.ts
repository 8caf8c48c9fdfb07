import { layerNorm, rmsNorm, timeNorm } from '../../lib/ops/norm.js';
import { matrix } from '../../lib/tensor/tensor.js';
import type { Bound, ParityCase } from './case.js';
import { offsetsOf, Random, total } from './random.js';
import { forEachElement, rowAt, TINY, U } from './tolerance.js';

const EPSILON = 1e-6;

/**
 * Squares are summed without cancellation: cols + 1 roundings; the root halves them; the quotient, the product with the
 * weight and the rounding of the mean, of epsilon and of the root itself add a few.
 */
const rmsBound: Bound = ({ inputs, expected }) => {
  const relative = (inputs.x!.cols + 12) * U;
  return forEachElement(expected, (y) => relative * Math.abs(y) + TINY);
};

interface Gated {
  readonly rows: number;
  readonly cols: number;
  readonly groups: number;
  readonly normBeforeGate: boolean;
  /** Columns in front of the gate. */
  readonly column: number;
}

/**
 * The stated error of silu and the rounding of the product reach the root too where they come first: at most the
 * largest of the part's relative errors.
 */
function gatedBound({ cols, groups, normBeforeGate, column }: Gated): Bound {
  const width = cols / groups;
  return ({ inputs, expected }) => {
    const gate = inputs.gate!;
    const open = (at: number) => {
      const z = gate.data[Math.floor(at / cols) * gate.cols + column + (at % cols)]!;
      return (5 + 1.25 * Math.max(0, -z)) * 2 * U + U;
    };
    return forEachElement(expected, (y, at) => {
      const part = Array.from({ length: width }, (_, j) => open(at - (at % width) + j));
      const relative = open(at) + (normBeforeGate ? 0 : Math.max(...part)) + (width + 12) * U;
      return 1.01 * relative * Math.abs(y) + TINY;
    });
  };
}

function gatedCase(sizes: Gated): ParityCase {
  const { rows, cols, groups, normBeforeGate, column } = sizes;
  const random = new Random(rows * 100 + cols);
  return {
    name: `rms norm of [${rows}, ${cols}] in ${groups}, gated ${normBeforeGate ? 'after' : 'before'}`,
    weights: { weight: vector(random, cols) },
    runs: [{ x: random.matrix(rows, cols), gate: random.matrix(rows, cols + column) }],
    record: ({ x, weight, gate }) => {
      const view = column === 0 ? gate! : { tensor: gate!, column };
      return { y: rmsNorm(x!, weight!, { epsilon: EPSILON, gate: view, groups, normBeforeGate }) };
    },
    bounds: { y: gatedBound(sizes) },
    roles: { x: { per: 1 }, gate: { per: 1 }, y: { per: 1 } },
  };
}

/** The error of the mean moves every deviation, and through them the root. */
const layerBound: Bound = ({ inputs, weights, expected }) => {
  const { cols, data } = inputs.x!;
  return forEachElement(expected, (y, at) => {
    const row = rowAt(inputs.x!, at);
    const mean = row.reduce((a, b) => a + b, 0) / cols;
    const root = Math.sqrt(row.reduce((sum, x) => sum + (x - mean) ** 2, 0) / cols + EPSILON);
    const shift = (cols + 3) * 2 * U * row.reduce((largest, x) => Math.max(largest, Math.abs(x)), 0);
    const scaled = Math.abs(data[at]! - mean) / root;
    const weight = Math.abs(weights.weight!.data[at % cols]!);
    const relative = shift / root + (cols + 12) * U;
    return weight * (shift / root + scaled * relative) + 2 * U * (Math.abs(y) + weight * scaled) + TINY;
  });
};

function vector(random: Random, n: number) {
  return { kind: 'vector', dtype: 'float32', shape: [n, 1], data: random.normals(n) } as const;
}

function normCase(kind: 'rms' | 'layer', rows: number, cols: number, scale = 1): ParityCase {
  const random = new Random(rows * 100 + cols);
  return {
    name: `${kind} norm of [${rows}, ${cols}] of size ${scale}`,
    weights: {
      weight: vector(random, cols),
      ...(kind === 'layer' && cols % 2 === 1 ? { bias: vector(random, cols) } : {}),
    },
    runs: [{ x: random.matrix(rows, cols, scale) }],
    record: ({ x, weight, bias }) => ({
      y:
        kind === 'rms'
          ? rmsNorm(x!, weight!, { epsilon: EPSILON })
          : layerNorm(x!, weight!, { epsilon: EPSILON, bias }),
    }),
    bounds: { y: kind === 'rms' ? rmsBound : layerBound },
    roles: { x: { per: 1 }, y: { per: 1 } },
  };
}

/** As of layerNorm, down the columns: `place` is a row's place in its series. */
const timeBound: Bound = ({ inputs, weights, expected }) => {
  const { cols, data } = inputs.x!;
  const offsets = inputs.offsets!.data as Int32Array;
  return forEachElement(expected, (y, at) => {
    const row = Math.floor(at / cols);
    const b = offsets.findLastIndex((offset) => offset <= row);
    const rows = offsets[b + 1]! - offsets[b]!;
    const column = Array.from({ length: rows }, (_, t) => data[(offsets[b]! + t) * cols + (at % cols)]!);
    const mean = column.reduce((sum, x) => sum + x, 0) / rows;
    const root = Math.sqrt(column.reduce((sum, x) => sum + (x - mean) ** 2, 0) / rows + EPSILON);
    const shift = (rows + 3) * 2 * U * column.reduce((largest, x) => Math.max(largest, Math.abs(x)), 0);
    const scaled = Math.abs(data[at]! - mean) / root;
    const scale = Math.abs(weights.scale!.data[row - offsets[b]!]!);
    const relative = shift / root + (rows + 12) * U;
    return scale * (shift / root + scaled * relative) + 2 * U * (Math.abs(y) + scale * scaled) + TINY;
  });
};

function timeCase(lengths: readonly number[], cols: number, size = 1): ParityCase {
  const random = new Random(total(lengths) + cols);
  const steps = Math.max(...lengths, 0) + 1;
  const scale = vector(random, steps);
  scale.data[0] = 0; // as a pruned norm has it
  return {
    name: `time norm of series of ${lengths} rows of ${cols} of size ${size}`,
    weights: { scale, shift: vector(random, steps) },
    runs: [{ x: random.matrix(total(lengths), cols, size), offsets: offsetsOf(lengths) }],
    record: ({ x, offsets, scale, shift }) => ({
      y: timeNorm(x!, { offsets: offsets!, scale: scale!, shift: shift! }, { epsilon: EPSILON }),
    }),
    bounds: { y: timeBound },
    roles: { x: { rowsOf: 'offsets' }, offsets: { offsets: true }, y: { rowsOf: 'offsets' } },
  };
}

const wrong = normCase('rms', 2, 3);

export const cases: ParityCase[] = [
  ...(['rms', 'layer'] as const).flatMap((kind) => [
    normCase(kind, 1, 1),
    normCase(kind, 3, 7),
    normCase(kind, 4, 64),
    normCase(kind, 300, 67),
    normCase(kind, 2, 33, 1e4),
    normCase(kind, 2, 33, 1e-4),
    normCase(kind, 0, 5),
    normCase(kind, 2, 513),
  ]),
  timeCase([5, 0, 1, 9], 7),
  timeCase([70], 67),
  timeCase([40, 51], 33, 1e4),
  timeCase([3], 0),
  timeCase([], 5),
  {
    ...timeCase([3], 4),
    name: 'time norm of a series beyond the steps',
    runs: timeCase([5], 4).runs,
    fails: 'ERR_INVALID_SHAPE',
  },
  gatedCase({ rows: 5, cols: 7, groups: 1, normBeforeGate: false, column: 0 }),
  gatedCase({ rows: 70, cols: 66, groups: 2, normBeforeGate: false, column: 3 }),
  gatedCase({ rows: 4, cols: 24, groups: 8, normBeforeGate: true, column: 9 }),
  {
    ...wrong,
    name: 'rms norm with its own input as the gate',
    record: ({ x, weight }) => ({ y: rmsNorm(x!, weight!, { epsilon: EPSILON, gate: x!, normBeforeGate: true }) }),
    bounds: {
      y: (context) => {
        const sizes = { rows: 2, cols: 3, groups: 1, normBeforeGate: true, column: 0 };
        return gatedBound(sizes)({ ...context, inputs: { ...context.inputs, gate: context.inputs.x! } });
      },
    },
  },
  {
    ...gatedCase({ rows: 4, cols: 6, groups: 1, normBeforeGate: false, column: 0 }),
    name: 'rms norm with a gate of other rows',
    runs: [{ x: new Random(1).matrix(4, 6), gate: new Random(2).matrix(3, 6) }],
    fails: 'ERR_INVALID_SHAPE',
  },
  {
    ...wrong,
    name: 'rms norm of NaN and zeros',
    runs: [{ x: matrix(Float32Array.of(1, NaN, 1, 0, 0, 0, 1, 2, 3), 3) }],
  },
  {
    ...wrong,
    name: 'rms norm with a weight of another length',
    runs: [{ x: new Random(1).matrix(2, 4) }],
    fails: 'ERR_INVALID_SHAPE',
  },
];
