import type { WeightHandle } from '../backend/backend.js';
import type { ProgramBuilder, SymbolicTensor } from '../backend/program.js';
import { attention, type MergedGroups } from '../ops/attention.js';
import { cachedAttention } from '../ops/cached-attention.js';
import { linear } from '../ops/linear.js';
import { rmsNorm } from '../ops/norm.js';

/** Sizes of an attention layer. `scale` multiplies the logits: 1 in T5. */
export interface AttentionGeometry {
  readonly numHeads: number;
  readonly headDim: number;
  readonly scale: number;
  /** Of the normalisation in front of the layer. */
  readonly epsilon: number;
}

export interface SelfAttentionWeights {
  /** [dModel] */
  readonly norm: WeightHandle;
  /** [3 · numHeads · headDim, dModel]: the rows of queries, keys and values, so that one product makes all three. */
  readonly queryKeyValue: WeightHandle;
  /** [dModel, numHeads · headDim] */
  readonly output: WeightHandle;
}

/** The rows of a ragged batch see only rows of their own series. */
export interface RaggedPlaces {
  readonly offsets: SymbolicTensor;
  /** Absent where `groups` say it. */
  readonly positions?: SymbolicTensor | undefined;
  readonly causal: boolean;
  /** [numHeads, 2D + 1] */
  readonly distanceBias: SymbolicTensor;
  /** Of merged tokens. */
  readonly groups?: MergedGroups | undefined;
  /** float32 [rows]: see `attention`. */
  readonly keySizes?: SymbolicTensor | undefined;
}

/** x + output(attention(norm(x))) over whole sequences: x float32 [rows, dModel]. */
export function selfAttention(
  x: SymbolicTensor,
  weights: SelfAttentionWeights,
  { offsets, positions, causal, ...others }: RaggedPlaces,
  geometry: AttentionGeometry,
): SymbolicTensor {
  const { query, key, value } = project(x, weights, geometry);
  const mixed = attention(
    {
      query,
      key,
      value,
      queryOffsets: offsets,
      keyOffsets: offsets,
      queryPositions: positions,
      keyPositions: positions,
      ...others,
    },
    { ...heads(geometry), causal },
  );
  return linear(mixed, x.builder.weight(weights.output), { residual: x });
}

/** Where a decoding step stands, and the memory of the steps before it. */
export interface CachedPlaces {
  readonly keyState: SymbolicTensor;
  readonly valueState: SymbolicTensor;
  /** int32 [1] */
  readonly step: SymbolicTensor;
  /** int32 [1]: how many steps there will be. */
  readonly capacity: SymbolicTensor;
  readonly distanceBias: SymbolicTensor;
}

/** The same for the newest token of every sequence, whose earlier keys and values are in the states: x [rows, dModel]. */
export function cachedSelfAttention(
  x: SymbolicTensor,
  weights: SelfAttentionWeights,
  places: CachedPlaces,
  geometry: AttentionGeometry,
): SymbolicTensor {
  const mixed = cachedAttention({ ...project(x, weights, geometry), ...places }, heads(geometry));
  return linear(mixed, x.builder.weight(weights.output), { residual: x });
}

/** Two states for the keys and values of one layer. */
export function attentionStates(builder: ProgramBuilder, name: string) {
  return {
    keyState: builder.state(`${name}.keys`, 'float32'),
    valueState: builder.state(`${name}.values`, 'float32'),
  };
}

function project(x: SymbolicTensor, weights: SelfAttentionWeights, { numHeads, headDim, epsilon }: AttentionGeometry) {
  const inner = numHeads * headDim;
  const normed = rmsNorm(x, x.builder.weight(weights.norm), { epsilon });
  const tensor = linear(normed, x.builder.weight(weights.queryKeyValue)); // [rows, 3 · inner]
  return { query: tensor, key: { tensor, column: inner }, value: { tensor, column: 2 * inner } };
}

function heads({ numHeads, headDim, scale }: AttentionGeometry) {
  return { numHeads, headDim, scale };
}
