import { type SamplingOptions, sampleTokens, samplingDistribution, seriesKeys } from '../../lib/ops/sample.js';
import { int32, matrix, type TensorData } from '../../lib/tensor/tensor.js';
import type { Bound, ParityCase } from './case.js';
import { offsetsOf, Random } from './random.js';
import { exponentialError, forEachElement, rowAt, TINY, U } from './tolerance.js';
import { gappySeries } from './values.js';

const OPTIONS: SamplingOptions[] = [
  {},
  { forbidden: [1, 0, 7] },
  { temperature: 0.7 },
  { topK: 5 },
  { topK: 50, temperature: 1.3, forbidden: [1] },
  { topP: 0.9 },
  { topP: 0.3, temperature: 2 },
  { topK: 20, topP: 0.8, temperature: 0.5, forbidden: [1] },
  { topK: 1 },
];

/**
 * Probabilities are quotients of exponentials: each has its error, and so has their sum, where those of likely ids weigh
 * most. Filtered ones are exactly zero on both sides.
 */
const distributionBound: Bound = ({ expected }) =>
  forEachElement(expected, (p, i) => {
    if (p === 0) return 0;
    const below = Math.log(Math.max(...rowAt(expected, i)) / p);
    return (exponentialError(below) + exponentialError(1) + 4 * U) * p + 2 * TINY;
  });

function distributionCase(logits: TensorData, options: SamplingOptions, what = ''): ParityCase {
  return {
    name: `sampling_distribution of [${logits.rows}, ${logits.cols}] ${JSON.stringify(options)}${what}`,
    runs: [{ logits }],
    record: ({ logits }) => ({ y: samplingDistribution(logits!, options) }),
    bounds: { y: distributionBound },
    roles: { logits: { per: 1 }, y: { per: 1 } },
  };
}

function tokensCase(batch: number, numSamples: number, vocabulary: number, options: SamplingOptions): ParityCase {
  const random = new Random(batch * 31 + vocabulary);
  const keys = matrix(
    Int32Array.from({ length: 2 * batch }, () => random.below(2 ** 32) | 0),
    2,
  );
  const logits = random.matrix(batch * numSamples, vocabulary, 3);
  return {
    name: `sample_tokens of ${numSamples} samples of ${batch} series, ${vocabulary} ids ${JSON.stringify(options)}`,
    runs: [0, 1, 63].map((step) => ({
      logits,
      keys,
      seed: int32(-5, 77),
      step: int32(step),
      numSamples: int32(numSamples),
    })),
    record: ({ logits, keys, seed, step, numSamples }) => ({
      y: sampleTokens({ logits: logits!, keys: keys!, seed: seed!, step: step!, numSamples: numSamples! }, options),
    }),
    roles: { logits: { per: numSamples }, keys: { per: 1 }, y: { per: numSamples } },
  };
}

const random = new Random(12);
const logits = random.matrix(7, 300, 3);
/** Many equal logits: what ties do must be the same everywhere. */
const ties = matrix(
  Float32Array.from({ length: 120 }, () => random.below(4)),
  40,
);
const excluded = matrix(
  Float32Array.from({ length: 60 }, (_, i) => (i % 3 === 0 ? -Infinity : random.normal())),
  20,
);
const far = matrix(Float32Array.of(0, -50, -80, -86, -100, -200, -3e38, 3e-39), 8);
const tokens = tokensCase(2, 3, 10, {});

const lengths = [5, 0, 33, 1, 2];
const series = gappySeries(random, lengths);

function keysCase(values: TensorData, lengths: readonly number[]): ParityCase {
  return {
    name: `series_keys of ${values.dtype} series of ${lengths}`,
    runs: [{ values, offsets: offsetsOf(lengths) }],
    record: ({ values, offsets }) => ({ y: seriesKeys(values!, offsets!) }),
    roles: { values: { rowsOf: 'offsets' }, offsets: { offsets: true }, y: { per: 1 } },
  };
}

export const cases: ParityCase[] = [
  ...OPTIONS.map((options) => distributionCase(logits, options)),
  distributionCase(random.matrix(60, 4096, 2), { topK: 50 }),
  distributionCase(ties, { topK: 5 }, ' with ties'),
  distributionCase(ties, { topP: 0.5 }, ' with ties'),
  distributionCase(ties, { topK: 7, topP: 0.7, forbidden: [3, 4] }, ' with ties'),
  distributionCase(excluded, { topK: 30 }, ' with -infinity'),
  distributionCase(excluded, { topP: 0.95 }, ' with -infinity'),
  distributionCase(far, {}, ' far apart'),
  distributionCase(random.matrix(3, 1), { topK: 3 }, ''),
  distributionCase(matrix(new Float32Array(0), 5), {}),
  { ...distributionCase(matrix(Float32Array.of(1, NaN), 2), {}, ' with NaN'), fails: 'ERR_BAD_DATA' },
  { ...distributionCase(matrix(Float32Array.of(1, Infinity), 2), {}, ' with infinity'), fails: 'ERR_BAD_DATA' },
  { ...distributionCase(matrix(Float32Array.of(1, 2), 2), { forbidden: [0, 1] }), fails: 'ERR_BAD_DATA' },
  { ...distributionCase(matrix(Float32Array.of(1, 2), 2), { forbidden: [2] }), fails: 'ERR_INVALID_ARGUMENT' },
  ...OPTIONS.map((options) => tokensCase(3, 20, 300, options)),
  tokensCase(1, 1, 4096, {}),
  tokensCase(1, 1, 1, {}),
  tokensCase(5, 4, 700, { topK: 50 }),
  {
    ...tokens,
    name: 'sample_tokens of a part of a series',
    runs: [{ ...tokens.runs[0], numSamples: int32(4) }],
    fails: 'ERR_INVALID_SHAPE',
  },
  {
    ...tokens,
    name: 'sample_tokens of no samples',
    runs: [{ ...tokens.runs[0], numSamples: int32(0) }],
    fails: 'ERR_INVALID_ARGUMENT',
  },
  keysCase(matrix(series), lengths),
  keysCase(matrix(Float32Array.from(series)), lengths),
  keysCase(matrix(Float64Array.of(-0, 0, NaN, -NaN, Infinity, 1e-320)), [1, 1, 1, 1, 2]),
  keysCase(matrix(new Float64Array(0)), []),
];
