import { type ConvActivation, causalConv1d } from '../../lib/ops/causal-conv1d.js';
import { matrix } from '../../lib/tensor/tensor.js';
import type { Bound, ParityCase, Tensors } from './case.js';
import { offsetsOf, Random, total } from './random.js';
import { activationError, sumError } from './tolerance.js';

interface Sizes {
  readonly lengths: readonly number[];
  readonly channels: number;
  readonly width: number;
  readonly column: number;
}

const SMALL: Sizes = { lengths: [5, 0, 1, 40], channels: 6, width: 4, column: 0 };

function inputsOf({ lengths, channels, width, column }: Sizes, bare: boolean): Tensors {
  const random = new Random(channels * 10 + width);
  return {
    x: random.matrix(total(lengths), column + channels + (column > 0 ? 2 : 0)),
    weight: random.matrix(channels, width),
    offsets: offsetsOf(lengths),
    ...(bare ? {} : { bias: random.vector(channels) }),
    ...(bare ? {} : { initialState: random.matrix(lengths.length, channels * (width - 1)) }),
  };
}

/** A sum of width products and the bias, then the activation, whose argument is found from the inputs again. */
function convBound({ channels, width, column }: Sizes, activation: ConvActivation): Bound {
  return ({ inputs, expected, isa }) => {
    const { x, weight, offsets, bias, initialState } = inputs;
    const bounds = new Float64Array(expected.data.length);
    for (let b = 0; b + 1 < offsets!.rows; b++) {
      const begin = offsets!.data[b]!;
      for (let row = begin; row < offsets!.data[b + 1]!; row++) {
        for (let c = 0; c < channels; c++) {
          let sum = bias?.data[c] ?? 0;
          let magnitude = Math.abs(sum);
          for (let k = 0; k < width; k++) {
            const from = row - (width - 1) + k;
            const state = (b * channels + c) * (width - 1) + from - begin + width - 1;
            const seen = from >= begin ? x!.data[from * x!.cols + column + c]! : (initialState?.data[state] ?? 0);
            const product = weight!.data[c * width + k]! * seen;
            sum += product;
            magnitude += Math.abs(product);
          }
          const at = row * channels + c;
          bounds[at] = activationError(activation, sum, expected.data[at]!, sumError(width + 1, magnitude, isa));
        }
      }
    }
    return bounds;
  };
}

function convCase(name: string, sizes: Sizes, activation: ConvActivation = 'silu', bare = false): ParityCase {
  const { channels, width, column } = sizes;
  const rows = { rowsOf: 'offsets' } as const;
  return {
    name: `causal_conv1d ${name}`,
    runs: [inputsOf(sizes, bare)],
    record: ({ x, weight, offsets, bias, initialState }) => {
      const view = { tensor: x!, column };
      const inputs = { x: view, weight: weight!, offsets: offsets!, bias, initialState };
      return { ...causalConv1d(inputs, { channels, width, activation }) };
    },
    bounds: { y: convBound(sizes, activation) },
    roles: { x: rows, y: rows, offsets: { offsets: true }, initialState: { per: 1 }, lastState: { per: 1 } },
  };
}

function changed(base: ParityCase, name: string, change: Tensors, rest: Partial<ParityCase> = {}): ParityCase {
  return { ...base, name: `causal_conv1d ${name}`, runs: [{ ...base.runs[0], ...change }], ...rest };
}

const plain = convCase('of a ragged batch', SMALL);
const random = new Random(8);
const withNaN = Float32Array.from(plain.runs[0]!.x!.data);
withNaN[8 * SMALL.channels + 2] = NaN;
const fails = 'ERR_INVALID_SHAPE' as const;

export const cases: ParityCase[] = [
  plain,
  convCase('bare', SMALL, 'none', true),
  convCase('of columns', { ...SMALL, column: 3 }),
  ...[1, 2, 3, 7].map((width) => convCase(`of width ${width}`, { ...SMALL, width })),
  convCase('of many channels', { lengths: [130, 9], channels: 147, width: 4, column: 0 }),
  changed(plain, 'of a NaN', { x: matrix(withNaN, SMALL.channels) }),
  changed(plain, 'with a weight of other channels', { weight: random.matrix(5, 4) }, { fails }),
  changed(plain, 'with a state of another shape', { initialState: random.matrix(4, 6) }, { fails }),
];
