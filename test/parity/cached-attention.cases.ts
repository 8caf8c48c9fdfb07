import type { ErrorCode } from '../../lib/errors.js';
import { cachedAttention } from '../../lib/ops/cached-attention.js';
import { int32, matrix, type TensorData } from '../../lib/tensor/tensor.js';
import { attentionError, biasAt, part, type Score, scoreOf } from './attention-bound.js';
import type { Bound, ParityCase } from './case.js';
import { Random } from './random.js';

interface Options {
  readonly heads: number;
  readonly headDim: number;
  readonly rows: number;
  readonly capacity: number;
  /** Places, one for each run. */
  readonly steps: readonly number[];
  readonly reach?: number;
}

function cachedCase({ heads, headDim, rows, capacity, steps, reach }: Options): ParityCase {
  const random = new Random(heads * 100 + rows);
  const width = heads * headDim;
  const shapes = { numHeads: heads, headDim, scale: 0.7 };
  return {
    name: `cached attention of ${rows} rows, ${heads} heads of ${headDim}, steps ${steps}${reach ? ' with distances' : ''}`,
    states: ['keyState', 'valueState'],
    weights: reach
      ? {
          distanceBias: {
            kind: 'vector',
            dtype: 'float32',
            shape: [heads, 2 * reach + 1],
            data: random.normals(heads * (2 * reach + 1)),
          },
        }
      : {},
    runs: steps.map((step) => ({
      qkv: random.matrix(rows, 3 * width + 2),
      step: int32(step),
      capacity: int32(capacity),
    })),
    record: ({ qkv, keyState, valueState, step, capacity, distanceBias }) => ({
      y: cachedAttention(
        {
          query: { tensor: qkv!, column: 1 },
          key: { tensor: qkv!, column: 1 + width },
          value: { tensor: qkv!, column: 2 + 2 * width },
          keyState: keyState!,
          valueState: valueState!,
          step: step!,
          capacity: capacity!,
          distanceBias,
        },
        shapes,
      ),
    }),
    bounds: { y: cachedBound(heads, headDim, shapes.scale) },
    roles: { qkv: { per: 1 }, y: { per: 1 } },
  };
}

function cachedBound(heads: number, headDim: number, scale: number): Bound {
  const width = heads * headDim;
  return ({ runs, index, weights, expected, isa }) => {
    const step = runs[index]!.step!.data[0]!;
    const bounds = new Float64Array(expected.data.length);
    for (let r = 0; r < expected.rows; r++) {
      for (let h = 0; h < heads; h++) {
        const of = (place: number, column: number) =>
          part(runs[index - step + place]!.qkv!, r, column + h * headDim, headDim);
        const scores: Score[] = [];
        const values: ArrayLike<number>[] = [];
        for (let place = 0; place <= step; place++) {
          const bias = biasAt(weights.distanceBias, h, place - step);
          scores.push(scoreOf(scale, of(step, 1), of(place, 1 + width), [bias]));
          values.push(of(place, 2 + 2 * width));
        }
        bounds.set(attentionError(scores, values, isa), r * width + h * headDim);
      }
    }
    return bounds;
  };
}

const steps = (count: number) => Array.from({ length: count }, (_, i) => i);
const small = cachedCase({ heads: 2, headDim: 4, rows: 3, capacity: 4, steps: [0, 1] });
const [first, second] = small.runs as [Record<string, TensorData>, Record<string, TensorData>];
const failing = (name: string, changes: Record<string, TensorData>, fails: ErrorCode): ParityCase => ({
  ...small,
  name: `cached attention ${name}`,
  runs: [first, { ...second, ...changes }],
  fails,
});

export const cases: ParityCase[] = [
  cachedCase({ heads: 1, headDim: 1, rows: 1, capacity: 1, steps: [0] }),
  cachedCase({ heads: 3, headDim: 5, rows: 4, capacity: 40, steps: steps(40) }),
  cachedCase({ heads: 4, headDim: 64, rows: 20, capacity: 20, steps: steps(18), reach: 128 }),
  cachedCase({ heads: 2, headDim: 8, rows: 3, capacity: 30, steps: steps(30), reach: 4 }),
  // Begun again, at once and in the middle.
  cachedCase({ heads: 2, headDim: 8, rows: 2, capacity: 5, steps: [0, 0, 1, 2, 0, 1] }),
  cachedCase({ heads: 2, headDim: 8, rows: 0, capacity: 5, steps: [0, 1] }),
  failing('beyond its capacity', { step: int32(4) }, 'ERR_INVALID_ARGUMENT'),
  failing('that leaves a place out', { step: int32(2) }, 'ERR_INVALID_ARGUMENT'),
  failing('of another capacity', { capacity: int32(5) }, 'ERR_INVALID_SHAPE'),
  failing('of other rows', { qkv: matrix(new Float32Array(2 * 26), 26) }, 'ERR_INVALID_SHAPE'),
  failing('of a negative step', { step: int32(-1) }, 'ERR_INVALID_ARGUMENT'),
];
