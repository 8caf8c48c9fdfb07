import type { Tensor } from '../../tensor/tensor.js';
import type { Outputs } from '../model-host.js';
import type { RaggedIndex } from './ragged.js';

/** Merged tokens as a rectangle: `most` is the largest number of a series, shorter ones end in zeros. */
export interface MergedStates extends Tensor<Float32Array> {
  /** [batch, most]: 1 for tokens, 0 behind the last one */
  readonly mask: Tensor<Int32Array>;
  /** [batch, most]: original tokens in each; 0 behind the last one */
  readonly sizes: Tensor<Float32Array>;
  /** [batch, length]: the merged token that an original one stands in; -1 where there is none */
  readonly map: Tensor<Int32Array>;
}

/** From the ragged outputs of a program: `tokens` are those it was given, of a rectangle [batch, length]. */
export function mergedStates(out: Outputs, tokens: RaggedIndex, length: number, dModel: number): MergedStates {
  const offsets = out.mergedOffsets!.data as Int32Array;
  const batch = offsets.length - 1;
  const most = offsets.subarray(1).reduce((longest, end, b) => Math.max(longest, end - (offsets[b] as number)), 0);
  const rows = out.merged!.data as Float32Array;
  const data = new Float32Array(batch * most * dModel);
  const mask = new Int32Array(batch * most);
  const sizes = new Float32Array(batch * most);
  const map = new Int32Array(batch * length).fill(-1);
  for (let b = 0; b < batch; b++) {
    const [begin, end] = [offsets[b] as number, offsets[b + 1] as number];
    data.set(rows.subarray(begin * dModel, end * dModel), b * most * dModel);
    mask.fill(1, b * most, b * most + end - begin);
    // Without any merge every token stands for itself.
    if (out.sizes) sizes.set((out.sizes.data as Float32Array).subarray(begin, end), b * most);
    else sizes.fill(1, b * most, b * most + end - begin);
    for (let row = tokens.offsets[b] as number; row < (tokens.offsets[b + 1] as number); row++) {
      const place = out.map ? (out.map.data[row] as number) : row - (tokens.offsets[b] as number);
      map[b * length + (tokens.positions[row] as number)] = place;
    }
  }
  return {
    data,
    shape: [batch, most, dModel],
    mask: { data: mask, shape: [batch, most] },
    sizes: { data: sizes, shape: [batch, most] },
    map: { data: map, shape: [batch, length] },
  };
}
