import type { SymbolicTensor } from '../backend/program.js';
import { composeMaps, type MergedTokens, mergeTokens, unmergeTokens } from '../ops/merge-tokens.js';
import type { MergingPlan } from './options.js';

/** The tokens of a batch in front of the first layer: offsets int32 [batch + 1], positions int32 [rows]. */
export interface OriginalTokens {
  readonly offsets: SymbolicTensor;
  readonly positions: SymbolicTensor;
}

/** One merge while it is recorded. */
export interface RecordedMerge extends MergedTokens {
  readonly layer: number;
  /** What was merged: float32 [rows, channels]. */
  readonly before: SymbolicTensor;
  /** int32 [batch + 1]: the rows of every series before. */
  readonly offsetsBefore: SymbolicTensor;
}

/**
 * Records the merges of one stack of layers, and keeps what later layers must know: which rows belong to which series,
 * how many original tokens stand in each, and where every original token went.
 *
 *     const merger = new TokenMerger(plan, original);
 *     for (const [i, layer] of layers.entries()) {
 *       x = mix(x, layer, merger.offsets, merger.map, merger.sizes);
 *       x = merger.merge(x, i);
 *       x = feedForward(x, layer);
 *     }
 *     return merger.unmerge(norm(x));
 */
export class TokenMerger {
  readonly original: OriginalTokens;
  readonly #plan: MergingPlan | undefined;
  readonly #onMerge: ((merge: RecordedMerge) => void) | undefined;
  #offsets: SymbolicTensor;
  #sizes: SymbolicTensor | undefined;
  #map: SymbolicTensor | undefined;

  /** `onMerge` sees every merge as it is recorded. */
  constructor(
    plan: MergingPlan | undefined,
    original: OriginalTokens,
    onMerge?: ((merge: RecordedMerge) => void) | undefined,
  ) {
    this.#plan = plan;
    this.original = original;
    this.#onMerge = onMerge;
    this.#offsets = original.offsets;
  }

  /** int32 [batch + 1]: the rows of every series now. */
  get offsets(): SymbolicTensor {
    return this.#offsets;
  }

  /** float32 [rows]: original tokens in each; undefined before the first merge. */
  get sizes(): SymbolicTensor | undefined {
    return this.#sizes;
  }

  /** int32 [original rows]: original token to token now, by place in the series; undefined before the first merge. */
  get map(): SymbolicTensor | undefined {
    return this.#map;
  }

  /** The sizes where attention has to count them. */
  get attentionSizes(): SymbolicTensor | undefined {
    return this.#plan?.proportional ? this.#sizes : undefined;
  }

  /** x float32 [rows, channels] as this layer leaves it: merged, or the same if the layer does not merge. */
  merge(x: SymbolicTensor, layer: number): SymbolicTensor {
    const rule = this.#plan?.layers[layer];
    if (!rule) return x;
    const offsetsBefore = this.#offsets;
    const merged = mergeTokens({ x, offsets: offsetsBefore, sizes: this.#sizes }, rule);
    this.#map = this.#map ? composeMaps(this.#map, this.original.offsets, merged.map, offsetsBefore) : merged.map;
    this.#offsets = merged.offsets;
    this.#sizes = merged.sizes;
    if (this.#plan?.trace) this.#trace(layer, offsetsBefore, merged);
    this.#onMerge?.({ ...merged, layer, before: x, offsetsBefore });
    return merged.tokens;
  }

  /** A row for every original token: that of the token it stands in. */
  unmerge(x: SymbolicTensor): SymbolicTensor {
    return this.#map ? unmergeTokens(x, this.#offsets, this.#map, this.original.offsets) : x;
  }

  /** Outputs of the program that `readTrace` reads. */
  #trace(layer: number, offsetsBefore: SymbolicTensor, { map, offsets, last }: MergedTokens): void {
    const { builder } = map;
    builder.output(`merge.${layer}.offsetsBefore`, offsetsBefore);
    builder.output(`merge.${layer}.offsets`, offsets);
    builder.output(`merge.${layer}.map`, map);
    builder.output(`merge.${layer}.last`, last);
  }

  /** Records what a trace tells of the original tokens; once, after the last layer. */
  traceOriginal(): void {
    if (!this.#plan?.trace) return;
    const { offsets, positions } = this.original;
    offsets.builder.output('merge.offsets', offsets);
    offsets.builder.output('merge.positions', positions);
  }
}
