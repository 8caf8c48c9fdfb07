import type { SparseBinaryMatrix } from '../../tensor/sparse-binary.js';

/** [out, in] */
export type SbtMatrix =
  | { readonly kind: 'sparse-binary'; readonly matrix: SparseBinaryMatrix }
  | { readonly kind: 'dense'; readonly shape: readonly [out: number, inner: number]; readonly data: Float32Array };

export interface SbtLinear {
  readonly weight: SbtMatrix;
  /** [out] */
  readonly bias?: Float32Array | undefined;
}

/**
 * y = x · scale + shift. BatchNorm: per channel [dModel], its running statistics folded in. LayerNorm over time: per
 * step [windowLength], after the normalisation; entries a pruned norm drops are 0.
 */
export interface SbtNorm {
  readonly scale: Float32Array;
  readonly shift: Float32Array;
}

/** Bitmaps [windowLength, dModel], lowest bit first: 1 where a projected value is set to zero. */
export interface SbtActivationMasks {
  readonly query: Uint8Array;
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

export interface SbtLayerWeights {
  readonly query: SbtLinear;
  readonly key: SbtLinear;
  readonly value: SbtLinear;
  readonly output: SbtLinear;
  readonly expand: SbtLinear;
  readonly contract: SbtLinear;
  readonly norms?: readonly [afterAttention: SbtNorm, afterFeedForward: SbtNorm] | undefined;
  readonly activationMasks?: SbtActivationMasks | undefined;
}

/** A whole model as plain arrays: what files are read into and written from, and what programs are made of. */
export interface SbtWeights {
  readonly embedding: SbtLinear;
  readonly layers: readonly SbtLayerWeights[];
  readonly decoder: SbtLinear;
  /** [windowLength, dModel], where the configuration says 'table'. */
  readonly positions?: Float32Array | undefined;
  /** Per variable: inputs are (x - mean) / scale. Absent: inputs are taken as they are. */
  readonly standardization?: { readonly mean: Float32Array; readonly scale: Float32Array } | undefined;
}
