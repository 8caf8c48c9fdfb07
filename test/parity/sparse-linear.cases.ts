import type { SparseBinaryWeightSpec } from '../../lib/backend/backend.js';
import { quantizeRow } from '../../lib/backend/reference/sparse-linear.js';
import { type SparseActivations, sparseLinear } from '../../lib/ops/sparse-linear.js';
import { matrix } from '../../lib/tensor/tensor.js';
import type { Bound, ParityCase } from './case.js';
import { Random } from './random.js';
import { forEachElement, sumError, U } from './tolerance.js';

interface Options {
  keepRatio?: number;
  bias?: boolean;
  residual?: boolean;
  activation?: 'none' | 'relu';
  activations?: SparseActivations;
}

export function sparseWeight(
  random: Random,
  out: number,
  inner: number,
  keepRatio: number,
): Omit<SparseBinaryWeightSpec, 'name'> {
  const mask = new Uint8Array(Math.ceil((out * inner) / 8));
  const negative: boolean[] = [];
  for (let i = 0; i < out * inner; i++) {
    if (random.uniform() >= keepRatio) continue;
    mask[i >> 3]! |= 1 << (i & 7);
    negative.push(random.uniform() < 0.5);
  }
  const signs = new Uint8Array(Math.ceil(negative.length / 8));
  for (const [i, bit] of negative.entries()) if (bit) signs[i >> 3]! |= 1 << (i & 7);
  return { kind: 'sparse-binary', shape: [out, inner], mask, signs, alpha: Math.fround(0.5 / Math.sqrt(inner + 1)) };
}

function sparseCase(rows: number, inner: number, out: number, options: Options = {}): ParityCase {
  const { keepRatio = 0.25, bias = false, residual = false, activation = 'none', activations = 'float32' } = options;
  const random = new Random(rows * 1000 + inner * 10 + out);
  const extras = [activations, activation, bias ? 'bias' : '', residual ? 'residual' : ''].filter(Boolean).join(' ');
  const x = random.matrix(rows, inner);
  return {
    name: `sparse_linear [${rows}, ${inner}] to ${out} keeping ${keepRatio} ${extras}`,
    weights: {
      w: sparseWeight(random, out, inner, keepRatio),
      ...(bias ? { bias: { kind: 'vector', dtype: 'float32', shape: [out, 1], data: random.normals(out) } } : {}),
    },
    runs: [residual ? { x, residual: random.matrix(rows, out) } : { x }],
    record: ({ x, w, bias, residual }) => ({ y: sparseLinear(x!, w!, { bias, residual, activation, activations }) }),
    bounds: { y: sparseBound(activations) },
    roles: { x: { per: 1 }, residual: { per: 1 }, y: { per: 1 } },
  };
}

/** Whole numbers are summed exactly; then, as in float32, come the factor, the bias and the residual. */
function sparseBound(activations: SparseActivations): Bound {
  return ({ inputs: { x }, weights: { w, bias }, expected, isa }) => {
    const rows = Array.from({ length: x!.rows }, (_, i) => {
      const row = Float64Array.from(x!.data.subarray(i * x!.cols, (i + 1) * x!.cols));
      return activations === 'int8' ? quantizeRow(row) : { scale: 1, values: row };
    });
    return forEachElement(expected, (y, at) => {
      const { scale, values } = rows[Math.floor(at / expected.cols)]!;
      const j = at % expected.cols;
      let [kept, magnitude, sum] = [0, 0, 0];
      for (const [k, value] of values.entries()) {
        const entry = w!.data[j * x!.cols + k]!;
        if (entry === 0) continue;
        const product = entry * value * scale;
        kept++;
        magnitude += Math.abs(product);
        sum += product;
      }
      const added = Math.abs(bias?.data[j] ?? 0);
      const error =
        activations === 'int8' ? sumError(2, Math.abs(sum) + added, isa) : sumError(kept + 2, magnitude + added, isa);
      return error + U * (Math.abs(sum) + added + Math.abs(y));
    });
  };
}

/** Kept: [+0, -2], [+1], [], [-0]: what is not kept is not read in float32, and spoils the row in int8. */
const specialWeight: Omit<SparseBinaryWeightSpec, 'name'> = {
  kind: 'sparse-binary',
  shape: [4, 3],
  mask: Uint8Array.of(0b00010101, 0b00000010),
  signs: Uint8Array.of(0b1010),
  alpha: 0.5,
};
const specials = (activations: SparseActivations): ParityCase => ({
  name: `sparse_linear of NaN, infinities and denormals in ${activations}`,
  weights: { w: specialWeight },
  runs: [
    { x: matrix(Float32Array.of(NaN, 1, 1, 1, Infinity, 1, Infinity, 1, -Infinity, 1e-40, 0, 0, 0, 0, 0, 1, 2, 3), 3) },
  ],
  record: ({ x, w }) => ({ y: sparseLinear(x!, w!, { activations }) }),
  bounds: { y: sparseBound(activations) },
  roles: { x: { per: 1 }, y: { per: 1 } },
});

const wrongColumns: ParityCase = {
  name: 'sparse_linear of too few columns',
  weights: { w: specialWeight },
  runs: [{ x: matrix(new Float32Array(4), 2) }],
  record: ({ x, w }) => ({ y: sparseLinear(x!, w!) }),
  fails: 'ERR_INVALID_SHAPE',
};

const wrongResidual: ParityCase = {
  ...wrongColumns,
  name: 'sparse_linear with a residual of another shape',
  runs: [{ x: matrix(new Float32Array(3), 3), residual: matrix(new Float32Array(3), 3) }],
  record: ({ x, w, residual }) => ({ y: sparseLinear(x!, w!, { residual }) }),
};

export const cases: ParityCase[] = [
  sparseCase(1, 1, 1, { keepRatio: 1 }),
  sparseCase(0, 4, 3),
  sparseCase(2, 0, 3, { bias: true }),
  sparseCase(5, 7, 0),
  sparseCase(3, 9, 6, { keepRatio: 0 }),
  sparseCase(37, 50, 76, { bias: true, residual: true, activation: 'relu' }),
  sparseCase(131, 110, 35, { keepRatio: 0.1 }),
  sparseCase(1, 350, 50, { keepRatio: 0.5, bias: true }),
  sparseCase(3, 76, 50, { activations: 'int8', bias: true, residual: true, activation: 'relu' }),
  sparseCase(70, 50, 76, { activations: 'int8', residual: true }),
  sparseCase(131, 600, 9, { activations: 'int8', keepRatio: 0.6, bias: true }),
  specials('float32'),
  specials('int8'),
  wrongColumns,
  wrongResidual,
];
