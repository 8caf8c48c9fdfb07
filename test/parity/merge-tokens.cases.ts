import type { ErrorCode } from '../../lib/errors.js';
import {
  composeMaps,
  type MergeTokensOptions,
  mergeTokens,
  reduceByMap,
  unmergeTokens,
} from '../../lib/ops/merge-tokens.js';
import { int32, matrix, type TensorData } from '../../lib/tensor/tensor.js';
import type { Bound, ParityCase, Tensors } from './case.js';
import { offsetsOf, Random, total } from './random.js';

const random = new Random(2405);
const options: MergeTokensOptions = { rule: 'r', amount: 5, k: 1, minTokens: 1 };
const RAGGED = [17, 0, 1, 24, 2, 33];

/**
 * Which tokens merge must be the same on all backends, so similarities that decide must be further apart than float32
 * rounds. Of random numbers a few hundred similarities are: their gaps are about 1e-4, and these seeds were kept.
 */
function batch(lengths: readonly number[], channels: number, rest: Tensors = {}): Tensors {
  return { x: random.matrix(total(lengths), channels), offsets: offsetsOf(lengths), ...rest };
}

/** A mean of at most `members` numbers: shares and products round once each, sums once a member. */
function meanBound(members: number): Bound {
  return ({ inputs, expected }) => {
    let largest = 0;
    for (const value of inputs.x!.data) if (Number.isFinite(value)) largest = Math.max(largest, Math.abs(value));
    return new Float64Array(expected.data.length).fill((2 * members + 2) * 2 ** -23 * largest);
  };
}

/** c channels: 2 (c / 4 + 8) + 8 roundings (kernels/merge/merge.h), of values up to 1 or up to the distance itself. */
const similarityBound: Bound = ({ inputs, expected }) => {
  const channels = (inputs.metric ?? inputs.x)!.cols;
  return Float64Array.from(
    expected.data,
    (value) => (2 * (channels / 4 + 8) + 8) * 2 ** -23 * Math.max(1, Math.abs(value)),
  );
};

function mergeCase(name: string, rule: Partial<MergeTokensOptions>, inputs: Tensors, members = 8): ParityCase {
  const roles = {
    x: { rowsOf: 'offsets' },
    offsets: { offsets: true },
    sizes: { rowsOf: 'offsets' },
    metric: { rowsOf: 'offsets' },
    mask: { rowsOf: 'offsets' },
    tokens: { rowsOf: 'newOffsets' },
    newSizes: { rowsOf: 'newOffsets' },
    newOffsets: { offsets: true },
    map: { rowsOf: 'offsets' },
    newMask: { rowsOf: 'newOffsets' },
    last: { per: 1 },
  } as const;
  return {
    name: `merge_tokens ${name}`,
    runs: [inputs],
    record: ({ x, offsets, sizes, metric, mask }) => {
      const m = mergeTokens({ x: x!, offsets: offsets!, sizes, metric, mask }, { ...options, ...rule });
      return { tokens: m.tokens, newSizes: m.sizes, newOffsets: m.offsets, map: m.map, newMask: m.mask, last: m.last };
    },
    bounds: { tokens: meanBound(members), last: similarityBound },
    ...(rule.common ? {} : { roles }),
  };
}

/** Links have a row for every pair of the batch, which belongs to no series in a way the properties know. */
function linksCase(name: string, rule: Partial<MergeTokensOptions>, inputs: Tensors): ParityCase {
  return {
    name: `merge_tokens, links ${name}`,
    runs: [inputs],
    record: ({ x, offsets, mask }) => {
      const { best, choice, links } = mergeTokens({ x: x!, offsets: offsets!, mask }, { ...options, ...rule });
      return { best, choice, links };
    },
    bounds: { best: similarityBound },
  };
}

const maps = { map: int32(0, 1, 1, 2, 0, 0, 1), offsets: offsetsOf([4, 0, 3]) };

function failing(name: string, code: ErrorCode, inputs: Tensors, rule: Partial<MergeTokensOptions> = {}): ParityCase {
  return { ...mergeCase(`refuses ${name}`, rule, inputs), fails: code };
}

