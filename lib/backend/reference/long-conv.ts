import type { Call } from './call.js';
import type { ReferenceOperator } from './operator.js';
import { float32 } from './value.js';

/** The convolution as it is defined: a sum over all lags, without a transform. */
export const longConv: ReferenceOperator = {
  inputs: [3, 6],
  outputs: 1,
  attributes: {
    channels: 'integer',
    xColumn: 'integer',
    preColumn: 'integer',
    postColumn: 'integer',
    spectrumBytes: 'integer',
  },
  run(call) {
    const channels = call.number('channels');
    const { rows } = call.input(0, 'x', 'float32');
    const offsets = call.offsets(2, 'offsets', rows);
    const x = gate(call, 0, 'x', rows);
    const filter = call.shaped(1, 'filter', call.input(1, 'filter', 'float32').rows, channels, 'float32');
    const skip = call.has(3) ? call.floats(3, 'skip', channels) : undefined;
    const pre = call.has(4) ? gate(call, 4, 'pre', rows) : undefined;
    const post = call.has(5) ? gate(call, 5, 'post', rows) : undefined;
    const y = float32(rows, channels);
    for (let c = 0; c < channels; c++) {
      const taps = Float64Array.from({ length: filter.rows }, (_, s) => filter.data[s * channels + c]!);
      const u = Float64Array.from({ length: rows }, (_, t) => x(t, c) * (pre?.(t, c) ?? 1));
      for (let b = 0; b + 1 < offsets.length; b++) {
        for (let t = offsets[b]!; t < offsets[b + 1]!; t++) {
          const lags = Math.min(t - offsets[b]! + 1, taps.length);
          let sum = skip ? skip[c]! * u[t]! : 0;
          for (let s = 0; s < lags; s++) sum += taps[s]! * u[t - s]!;
          y.data[t * channels + c] = sum * (post?.(t, c) ?? 1);
        }
      }
    }
    return [y];
  },
};

/** Reads the columns of x, pre or post. */
function gate(call: Call, i: number, name: 'x' | 'pre' | 'post', rows: number): (t: number, c: number) => number {
  const { data, ...value } = call.input(i, name, 'float32');
  const column = call.number(`${name}Column`);
  const end = column + call.number('channels');
  if (value.rows !== rows || value.cols < end) {
    throw call.error('ERR_INVALID_SHAPE', name, `[${rows}, at least ${end}]`, `[${value.rows}, ${value.cols}]`);
  }
  return (t, c) => data[t * value.cols + column + c]!;
}
