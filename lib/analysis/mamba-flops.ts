import { type LayerTokens, layerTokens, type MergeShape, mergingFlops } from './t5-flops.js';

/*
 * Floating-point operations of Mamba with and without merging, a multiply-add as two. Counted are matrix products, the
 * short convolution, the recurrence and its gate, and the similarities and means of merging; norms, activations and
 * residual additions are left out, as are embedding and head.
 */

export interface MambaShape {
  readonly hiddenSize: number;
  /** Channels of the mixer. */
  readonly dInner: number;
  /** State values of one channel. */
  readonly dState: number;
  readonly convKernel: number;
  /** Width of the bottleneck in front of the step sizes. */
  readonly dtRank: number;
}

/**
 * The recurrence of `tokens` steps over `channels` channels of `states` states each. A state and step: Δ·A, its
 * exponential (as one), (Δ·u)·B, a multiply-add into the state, one with C out of it. A channel and step: Δ·u, the
 * multiply-add of the way past, the gate.
 */
export function selectiveScanFlops(tokens: number, channels: number, states: number): number {
  return tokens * channels * (7 * states + 4);
}

/** One block, behind which tokens merge; `merging` undefined: they do not. */
export function mambaBlockFlops(
  tokens: LayerTokens,
  { hiddenSize, dInner, dState, convKernel, dtRank }: MambaShape,
  merging: MergeShape | undefined,
): number {
  const { entering } = tokens;
  const intoMixer = hiddenSize * 2 * dInner;
  const steps = dInner * (dtRank + 2 * dState) + dtRank * dInner;
  return (
    2 * entering * (intoMixer + dInner * convKernel + steps + dInner * hiddenSize) +
    selectiveScanFlops(entering, dInner, dState) +
    (merging ? mergingFlops(tokens, hiddenSize, merging) : 0)
  );
}

/** All blocks of one sequence: `counts` are the tokens that enter each, and those that leave the last one. */
export function mambaFlops(counts: readonly number[], shape: MambaShape, merging: MergeShape | undefined): number {
  return layerTokens(counts).reduce((sum, tokens) => sum + mambaBlockFlops(tokens, shape, merging), 0);
}
