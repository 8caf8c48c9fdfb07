import { type SelectiveScanInputs, selectiveScan } from '../../lib/ops/selective-scan.js';
import { matrix, type TensorData } from '../../lib/tensor/tensor.js';
import type { BoundContext, ParityCase, Symbols, Tensors } from './case.js';
import { offsetsOf, Random, total } from './random.js';
import { scanBounds } from './selective-scan-bound.js';

interface Sizes {
  readonly lengths: readonly number[];
  readonly dInner: number;
  readonly dState: number;
  /** Of B and C; 0: constant in time. */
  readonly groups: readonly [number, number];
}

const SMALL: Sizes = { lengths: [5, 0, 1, 40], dInner: 6, dState: 4, groups: [1, 1] };
const OPTIONAL = ['D', 'z', 'deltaBias', 'initialState'] as const;

function inputsOf({ lengths, dInner, dState, groups }: Sizes, optional: readonly string[] = OPTIONAL): Tensors {
  const random = new Random(dInner * 100 + dState);
  const rows = total(lengths);
  const negative = random.matrix(dInner, dState);
  const factor = (count: number) => (count === 0 ? random.matrix(dInner, dState) : random.matrix(rows, count * dState));
  const all: Record<string, TensorData> = {
    u: random.matrix(rows, dInner),
    delta: random.matrix(rows, dInner),
    A: { ...negative, data: Float32Array.from(negative.data, (value) => -Math.abs(value)) },
    B: factor(groups[0]),
    C: factor(groups[1]),
    offsets: offsetsOf(lengths),
    D: random.vector(dInner),
    z: random.matrix(rows, dInner),
    deltaBias: random.vector(dInner),
    initialState: random.matrix(lengths.length, dInner * dState),
  };
  const names = Object.keys(all).filter((name) => !(OPTIONAL as readonly string[]).includes(name));
  return Object.fromEntries([...names, ...optional].map((name) => [name, all[name]!]));
}

function record({ dInner, dState, groups }: Sizes, symbols: Symbols, deltaSoftplus = true): Symbols {
  const factor = (tensor: Symbols[string], count: number) =>
    count === 0 ? { constant: tensor! } : { varying: tensor!, groups: count };
  const inputs = { ...symbols, B: factor(symbols.B!, groups[0]), C: factor(symbols.C!, groups[1]) };
  return { ...selectiveScan(inputs as unknown as SelectiveScanInputs, { dInner, dState, deltaSoftplus }) };
}

function scanCase(name: string, sizes: Sizes, inputs = inputsOf(sizes), deltaSoftplus = true): ParityCase {
  const bounds = (context: BoundContext) => scanBounds(context, { ...sizes, deltaSoftplus });
  const rows = { rowsOf: 'offsets' } as const;
  const [B, C] = sizes.groups.map((count) => (count === 0 ? {} : rows));
  return {
    name: `selective_scan ${name}`,
    runs: [inputs],
    record: (symbols) => record(sizes, symbols, deltaSoftplus),
    bounds: { y: (context) => bounds(context).y, lastState: (context) => bounds(context).lastState },
    roles: {
      ...{ u: rows, delta: rows, z: rows, y: rows },
      ...(sizes.groups[0] ? { B: B as typeof rows } : {}),
      ...(sizes.groups[1] ? { C: C as typeof rows } : {}),
      offsets: { offsets: true },
      initialState: { per: 1 },
      lastState: { per: 1 },
    },
  };
}

function failing(name: string, change: Tensors, sizes = SMALL): ParityCase {
  const { runs, ...rest } = scanCase(`refuses ${name}`, sizes);
  return { ...rest, runs: [{ ...runs[0], ...change }], fails: 'ERR_INVALID_SHAPE' };
}

/** Values of one wide tensor, as a projection makes them: u, delta, B and C side by side. */
function columnsCase(): ParityCase {
  const sizes: Sizes = { ...SMALL, groups: [2, 2] };
  const { dInner, dState } = sizes;
  const inputs = inputsOf(sizes, []);
  const parts = ['u', 'delta', 'B', 'C'].map((name) => inputs[name]!);
  const width = total(parts.map(({ cols }) => cols));
  const wide = new Float32Array(total(sizes.lengths) * width);
  let column = 0;
  for (const { data, cols } of parts) {
    for (const [i, value] of data.entries()) wide[Math.floor(i / cols) * width + column + (i % cols)] = value;
    column += cols;
  }
  const { bounds } = scanCase('', sizes);
  const restored = (context: BoundContext) => ({ ...context, inputs });
  return {
    name: 'selective_scan of columns',
    runs: [{ wide: matrix(wide, width), A: inputs.A!, offsets: inputs.offsets! }],
    record: ({ wide: tensor, A, offsets }) => {
      const at = (from: number) => ({ tensor: tensor!, column: from });
      const groups = 2;
      const B = { varying: at(2 * dInner), groups };
      const C = { varying: at(2 * dInner + groups * dState), groups };
      const scan = { u: at(0), delta: at(dInner), A: A!, B, C, offsets: offsets! };
      return { ...selectiveScan(scan, { dInner, dState, deltaSoftplus: true }) };
    },
    bounds: {
      y: (context) => bounds!.y!(restored(context)),
      lastState: (context) => bounds!.lastState!(restored(context)),
    },
  };
}

/** A NaN reaches the later steps of its own channel and series, and nothing else. */
function nanCase(): ParityCase {
  const inputs = inputsOf(SMALL);
  const u = Float32Array.from(inputs.u!.data);
  u[3 * SMALL.dInner + 2] = NaN;
  return scanCase('of a NaN', SMALL, { ...inputs, u: matrix(u, SMALL.dInner) });
}

const random = new Random(7);

export const cases: ParityCase[] = [
  scanCase('of a ragged batch', SMALL),
  scanCase('bare', SMALL, inputsOf(SMALL, []), false),
  scanCase('with 16 states and many channels', { lengths: [70, 33], dInner: 147, dState: 16, groups: [1, 1] }),
  scanCase('with 64 states', { lengths: [20], dInner: 9, dState: 64, groups: [1, 1] }),
  scanCase('in groups', { lengths: [9, 12], dInner: 12, dState: 3, groups: [3, 3] }),
  scanCase('with groups of B only', { lengths: [9], dInner: 4, dState: 8, groups: [4, 1] }),
  scanCase('with B and C constant', { lengths: [9, 2], dInner: 5, dState: 4, groups: [0, 0] }),
  scanCase('with C constant', { lengths: [9, 2], dInner: 6, dState: 4, groups: [2, 0] }),
  scanCase('of no rows', { ...SMALL, lengths: [0, 0] }),
  columnsCase(),
  nanCase(),
  failing('a delta of other rows', { delta: random.matrix(3, 6) }),
  failing('an A of other states', { A: random.matrix(6, 5) }),
  failing('a B of too few columns', { B: random.matrix(46, 7) }, { ...SMALL, groups: [2, 2] }),
  failing('a state of another shape', { initialState: random.matrix(4, 6) }),
];
