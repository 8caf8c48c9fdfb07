import { mergeFlops } from '../ops/merge-cost.js';

/*
 * Floating-point operations of T5 models with and without merging. Counted are matrix products, the products of
 * attention and the similarities and means of merging, a multiply-add as two operations. Norms, softmax, activations and
 * residual additions are left out: together they are below 1 % of the published shapes.
 */

export interface T5Shape {
  readonly dModel: number;
  readonly numHeads: number;
  readonly headDim: number;
  readonly dFf: number;
  readonly gated: boolean;
}

/** Tokens that enter a layer's self-attention, and those that reach its feed-forward and the next layer. */
export interface LayerTokens {
  readonly entering: number;
  readonly leaving: number;
}

/** What merging costs a layer; `k` in pairs of tokens, 0 for global. */
export interface MergeShape {
  readonly k: number;
}

/** `counts`: tokens that enter each layer, and those that leave the last one. */
export function layerTokens(counts: readonly number[]): LayerTokens[] {
  return counts.slice(1).map((leaving, i) => ({ entering: counts[i]!, leaving }));
}

/** Similarities, norms and means of one layer's merge. */
export function mergingFlops({ entering, leaving }: LayerTokens, channels: number, { k }: MergeShape): number {
  return mergeFlops({ tokens: entering, channels, k: k === 0 ? 'global' : k, r: Math.max(0, entering - leaving) });
}

export function feedForwardFlops(rows: number, { dModel, dFf, gated }: T5Shape): number {
  return 2 * rows * dModel * dFf * (gated ? 3 : 2);
}

/** `rows` queries over `keys` keys each: products of queries with keys, and of weights with values. */
export function attentionFlops(rows: number, keys: number, { numHeads, headDim }: T5Shape): number {
  return 4 * rows * keys * numHeads * headDim;
}

/** `count` projections between the model's width and that of all heads. */
export function projectionFlops(rows: number, count: number, { dModel, numHeads, headDim }: T5Shape): number {
  return 2 * rows * count * dModel * numHeads * headDim;
}

/** One encoder layer that merges between self-attention and feed-forward; `merging` undefined: it does not merge. */
export function encoderLayerFlops(tokens: LayerTokens, shape: T5Shape, merging: MergeShape | undefined): number {
  const { entering, leaving } = tokens;
  return (
    projectionFlops(entering, 4, shape) +
    attentionFlops(entering, entering, shape) +
    (merging ? mergingFlops(tokens, shape.dModel, merging) : 0) +
    feedForwardFlops(leaving, shape)
  );
}

/** The encoder stack of one series. */
export function encoderFlops(counts: readonly number[], shape: T5Shape, merging: MergeShape | undefined): number {
  return layerTokens(counts).reduce((sum, tokens) => sum + encoderLayerFlops(tokens, shape, merging), 0);
}

/**
 * The decoder stack of one series over `keys` encoder tokens: their keys and values once, then for each of `paths` paths
 * `steps` steps, the s-th of which attends to s tokens of its past.
 */
export function decoderFlops(layers: number, keys: number, steps: number, paths: number, shape: T5Shape): number {
  const rows = steps * paths;
  const past = (paths * steps * (steps + 1)) / 2;
  return (
    layers *
    (projectionFlops(keys, 2, shape) +
      projectionFlops(rows, 6, shape) +
      attentionFlops(past, 1, shape) +
      attentionFlops(rows, keys, shape) +
      feedForwardFlops(rows, shape))
  );
}

/** A residual block of three linear layers (Chronos-Bolt's input and output patch embedding). */
export function residualBlockFlops(rows: number, input: number, hidden: number, output: number): number {
  return 2 * rows * (input * hidden + hidden * output + input * output);
}