const masked = (rows: number): TensorData =>
  matrix(Uint8Array.from({ length: rows }, () => (random.uniform() < 0.3 ? 0 : 1)));
const sizes = (rows: number): TensorData => matrix(Float32Array.from({ length: rows }, () => 1 + random.below(5)));

function withSpecials(): Tensors {
  const inputs = batch(RAGGED, 9);
  const { data } = inputs.x!;
  data[3 * 9 + 1] = Number.NaN;
  data[10 * 9 + 8] = Infinity;
  data.fill(0, 20 * 9, 22 * 9);
  data.set(data.subarray(30 * 9, 31 * 9), 31 * 9);
  return inputs;
}

/** Numbers whose squares, and whose squared differences, leave the range of float. */
const huge: Tensors = {
  x: matrix(Float32Array.of(1.5e19, -1.5e19, 1, 2, 3e38, -3e38, 5, 5.5)),
  offsets: offsetsOf([8]),
};
const long: Tensors = batch([90], 3);
long.x!.data.set([2e38, 1e37, -1e38], 30);

export const cases: readonly ParityCase[] = [
  ...(['l2', 'l1'] as const).map((similarity) =>
    linksCase(`of huge numbers, ${similarity}`, { k: 2, similarity }, huge),
  ),
  ...[1, 4, 0].map((k) => linksCase(`with one huge token, k = ${k}`, { k }, long)),
  linksCase(
    'of many short series',
    { k: 2, amount: 2 },
    batch(
      Array.from({ length: 40 }, (_, i) => 3 + (i % 9)),
      5,
    ),
  ),
  mergeCase('of neighbours', {}, batch(RAGGED, 7)),
  mergeCase('of many channels', {}, batch([40, 31], 131)),
  mergeCase('in a band', { k: 3 }, batch(RAGGED, 12)),
  mergeCase('in a wide band', { k: 11, amount: 8 }, batch([64, 37], 20)),
  mergeCase('of any two', { k: 0, amount: 20 }, batch([130, 41, 3], 16), 20),
  mergeCase('cut to half', { amount: 1000, k: 2 }, batch(RAGGED, 5)),
  mergeCase('cut by minTokens', { amount: 1000, k: 2, minTokens: 15 }, batch(RAGGED, 5)),
  mergeCase('of none', { amount: 0 }, batch(RAGGED, 5)),
  mergeCase('by ratio', { rule: 'ratio', amount: 0.3, k: 2 }, batch(RAGGED, 6)),
  mergeCase('by threshold', { rule: 'threshold', amount: 0.2, k: 2 }, batch(RAGGED, 6)),
  mergeCase(
    'by threshold, the earliest',
    { rule: 'threshold', amount: -0.5, minTokens: 13, keep: 'earliest' },
    batch(RAGGED, 4),
  ),
  mergeCase('with sizes', { k: 4 }, batch(RAGGED, 6, { sizes: sizes(total(RAGGED)) })),
  mergeCase('with sizes, plain mean', { k: 4, weighted: false }, batch(RAGGED, 6, { sizes: sizes(total(RAGGED)) })),
  mergeCase('with a metric', { k: 4 }, batch(RAGGED, 6, { metric: random.matrix(total(RAGGED), 3) })),
  mergeCase('with a mask', { k: 3 }, batch(RAGGED, 6, { mask: masked(total(RAGGED)) })),
  mergeCase('with a mask, any two', { k: 0 }, batch(RAGGED, 6, { mask: masked(total(RAGGED)) })),
  mergeCase('by distance', { k: 3, similarity: 'l2' }, batch(RAGGED, 10)),
  mergeCase('by absolute distance', { k: 0, similarity: 'l1' }, batch(RAGGED, 10)),
  ...[1, 3, 0].map((k) => mergeCase(`of NaN, infinity, zero and equal tokens, k = ${k}`, { k }, withSpecials())),
  linksCase('of neighbours', {}, withSpecials()),
  linksCase('in a band', { k: 3 }, batch(RAGGED, 6, { mask: masked(total(RAGGED)) })),
  linksCase('of any two', { k: 0, amount: 20 }, batch([130, 41, 3], 16)),
  linksCase('by distance', { k: 4, similarity: 'l1' }, withSpecials()),
  mergeCase('with a common count', { common: true, k: 2 }, batch([20, 20, 20], 8, { mask: masked(60) })),
  mergeCase('with a common threshold', { common: true, rule: 'threshold', amount: 0.1, k: 2 }, batch([21, 21, 21], 5)),
  mergeCase('of no series', {}, batch([], 4)),
  failing('other sizes', 'ERR_INVALID_SHAPE', batch([6], 3, { sizes: random.vector(5) })),
  failing('a size of 0', 'ERR_INVALID_ARGUMENT', batch([2], 3, { sizes: matrix(Float32Array.of(1, 0)) })),
  failing('a metric of other rows', 'ERR_INVALID_SHAPE', batch([6], 3, { metric: random.matrix(5, 2) })),
  failing('offsets that end early', 'ERR_INVALID_ARGUMENT', { x: random.matrix(6, 3), offsets: offsetsOf([5]) }),
  failing('other lengths with a common count', 'ERR_INVALID_SHAPE', batch([6, 4], 3), { common: true }),
  {
    name: 'unmerge_tokens',
    runs: [{ tokens: random.matrix(5, 6), mergedOffsets: offsetsOf([3, 0, 2]), ...maps }],
    record: ({ tokens, mergedOffsets, map, offsets }) => ({
      y: unmergeTokens(tokens!, mergedOffsets!, map!, offsets!),
    }),
    roles: {
      tokens: { rowsOf: 'mergedOffsets' },
      mergedOffsets: { offsets: true },
      map: { rowsOf: 'offsets' },
      offsets: { offsets: true },
      y: { rowsOf: 'offsets' },
    },
  },
  {
    name: 'unmerge_tokens refuses a place that is not there',
    runs: [{ tokens: random.matrix(4, 6), mergedOffsets: offsetsOf([2, 0, 2]), ...maps }],
    record: ({ tokens, mergedOffsets, map, offsets }) => ({
      y: unmergeTokens(tokens!, mergedOffsets!, map!, offsets!),
    }),
    fails: 'ERR_INVALID_ARGUMENT',
  },
  {
    name: 'compose_maps',
    runs: [{ second: int32(0, 0, 1, 1, 0), secondOffsets: offsetsOf([3, 0, 2]), ...maps }],
    record: ({ second, secondOffsets, map, offsets }) => ({ y: composeMaps(map!, offsets!, second!, secondOffsets!) }),
    roles: {
      second: { rowsOf: 'secondOffsets' },
      secondOffsets: { offsets: true },
      map: { rowsOf: 'offsets' },
      offsets: { offsets: true },
      y: { rowsOf: 'offsets' },
    },
  },
  ...(['mean', 'sum', 'first'] as const).map(
    (reduce): ParityCase => ({
      name: `reduce_by_map ${reduce}`,
      runs: [{ x: random.matrix(7, 70), sizes: sizes(7), ...maps }],
      record: ({ x, map, offsets, sizes: weights }) => ({
        y: reduceByMap(x!, map!, offsets!, { reduce, sizes: weights }),
      }),
      bounds: { y: meanBound(4) },
    }),
  ),
  {
    name: 'reduce_by_map refuses a size that is no number',
    runs: [
      {
        x: random.matrix(2, 2),
        map: int32(0, 0),
        offsets: offsetsOf([2]),
        sizes: matrix(Float32Array.of(1, Number.NaN)),
      },
    ],
    record: ({ x, map, offsets, sizes: weights }) => ({
      y: reduceByMap(x!, map!, offsets!, { reduce: 'mean', sizes: weights }),
    }),
    fails: 'ERR_INVALID_ARGUMENT',
  },
  {
    name: 'reduce_by_map refuses a place left out',
    runs: [{ x: random.matrix(3, 2), map: int32(0, 2, 2), offsets: offsetsOf([3]) }],
    record: ({ x, map, offsets }) => ({ y: reduceByMap(x!, map!, offsets!, { reduce: 'sum' }) }),
    fails: 'ERR_INVALID_ARGUMENT',
  },
];
