import { meanScaleTokenize, tokensToValues } from '../../lib/ops/tokenize.js';
import { int32, matrix, type TensorData } from '../../lib/tensor/tensor.js';
import type { ParityCase } from './case.js';
import { offsetsOf, Random } from './random.js';
import { gappySeries } from './values.js';

const ROLES = {
  values: { rowsOf: 'offsets' },
  offsets: { offsets: true },
  ids: { rowsOf: 'tokenOffsets' },
  tokenOffsets: { offsets: true },
  positions: { rowsOf: 'tokenOffsets' },
  scale: { per: 1 },
} as const;

/** Uniform bins over [-limit, limit] with open ends. */
function boundaries(bins: number, limit: number): Float32Array<ArrayBuffer> {
  const inner = Array.from({ length: bins - 1 }, (_, i) => -limit + (2 * limit * (i + 0.5)) / (bins - 1));
  return Float32Array.of(-1e20, ...inner, 1e20);
}

function tokenizeCase(what: string, values: TensorData, lengths: readonly number[], eosTokenId?: number): ParityCase {
  return {
    name: `mean_scale_tokenize of ${what} in ${values.dtype}${eosTokenId === undefined ? '' : ' with an end'}`,
    weights: { boundaries: { kind: 'vector', dtype: 'float32', shape: [40, 1], data: boundaries(39, 3) } },
    runs: [{ values, offsets: offsetsOf(lengths) }],
    record: ({ values, offsets, boundaries }) => {
      const options = { contextLength: 32, numTokens: 41, numSpecialTokens: 2, eosTokenId };
      const tokens = meanScaleTokenize(values!, offsets!, boundaries!, options);
      return { ids: tokens.ids, tokenOffsets: tokens.offsets, positions: tokens.positions, scale: tokens.scale };
    },
    roles: ROLES,
  };
}

/** Scale 1, and every value on a boundary. */
const onBoundaries: ParityCase = {
  ...tokenizeCase('values on boundaries', matrix(Float64Array.of(0.5, -0.5, 1.5, -1.5, 1, -1)), [6]),
  weights: {
    boundaries: {
      kind: 'vector',
      dtype: 'float32',
      shape: [9, 1],
      data: Float32Array.of(-2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2),
    },
  },
};

const random = new Random(3);
const lengths = [5, 0, 33, 1, 200];
const series = gappySeries(random, lengths);
const special = Float64Array.of(Infinity, 1, -Infinity, 2, 1e-320, 1e-45, 1e300, 1, 0, -0, 0, NaN, NaN, 1e-40, -1e-40);
const specialLengths = [2, 2, 2, 2, 3, 2, 2];

const ids = matrix(
  Int32Array.from({ length: 6 * 9 }, () => random.below(80) - 10),
  9,
);
const scale = matrix(Float32Array.of(0.3, 1e20, 7));
const valuesCase: ParityCase = {
  name: 'tokens_to_values',
  weights: { centers: { kind: 'vector', dtype: 'float32', shape: [39, 1], data: random.normals(39) } },
  runs: [{ ids, scale }],
  record: ({ ids, scale, centers }) => ({ y: tokensToValues(ids!, scale!, centers!, { numSpecialTokens: 2 }) }),
  roles: { ids: { per: 2 }, scale: { per: 1 }, y: { per: 2 } },
};

export const cases: ParityCase[] = [
  tokenizeCase('series with gaps', matrix(series), lengths),
  tokenizeCase('series with gaps', matrix(series), lengths, 1),
  tokenizeCase('series with gaps', matrix(Float32Array.from(series)), lengths, 1),
  tokenizeCase('special values', matrix(special), specialLengths, 1),
  tokenizeCase('special values', matrix(Float32Array.from(special)), specialLengths),
  onBoundaries,
  tokenizeCase('nothing', matrix(new Float64Array(0)), [], 1),
  {
    ...tokenizeCase('too few values', matrix(new Float64Array(3)), [5]),
    fails: 'ERR_INVALID_ARGUMENT',
  },
  {
    ...tokenizeCase('integers', int32(1, 2), [2]),
    // Recording would refuse it.
    record: ({ values, offsets, boundaries }) => {
      const attributes = { contextLength: 32, numTokens: 41, numSpecialTokens: 2, eosTokenId: -1 };
      const outputs = Array.from({ length: 4 }, () => ({ dtype: 'int32' }) as const);
      const inputs = [values, offsets, boundaries];
      return { ids: values!.builder.apply('mean_scale_tokenize', inputs, attributes, outputs)[0]! };
    },
    fails: 'ERR_INVALID_DTYPE',
  },
  valuesCase,
  {
    ...valuesCase,
    name: 'tokens_to_values of the largest ids',
    runs: [{ ids: int32(2 ** 31 - 1, -(2 ** 31), 0), scale: matrix(Float32Array.of(1, 2, 3)) }],
    roles: { ids: { per: 1 }, scale: { per: 1 }, y: { per: 1 } },
  },
  {
    ...valuesCase,
    name: 'tokens_to_values of nothing',
    runs: [{ ids: matrix(new Int32Array(0), 9), scale: matrix(new Float32Array(0)) }],
    roles: {},
  },
  {
    ...valuesCase,
    name: 'tokens_to_values of too many scales',
    runs: [{ ids, scale: matrix(new Float32Array(4)) }],
    fails: 'ERR_INVALID_SHAPE',
  },
];
