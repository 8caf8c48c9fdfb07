import { TidemergeError } from '../../errors.js';
import type { ReferenceOperator } from './operator.js';
import { sigmoid } from './special.js';
import { float32 } from './value.js';

export const causalConv1d: ReferenceOperator = {
  inputs: [3, 5],
  outputs: 2,
  attributes: { channels: 'integer', width: 'integer', xColumn: 'integer', activation: 'string' },
  check({ activation }) {
    if (activation === 'none' || activation === 'silu') return;
    const message = `causal_conv1d: attribute activation: expected one of none, silu, got ${activation}`;
    throw new TidemergeError('ERR_INVALID_ARGUMENT', message);
  },
  run(call) {
    const channels = call.number('channels');
    const width = call.number('width');
    const column = call.number('xColumn');
    const x = call.input(0, 'x', 'float32');
    if (x.cols < column + channels) {
      throw call.error('ERR_INVALID_SHAPE', 'x', `at least ${column + channels} columns`, x.cols);
    }
    const weight = call.shaped(1, 'weight', channels, width, 'float32').data;
    const offsets = call.offsets(2, 'offsets', x.rows);
    const bias = call.has(3) ? call.floats(3, 'bias', channels) : undefined;
    const batch = offsets.length - 1;
    const before = width - 1;
    const first = call.has(4) ? call.shaped(4, 'initialState', batch, channels * before, 'float32').data : undefined;
    const y = float32(x.rows, channels);
    const last = float32(batch, channels * before);
    for (let b = 0; b < batch; b++) {
      const [begin, length] = [offsets[b]!, offsets[b + 1]! - offsets[b]!];
      for (let c = 0; c < channels; c++) {
        const state = (b * channels + c) * before;
        // The inputs of the state and then those of the series, oldest first.
        const seen = Float64Array.from({ length: before + length }, (_, i) =>
          i < before ? (first?.[state + i] ?? 0) : x.data[(begin + i - before) * x.cols + column + c]!,
        );
        for (let t = 0; t < length; t++) {
          let sum = bias?.[c] ?? 0;
          for (let k = 0; k < width; k++) sum += weight[c * width + k]! * seen[t + k]!;
          y.data[(begin + t) * channels + c] = call.string('activation') === 'silu' ? sum * sigmoid(sum) : sum;
        }
        last.data.set(seen.subarray(length), state);
      }
    }
    return [y, last];
  },
};
