import type { ErrorCode } from '../../lib/errors.js';
import { nextPlace, windowAttention } from '../../lib/ops/window-attention.js';
import { int32, matrix, type TensorData } from '../../lib/tensor/tensor.js';
import { attentionError, part, scoreOf } from './attention-bound.js';
import type { Bound, ParityCase } from './case.js';
import { Random } from './random.js';

interface Options {
  readonly numHeads: number;
  readonly headDim: number;
  readonly past: number;
  readonly steps: number;
}

const SCALE = 0.7;

function windowCase({ numHeads, headDim, past, steps }: Options): ParityCase {
  const random = new Random(numHeads * 100 + past);
  const width = numHeads * headDim;
  let place = -1;
  const runs = Array.from({ length: steps }, (_, t) => {
    place = t === 0 ? 0 : nextPlace(place, past);
    return { query: random.matrix(2, width), keyValue: random.matrix(2, 2 * width + 1), place: int32(place) };
  });
  return {
    name: `window attention of ${numHeads} heads of ${headDim} to ${past} past steps, ${steps} times`,
    states: ['keyState', 'valueState'],
    runs,
    record: ({ query, keyValue, keyState, valueState, place }) => ({
      y: windowAttention(
        {
          query: query!,
          key: { tensor: keyValue!, column: width + 1 },
          value: { tensor: keyValue!, column: 0 },
          keyState: keyState!,
          valueState: valueState!,
          place: place!,
        },
        { numHeads, headDim, scale: SCALE, past },
      ),
    }),
    bounds: { y: windowBound({ numHeads, headDim, past, steps }) },
  };
}

function windowBound({ numHeads, headDim, past }: Options): Bound {
  return ({ runs, index, expected, isa }) => {
    const bounds = new Float64Array(expected.data.length);
    const before = runs.slice(Math.max(0, index - past), index);
    for (let h = 0; h < numHeads; h++) {
      const query = part(runs[index]!.query!, 0, h * headDim, headDim);
      const row = (x: TensorData, column: number) => part(x, 1, column + h * headDim, headDim);
      const scores = before.map(({ keyValue }) => scoreOf(SCALE, query, row(keyValue!, numHeads * headDim + 1), []));
      const values = before.map(({ keyValue }) => row(keyValue!, 0));
      bounds.set(attentionError(scores, values, isa), h * headDim);
    }
    return bounds;
  };
}

const small = windowCase({ numHeads: 2, headDim: 3, past: 2, steps: 2 });
const [first, second] = small.runs as [Record<string, TensorData>, Record<string, TensorData>];
const failing = (name: string, changes: Record<string, TensorData>, fails: ErrorCode): ParityCase => ({
  ...small,
  name: `window attention ${name}`,
  runs: [first, { ...second, ...changes }],
  fails,
});

export const cases: ParityCase[] = [
  windowCase({ numHeads: 1, headDim: 1, past: 0, steps: 3 }),
  windowCase({ numHeads: 1, headDim: 2, past: 1, steps: 9 }),
  windowCase({ numHeads: 2, headDim: 38, past: 20, steps: 70 }),
  windowCase({ numHeads: 4, headDim: 64, past: 9, steps: 25 }),
  failing('beyond its places', { place: int32(6) }, 'ERR_INVALID_ARGUMENT'),
  failing('at a negative place', { place: int32(-1) }, 'ERR_INVALID_ARGUMENT'),
  failing('of three rows', { query: matrix(new Float32Array(18), 6) }, 'ERR_INVALID_SHAPE'),
  { ...small, name: 'window attention that begins in the middle', runs: [second], fails: 'ERR_INVALID_SHAPE' },
];
