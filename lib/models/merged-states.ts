import type { TokenMerger } from '../merging/token-merger.js';
import type { Tensor } from '../tensor/tensor.js';
import type { Outputs } from './model-host.js';
import type { RaggedIndex } from './ragged.js';

/** What became of the tokens of a rectangle [batch, length]: `most` is the largest number left of a series. */
export interface MergedPlaces {
  /** [batch, most]: 1 for tokens, 0 behind the last one */
  readonly mask: Tensor<Int32Array>;
  /** [batch, most]: original tokens in each; 0 behind the last one */
  readonly sizes: Tensor<Float32Array>;
  /** [batch, length]: the merged token that an original one stands in; -1 where there is none */
  readonly map: Tensor<Int32Array>;
}

/** Merged tokens as a rectangle; series of fewer tokens end in zeros. */
export interface MergedStates extends Tensor<Float32Array>, MergedPlaces {}

/** The outputs mergedOffsets and, from the first merge on, sizes and map. */
export function recordMerged({ offsets, sizes, map }: TokenMerger): void {
  const { builder } = offsets;
  builder.output('mergedOffsets', offsets);
  if (sizes) builder.output('sizes', sizes);
  if (map) builder.output('map', map);
}

/** From the ragged outputs of a program: `tokens` are those it was given, of a rectangle [batch, length]. */
export function mergedStates(out: Outputs, tokens: RaggedIndex, length: number, dModel: number): MergedStates {
  const rows = rectangle(out.merged!.data as Float32Array, out.mergedOffsets!.data as Int32Array, dModel);
  return { ...rows, ...mergedPlaces(out, tokens, length) };
}

/** From the outputs of `recordMerged`. */
export function mergedPlaces(out: Outputs, tokens: RaggedIndex, length: number): MergedPlaces {
  const offsets = out.mergedOffsets!.data as Int32Array;
  const batch = offsets.length - 1;
  const most = longest(offsets);
  const mask = new Int32Array(batch * most);
  const sizes = new Float32Array(batch * most);
  const map = new Int32Array(batch * length).fill(-1);
  for (let b = 0; b < batch; b++) {
    const [begin, end] = [offsets[b] as number, offsets[b + 1] as number];
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
    mask: { data: mask, shape: [batch, most] },
    sizes: { data: sizes, shape: [batch, most] },
    map: { data: map, shape: [batch, length] },
  };
}

/** Ragged rows as [batch, most, width]. */
export function rectangle(rows: Float32Array, offsets: Int32Array, width: number): Tensor<Float32Array> {
  const batch = offsets.length - 1;
  const most = longest(offsets);
  const data = new Float32Array(batch * most * width);
  for (let b = 0; b < batch; b++) {
    data.set(rows.subarray((offsets[b] as number) * width, (offsets[b + 1] as number) * width), b * most * width);
  }
  return { data, shape: [batch, most, width] };
}

function longest(offsets: Int32Array): number {
  return offsets.subarray(1).reduce((most, end, b) => Math.max(most, end - (offsets[b] as number)), 0);
}
