import { activationFunction } from '../../lib/backend/reference/elementwise.js';
import { type Activation, linear } from '../../lib/ops/linear.js';
import { float32ToBfloat16 } from '../../lib/tensor/half-floats.js';
import { matrix } from '../../lib/tensor/tensor.js';
import type { Bound, ParityCase, Tensors } from './case.js';
import { Random } from './random.js';
import { activationError, forEachElement, sumError, TINY, U } from './tolerance.js';

interface Options {
  dtype?: 'float32' | 'bfloat16';
  bits?: boolean;
  bias?: boolean;
  residual?: boolean;
  activation?: Activation;
}

function linearCase(rows: number, inner: number, out: number, options: Options = {}): ParityCase {
  const { dtype = 'float32', bits = false, bias = false, residual = false, activation = 'none' } = options;
  const random = new Random(rows * 1000 + inner * 10 + out);
  const w = random.normals(out * inner);
  const data = bits ? float32ToBfloat16(w) : w;
  const extras = [dtype, bits ? 'bits' : '', activation, bias ? 'bias' : '', residual ? 'residual' : ''];
  const x = random.matrix(rows, inner);
  return {
    name: `linear [${rows}, ${inner}] to ${out} ${extras.filter(Boolean).join(' ')}`,
    weights: {
      w: { kind: 'matrix', dtype, shape: [out, inner], data },
      ...(bias ? { bias: { kind: 'vector', dtype: 'float32', shape: [out, 1], data: random.normals(out) } } : {}),
    },
    runs: [residual ? { x, residual: random.matrix(rows, out) } : { x }],
    record: ({ x, w, bias, residual }) => ({ y: linear(x!, w!, { bias, residual, activation }) }),
    bounds: { y: linearBound(activation, dtype) },
    roles: { x: { per: 1 }, residual: { per: 1 }, y: { per: 1 } },
  };
}

function linearBound(activation: Activation, dtype: 'float32' | 'bfloat16'): Bound {
  return ({ inputs, weights, expected, isa }) => {
    const roundsInput = dtype === 'bfloat16' && isa === 'avx512_bf16';
    const act = activationFunction(activation);
    return forEachElement(expected, (y, at) => {
      const { sum, magnitude, inner } = products(inputs, weights, at, expected.cols);
      const bias = weights.bias?.data[at % expected.cols] ?? 0;
      const argument = sum + bias;
      let error = sumError(inner + 1, magnitude + Math.abs(bias), isa);
      // Activations rounded to bfloat16 (8 bits), denormal products and sums taken as zero.
      if (roundsInput) error += 2 ** -8 * magnitude + inner * TINY;
      const value = act(argument);
      return activationError(activation, argument, value, error) + U * (Math.abs(value) + Math.abs(y));
    });
  };
}

function products({ x }: Tensors, { w }: Tensors, at: number, out: number) {
  const inner = x!.cols;
  const row = Math.floor(at / out);
  let sum = 0;
  let magnitude = 0;
  for (let k = 0; k < inner; k++) {
    const product = x!.data[row * inner + k]! * w!.data[(at % out) * inner + k]!;
    sum += product;
    magnitude += Math.abs(product);
  }
  return { sum, magnitude, inner };
}

const special: ParityCase = {
  name: 'linear of NaN, infinities and denormals',
  weights: { w: { kind: 'matrix', dtype: 'float32', shape: [2, 3], data: Float32Array.of(1, 2, 3, 0, 1, -1) } },
  runs: [
    {
      x: matrix(Float32Array.of(NaN, 1, 1, 1, Infinity, 1, 1, Infinity, Infinity, 1e-40, 0, 0, 1, 2, 3), 3),
    },
  ],
  record: ({ x, w }) => ({ y: linear(x!, w!) }),
  bounds: { y: linearBound('none', 'float32') },
  roles: { x: { per: 1 }, y: { per: 1 } },
};

const wrongColumns: ParityCase = {
  name: 'linear of too few columns',
  weights: { w: { kind: 'matrix', dtype: 'float32', shape: [2, 3], data: new Float32Array(6) } },
  runs: [{ x: matrix(new Float32Array(4), 2) }],
  record: ({ x, w }) => ({ y: linear(x!, w!) }),
  fails: 'ERR_INVALID_SHAPE',
};

const wrongResidual: ParityCase = {
  ...wrongColumns,
  name: 'linear with a residual of another shape',
  runs: [{ x: matrix(new Float32Array(3), 3), residual: matrix(new Float32Array(3), 3) }],
  record: ({ x, w, residual }) => ({ y: linear(x!, w!, { residual }) }),
};

export const cases: ParityCase[] = [
  linearCase(1, 1, 1),
  linearCase(1, 7, 5),
  linearCase(5, 16, 16, { bias: true }),
  linearCase(3, 33, 70, { bias: true, residual: true, activation: 'relu' }),
  linearCase(9, 64, 48, { activation: 'gelu', bias: true }),
  linearCase(9, 20, 48, { activation: 'gelu_tanh' }),
  linearCase(9, 20, 48, { activation: 'silu', residual: true }),
  linearCase(131, 96, 100, { bias: true }),
  linearCase(0, 4, 3),
  linearCase(2, 0, 3, { bias: true }),
  linearCase(1, 7, 5, { dtype: 'bfloat16' }),
  linearCase(6, 65, 33, { dtype: 'bfloat16', bits: true, bias: true, residual: true, activation: 'relu' }),
  linearCase(131, 96, 100, { dtype: 'bfloat16', activation: 'gelu' }),
  special,
  wrongColumns,
  wrongResidual,
];
