import { type LayerTokens, layerTokens, type MergeShape, mergingFlops } from './t5-flops.js';

/*
 * Floating-point operations of HyenaDNA with and without merging, a multiply-add as two. Counted are matrix products, both
 * convolutions and their gates, and the similarities and means of merging; norms, activations and residual additions are
 * left out, as is the filter, which is evaluated once.
 */

export interface HyenaShape {
  readonly dModel: number;
  readonly dInner: number;
}

/**
 * A causal convolution over all of a sequence by transforms of twice its length, for every channel: one forth and one
 * back (the filter's own is kept), each 2.5 N log₂ N for N real numbers, and the product of spectra.
 */
export function longConvFlops(tokens: number, channels: number): number {
  const points = 2 * tokens;
  return tokens === 0 ? 0 : channels * (5 * points * Math.log2(points) + 3 * points);
}

/** One block that merges between its mixer and its MLP; `merging` undefined: it does not merge. */
export function hyenaBlockFlops(
  tokens: LayerTokens,
  { dModel, dInner }: HyenaShape,
  merging: MergeShape | undefined,
): number {
  const { entering, leaving } = tokens;
  const short = 2 * 3 * 3 * dModel * entering;
  const gates = 4 * dModel * entering; // two products, and the way past the convolution
  return (
    2 * entering * dModel * 4 * dModel +
    short +
    gates +
    longConvFlops(entering, dModel) +
    (merging ? mergingFlops(tokens, dModel, merging) : 0) +
    4 * leaving * dModel * dInner
  );
}

/** All blocks of one sequence: `counts` are the tokens that enter each, and those that leave the last one. */
export function hyenaFlops(counts: readonly number[], shape: HyenaShape, merging: MergeShape | undefined): number {
  return layerTokens(counts).reduce((sum, tokens) => sum + hyenaBlockFlops(tokens, shape, merging), 0);
}
