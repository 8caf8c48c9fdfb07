import { attention, columnView, packKeys } from '../../lib/ops/attention.js';
import { matrix, type TensorData } from '../../lib/tensor/tensor.js';
import { attentionError, biasAt, part, type Score, scoreOf } from './attention-bound.js';
import type { Bound, ParityCase, Symbols } from './case.js';
import { offsetsOf, Random, total } from './random.js';

interface Options {
  readonly heads: number;
  readonly headDim: number;
  /** Rows of each series. */
  readonly queries: readonly number[];
  /** Absent: queries, keys and values are columns of one matrix. */
  readonly keys?: readonly number[];
  readonly causal?: boolean;
  /** D of the distance bias. */
  readonly reach?: number;
  readonly sizes?: boolean;
  /** Positions with gaps instead of 0, 1, 2 … */
  readonly gaps?: boolean;
  readonly packed?: boolean;
}

interface Shapes {
  readonly numHeads: number;
  readonly headDim: number;
  readonly scale: number;
  readonly causal: boolean;
}

const ROLES = {
  qkv: { rowsOf: 'queryOffsets' },
  q: { rowsOf: 'queryOffsets' },
  k: { rowsOf: 'keyOffsets' },
  v: { rowsOf: 'keyOffsets' },
  queryOffsets: { offsets: true },
  keyOffsets: { offsets: true },
  queryPositions: { rowsOf: 'queryOffsets' },
  keyPositions: { rowsOf: 'keyOffsets' },
  keySizes: { rowsOf: 'keyOffsets' },
  y: { rowsOf: 'queryOffsets' },
} as const;

function attentionCase(what: string, options: Options): ParityCase {
  const { heads, headDim, queries, keys = queries, reach, sizes = false, gaps = false, packed = false } = options;
  const random = new Random(total(queries) * 10 + headDim);
  const width = heads * headDim;
  const shapes = { numHeads: heads, headDim, scale: headDim ** -0.5, causal: options.causal ?? false };
  const queryPositions = positions(random, queries, gaps);
  const bias = { kind: 'vector', dtype: 'float32' } as const;
  const record = (s: Symbols) => {
    const [query, key, value] = s.qkv
      ? [s.qkv, columnView({ tensor: s.qkv, column: width }), columnView({ tensor: s.qkv, column: 2 * width })]
      : [s.q!, s.k!, s.v!];
    const keyOffsets = s.keyOffsets ?? s.queryOffsets!;
    const inputs = {
      query,
      value,
      key: packed ? packKeys(key, keyOffsets, shapes) : key,
      queryOffsets: s.queryOffsets!,
      keyOffsets,
      queryPositions: s.queryPositions,
      keyPositions: s.keyPositions ?? (options.keys ? undefined : s.queryPositions),
      distanceBias: s.distanceBias,
      keySizes: s.keySizes,
    };
    return { y: attention(inputs, shapes) };
  };
  return {
    name: `attention ${what}: ${heads} heads of ${headDim}, ${queries} rows${packed ? ', packed' : ''}`,
    weights:
      reach === undefined
        ? {}
        : { distanceBias: { ...bias, shape: [heads, 2 * reach + 1], data: random.normals(heads * (2 * reach + 1)) } },
    runs: [
      {
        ...(options.keys
          ? {
              q: random.matrix(total(queries), width),
              k: random.matrix(total(keys), width),
              v: random.matrix(total(keys), width),
              keyOffsets: offsetsOf(keys),
            }
          : { qkv: random.matrix(total(queries), 3 * width + 1) }),
        queryOffsets: offsetsOf(queries),
        ...(gaps || reach !== undefined ? { queryPositions } : {}),
        ...(options.keys && reach !== undefined ? { keyPositions: positions(random, keys, gaps) } : {}),
        ...(sizes ? { keySizes: sizesOf(random, total(keys)) } : {}),
      },
    ],
    record,
    bounds: { y: attentionBound(shapes) },
    // Sizes belong to the queries' rows where those are the keys too.
    roles: options.keys ? ROLES : { ...ROLES, keySizes: { rowsOf: 'queryOffsets' } },
  };
}

function positions(random: Random, lengths: readonly number[], gaps: boolean): TensorData {
  const all = lengths.flatMap((length) => {
    let at = -1;
    return Array.from({ length }, () => (at += 1 + (gaps ? random.below(3) : 0)));
  });
  return matrix(Int32Array.from(all));
}

function sizesOf(random: Random, count: number): TensorData {
  return matrix(Float32Array.from({ length: count }, () => 1 + random.below(5)));
}

