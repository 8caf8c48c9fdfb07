import { ssdScan } from '../../lib/ops/ssd-scan.js';
import { matrix, type TensorData } from '../../lib/tensor/tensor.js';
import type { BoundContext, ParityCase, Symbols, Tensors } from './case.js';
import { offsetsOf, Random, total } from './random.js';
import { scanBounds } from './selective-scan-bound.js';

interface Sizes {
  readonly lengths: readonly number[];
  readonly heads: number;
  readonly headDim: number;
  readonly dState: number;
  readonly groups: number;
  readonly dtSoftplus: boolean;
  readonly dtLimit?: readonly [number, number];
}

const SMALL: Sizes = { lengths: [5, 0, 1, 40], heads: 4, headDim: 3, dState: 4, groups: 2, dtSoftplus: true };
const OPTIONAL = ['D', 'z', 'dtBias', 'initialState'] as const;

function inputsOf({ lengths, heads, headDim, dState, groups }: Sizes, optional: readonly string[] = OPTIONAL): Tensors {
  const random = new Random(heads * 100 + headDim);
  const rows = total(lengths);
  const all: Record<string, TensorData> = {
    x: random.matrix(rows, heads * headDim),
    dt: random.matrix(rows, heads),
    A: matrix(random.normals(heads).map((value) => -Math.abs(value))),
    B: random.matrix(rows, groups * dState),
    C: random.matrix(rows, groups * dState),
    offsets: offsetsOf(lengths),
    D: random.vector(heads),
    z: random.matrix(rows, heads * headDim),
    dtBias: random.vector(heads),
    initialState: random.matrix(lengths.length, heads * headDim * dState),
  };
  const names = Object.keys(all).filter((name) => !(OPTIONAL as readonly string[]).includes(name));
  return Object.fromEntries([...names, ...optional].map((name) => [name, all[name]!]));
}

/** Every number of a row `count` times over. */
function repeated({ data, rows, cols }: TensorData, count: number): TensorData {
  const out = Float32Array.from({ length: data.length * count }, (_, i) => Number(data[Math.floor(i / count)]));
  return matrix(out, cols * count, rows);
}

/** The bounds of the scan in which every channel has step size, decay and skip of its own: the same sums. */
function bounds({ heads, headDim, dState, groups, dtSoftplus, dtLimit }: Sizes) {
  return (context: BoundContext) => {
    const { x, dt, A, B, C, offsets, D, z, dtBias, initialState } = context.inputs;
    const channels = (tensor: TensorData | undefined) => tensor && repeated(tensor, headDim);
    const inputs = {
      ...{ u: x!, delta: repeated(dt!, headDim), A: repeated(A!, headDim * dState), B: B!, C: C!, offsets: offsets! },
      ...(D && { D: D.data.length === heads ? channels(D)! : D }),
      ...(dtBias && { deltaBias: channels(dtBias)! }),
      ...(z && { z }),
      ...(initialState && { initialState }),
    };
    return scanBounds(
      { ...context, inputs },
      {
        ...{ dInner: heads * headDim, dState, groups: [groups, groups], deltaSoftplus: dtSoftplus },
        ...(dtLimit && { limits: dtLimit }),
      },
    );
  };
}

function ssdCase(name: string, sizes: Sizes, inputs = inputsOf(sizes)): ParityCase {
  const rows = { rowsOf: 'offsets' } as const;
  return {
    name: `ssd_scan ${name}`,
    runs: [inputs],
    record: (symbols: Symbols) => ({ ...ssdScan(symbols as unknown as Parameters<typeof ssdScan>[0], sizes) }),
    bounds: { y: (context) => bounds(sizes)(context).y, lastState: (context) => bounds(sizes)(context).lastState },
    roles: {
      ...{ x: rows, dt: rows, z: rows, B: rows, C: rows, y: rows },
      ...{ offsets: { offsets: true }, initialState: { per: 1 }, lastState: { per: 1 } },
    },
  };
}

/** Views of one wide tensor, as a projection and a convolution make them. */
function columnsCase(): ParityCase {
  const inputs = inputsOf(SMALL, ['z']);
  const { heads, headDim, dState, groups, lengths } = SMALL;
  const parts = ['z', 'x', 'B', 'C', 'dt'].map((name) => inputs[name]!);
  const width = total(parts.map(({ cols }) => cols));
  const wide = new Float32Array(total(lengths) * width);
  let column = 0;
  for (const { data, cols } of parts) {
    for (const [i, value] of data.entries()) wide[Math.floor(i / cols) * width + column + (i % cols)] = value;
    column += cols;
  }
  const [channels, factor] = [heads * headDim, groups * dState];
  const restored = (context: BoundContext) => bounds(SMALL)({ ...context, inputs });
  return {
    name: 'ssd_scan of columns',
    runs: [{ wide: matrix(wide, width), A: inputs.A!, offsets: inputs.offsets! }],
    record: ({ wide: tensor, A, offsets }) => {
      const at = (from: number) => ({ tensor: tensor!, column: from });
      const [B, C, dt] = [2 * channels, 2 * channels + factor, 2 * channels + 2 * factor].map(at) as [
        ReturnType<typeof at>,
        ReturnType<typeof at>,
        ReturnType<typeof at>,
      ];
      return { ...ssdScan({ z: at(0), x: at(channels), B, C, dt, A: A!, offsets: offsets! }, SMALL) };
    },
    bounds: { y: (context) => restored(context).y, lastState: (context) => restored(context).lastState },
  };
}

function failing(name: string, change: Tensors): ParityCase {
  const { runs, ...rest } = ssdCase(`refuses ${name}`, SMALL);
  return { ...rest, runs: [{ ...runs[0], ...change }], fails: 'ERR_INVALID_SHAPE' };
}

/** A NaN in a step size reaches the later steps of its head and series, and nothing else. */
function nanCase(): ParityCase {
  const inputs = inputsOf(SMALL);
  const dt = Float32Array.from(inputs.dt!.data);
  dt[8 * SMALL.heads + 1] = NaN;
  return ssdCase('of a NaN', SMALL, { ...inputs, dt: matrix(dt, SMALL.heads) });
}

const random = new Random(8);

export const cases: ParityCase[] = [
  ssdCase('of a ragged batch', SMALL),
  ssdCase('bare', { ...SMALL, dtSoftplus: false }, inputsOf(SMALL, [])),
  ssdCase('of wide heads', { lengths: [33, 4], heads: 2, headDim: 72, dState: 5, groups: 1, dtSoftplus: true }),
  ssdCase('of one head', { lengths: [20], heads: 1, headDim: 9, dState: 64, groups: 1, dtSoftplus: true }),
  ssdCase('with limits', { ...SMALL, dtLimit: [0.5, 1] }),
  ssdCase('with a D for every channel', SMALL, { ...inputsOf(SMALL), D: random.vector(12) }),
  ssdCase('of no rows', { ...SMALL, lengths: [0, 0] }),
  columnsCase(),
  nanCase(),
  failing('steps of other rows', { dt: random.matrix(3, 4) }),
  failing('an A of other heads', { A: random.vector(12) }),
  failing('a D of another length', { D: random.vector(5) }),
  failing('a state of another shape', { initialState: random.matrix(4, 6) }),
];
