import { longConv } from '../../lib/ops/long-conv.js';
import { matrix, type TensorData } from '../../lib/tensor/tensor.js';
import type { Bound, ParityCase, Tensors } from './case.js';
import { offsetsOf, Random, total } from './random.js';
import { U } from './tolerance.js';

interface Sizes {
  readonly lengths: readonly number[];
  readonly channels: number;
  readonly lags: number;
  readonly column: number;
}

const SMALL: Sizes = { lengths: [5, 0, 1, 100], channels: 6, lags: 100, column: 0 };

function inputsOf({ lengths, channels, lags, column }: Sizes, gated: boolean): Tensors {
  const random = new Random(channels * 10 + lags);
  const wide = () => random.matrix(total(lengths), column + channels + (column > 0 ? 2 : 0));
  return {
    x: wide(),
    filter: fallingFilter(random, lags, channels),
    offsets: offsetsOf(lengths),
    ...(gated ? { skip: random.vector(channels), pre: wide(), post: wide() } : {}),
  };
}

/** Weights that fall off with the lag, like those of models. */
function fallingFilter(random: Random, lags: number, channels: number): TensorData {
  const weights = random.normals(lags * channels).map((value, i) => value * 0.9 ** Math.floor(i / channels));
  return matrix(weights, channels, lags);
}

/** Roundings of a level of a transform: native/kernels/fft/fft.h. */
const ROUNDINGS = 9;

/**
 * The error of native/kernels/fft/fft_reference.h, where the peak of a spectrum is at most the sum of magnitudes and a
 * transform of less than 2 · length points has one level of radix 2 at most. It holds for sums without a transform too.
 */
function longConvBound({ channels, column }: Sizes): Bound {
  return ({ inputs, weights, expected }) => {
    const { x, offsets, skip, pre, post } = inputs as Record<string, TensorData>;
    const filter = (inputs.filter ?? weights.filter)!;
    const bounds = new Float64Array(expected.data.length);
    const at = (value: TensorData | undefined, row: number, c: number) =>
      value ? value.data[row * value.cols + column + c]! : 1;
    for (let b = 0; b + 1 < offsets!.rows; b++) {
      const [begin, end] = [offsets!.data[b]!, offsets!.data[b + 1]!];
      const transform = ROUNDINGS * (1 + Math.ceil(Math.log(2 * (end - begin) + 1) / Math.log(3)));
      for (let c = 0; c < channels; c++) {
        const u = Array.from({ length: end - begin }, (_, t) => at(x, begin + t, c) * at(pre, begin + t, c));
        const k = Array.from({ length: filter.rows }, (_, s) => filter.data[s * channels + c]!);
        const sum = (2 * transform + 3) * peak(k) * norm(u) + (transform + 1) * peak(u) * norm(k);
        for (let row = begin; row < end; row++) {
          const own = Math.abs((skip?.data[c] ?? 0) * u[row - begin]!) || 0;
          const gate = Math.abs(at(post, row, c));
          const i = row * channels + c;
          bounds[i] = U * (sum * gate + 4 * (own * gate + Math.abs(expected.data[i]!)));
        }
      }
    }
    return bounds;
  };
}

/** Of the numbers that are: a NaN is not far off. */
function norm(values: readonly number[]): number {
  return Math.sqrt(values.reduce((sum, value) => sum + (value ** 2 || 0), 0));
}

function peak(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + (Math.abs(value) || 0), 0);
}

function longConvCase(name: string, sizes: Sizes, gated = true): ParityCase {
  const { channels, column } = sizes;
  const rows = { rowsOf: 'offsets' } as const;
  return {
    name: `long_conv ${name}`,
    runs: [inputsOf(sizes, gated)],
    record: ({ x, filter, offsets, skip, pre, post }) => ({
      y: longConv(
        {
          x: { tensor: x!, column },
          filter: filter!,
          offsets: offsets!,
          skip,
          pre: pre && { tensor: pre, column },
          post: post && { tensor: post, column },
        },
        { channels },
      ),
    }),
    bounds: { y: longConvBound(sizes) },
    roles: { x: rows, pre: rows, post: rows, y: rows, offsets: { offsets: true } },
  };
}

function changed(base: ParityCase, name: string, change: Tensors, rest: Partial<ParityCase> = {}): ParityCase {
  return { ...base, name: `long_conv ${name}`, runs: [{ ...base.runs[0], ...change }], ...rest };
}

/** The filter as a weight: two runs, the second from kept spectra. */
function withWeight(base: ParityCase): ParityCase {
  const { filter, ...rest } = base.runs[0]!;
  const shape = [filter!.rows, filter!.cols] as const;
  const data = filter!.data as Float32Array;
  return {
    ...base,
    name: 'long_conv with a filter that is a weight',
    weights: { filter: { kind: 'vector', dtype: 'float32', shape, data } },
    runs: [rest, rest],
  };
}

const plain = longConvCase('of a ragged batch', SMALL);
const random = new Random(8);
const withNaN = Float32Array.from(plain.runs[0]!.x!.data);
// In the series of five steps, whose sums are taken one by one.
withNaN[3 * SMALL.channels + 2] = NaN;
const fails = 'ERR_INVALID_SHAPE' as const;

export const cases: ParityCase[] = [
  plain,
  longConvCase('bare', SMALL, false),
  longConvCase('of columns', { ...SMALL, column: 3 }),
  longConvCase('with a short filter', { ...SMALL, lags: 7 }),
  longConvCase('of many lengths', { lengths: [64, 17, 2, 3, 500, 97, 65, 200], channels: 19, lags: 600, column: 0 }),
  longConvCase('of no lags', { ...SMALL, lags: 0 }),
  withWeight(plain),
  changed(plain, 'of a NaN', { x: matrix(withNaN, SMALL.channels) }),
  changed(plain, 'with a filter of other channels', { filter: random.matrix(100, 5) }, { fails }),
  changed(plain, 'with a gate of other rows', { pre: random.matrix(105, 6) }, { fails }),
  changed(plain, 'with a skip of other channels', { skip: random.vector(5) }, { fails }),
];