function attentionBound({ numHeads, headDim, scale, causal }: Shapes): Bound {
  const width = numHeads * headDim;
  return ({ inputs, weights, expected, isa }) => {
    const { qkv } = inputs;
    const [q, k, v] = qkv ? [qkv, qkv, qkv] : [inputs.q!, inputs.k!, inputs.v!];
    const columns = qkv ? [0, width, 2 * width] : [0, 0, 0];
    const queryOffsets = inputs.queryOffsets!.data;
    const keyOffsets = (inputs.keyOffsets ?? inputs.queryOffsets!).data;
    const queryPositions = inputs.queryPositions?.data;
    const keyPositions = qkv ? queryPositions : inputs.keyPositions?.data;
    const bounds = new Float64Array(expected.data.length);
    for (let b = 0; b + 1 < queryOffsets.length; b++) {
      for (let i = queryOffsets[b]!; i < queryOffsets[b + 1]!; i++) {
        for (let h = 0; h < numHeads; h++) {
          const scores: Score[] = [];
          const values: ArrayLike<number>[] = [];
          for (let j = keyOffsets[b]!; j < keyOffsets[b + 1]!; j++) {
            const place = queryPositions?.[i] ?? i - queryOffsets[b]!;
            const distance = (keyPositions?.[j] ?? j - keyOffsets[b]!) - place;
            if (causal && distance > 0) continue;
            const addends = [biasAt(weights.distanceBias, h, distance), Math.log(inputs.keySizes?.data[j] ?? 1)];
            const at = h * headDim;
            const query = part(q, i, columns[0]! + at, headDim);
            scores.push(scoreOf(scale, query, part(k, j, columns[1]! + at, headDim), addends));
            values.push(part(v, j, columns[2]! + at, headDim));
          }
          bounds.set(attentionError(scores, values, isa), i * width + h * headDim);
        }
      }
    }
    return bounds;
  };
}

const ragged = [3, 0, 17, 1, 40];
const wrong = attentionCase('', { heads: 2, headDim: 4, queries: [2, 3], keys: [2, 3] });
const q = wrong.runs[0]!;

/** One key of the second series is NaN, one value infinite, one query NaN: only their own series may show it. */
const special: ParityCase = {
  ...wrong,
  name: 'attention with NaN and infinity',
  runs: [
    {
      ...q,
      k: { ...q.k!, data: Float32Array.from(q.k!.data, (x, i) => (i === 17 ? NaN : x)) },
      v: { ...q.v!, data: Float32Array.from(q.v!.data, (x, i) => (i === 3 ? Infinity : x)) },
      q: { ...q.q!, data: Float32Array.from(q.q!.data, (x, i) => (i === 8 ? NaN : x)) },
    },
  ],
};

export const cases: ParityCase[] = [
  attentionCase('in itself', { heads: 1, headDim: 1, queries: [1] }),
  attentionCase('in itself', { heads: 3, headDim: 5, queries: ragged }),
  attentionCase('in itself', { heads: 4, headDim: 16, queries: [200, 33] }),
  attentionCase('in itself', { heads: 2, headDim: 64, queries: [50] }),
  attentionCase('in nothing', { heads: 2, headDim: 8, queries: [] }),
  attentionCase('to others', { heads: 2, headDim: 8, queries: [1, 20, 0, 3], keys: [60, 5, 7, 0] }),
  attentionCase('to others', { heads: 2, headDim: 8, queries: [1, 20, 0, 3], keys: [60, 5, 7, 0], packed: true }),
  attentionCase('in itself', { heads: 3, headDim: 5, queries: ragged, packed: true }),
  attentionCase('causal', { heads: 2, headDim: 8, queries: ragged, causal: true }),
  attentionCase('causal with gaps', { heads: 2, headDim: 8, queries: ragged, causal: true, gaps: true }),
  attentionCase('with distances', { heads: 2, headDim: 8, queries: ragged, reach: 6 }),
  attentionCase('with distances, gaps', { heads: 2, headDim: 8, queries: ragged, reach: 6, gaps: true }),
  attentionCase('with far distances', { heads: 2, headDim: 8, queries: [150, 3], reach: 128, gaps: true }),
  attentionCase('causal with distances', { heads: 2, headDim: 8, queries: ragged, reach: 6, causal: true, gaps: true }),
  attentionCase('to others with distances', { heads: 2, headDim: 8, queries: [4, 9], keys: [30, 2], reach: 3 }),
  attentionCase('of merged tokens', { heads: 2, headDim: 8, queries: ragged, sizes: true }),
  attentionCase('with everything', {
    heads: 2,
    headDim: 8,
    queries: ragged,
    sizes: true,
    reach: 5,
    causal: true,
    gaps: true,
  }),
  special,
  {
    ...wrong,
    name: 'attention with keys of another batch',
    runs: [{ ...q, keyOffsets: matrix(Int32Array.of(0, 2, 3, 5)) }],
    fails: 'ERR_INVALID_SHAPE',
  },
  {
    ...wrong,
    name: 'attention with offsets that fall',
    runs: [{ ...q, keyOffsets: matrix(Int32Array.of(0, 6, 5)) }],
    fails: 'ERR_INVALID_ARGUMENT',
  },
  {
    ...wrong,
    name: 'attention with too few columns',
    runs: [{ ...q, k: matrix(new Float32Array(5 * 7), 7) }],
    fails: 'ERR_INVALID_SHAPE',
  },
];
