import type { WeightHandle } from '../backend/backend.js';
import type { SymbolicTensor } from '../backend/program.js';
import { attention, type Columns, packKeys } from '../ops/attention.js';
import { linear } from '../ops/linear.js';
import { rmsNorm } from '../ops/norm.js';
import type { AttentionGeometry } from './self-attention.js';

export interface CrossAttentionWeights {
  /** [dModel] */
  readonly norm: WeightHandle;
  /** [numHeads · headDim, dModel] */
  readonly query: WeightHandle;
  /** [2 · numHeads · headDim, dModel]: the rows of keys and values. */
  readonly keyValue: WeightHandle;
  /** [dModel, numHeads · headDim] */
  readonly output: WeightHandle;
}

/** Keys and values of the sequences looked at, one layer's. */
export interface CrossMemory {
  readonly key: Columns;
  readonly value: Columns;
  /** int32 [batch + 1] */
  readonly keyOffsets: SymbolicTensor;
  /** float32 [rows]: see `attention`. */
  readonly keySizes?: SymbolicTensor | undefined;
}

/** The rows looked at: float32 [rows, dModel], int32 [batch + 1], and float32 [rows] where sizes count. */
export interface EncodedRows {
  readonly x: SymbolicTensor;
  readonly offsets: SymbolicTensor;
  readonly sizes?: SymbolicTensor | undefined;
}

/**
 * Projects the encoder's output once for all queries of a layer. With `packed` the keys are
 * also laid out for the attention kernel, which pays when they are read more than once.
 */
export function crossMemory(
  { x, offsets, sizes }: EncodedRows,
  weights: CrossAttentionWeights,
  geometry: AttentionGeometry,
  { packed }: { readonly packed: boolean },
): CrossMemory {
  const tensor = linear(x, x.builder.weight(weights.keyValue)); // [rows, 2 · inner]
  const key = packed ? packKeys(tensor, offsets, geometry) : tensor;
  const value = { tensor, column: geometry.numHeads * geometry.headDim };
  return { key, value, keyOffsets: offsets, keySizes: sizes };
}

/**
 * x + output(attention(norm(x), memory)): x float32 [queries, dModel], queryOffsets int32 [batch + 1]. All queries of
 * a series share the memory of that series.
 */
export function crossAttention(
  x: SymbolicTensor,
  weights: CrossAttentionWeights,
  memory: CrossMemory,
  queryOffsets: SymbolicTensor,
  { numHeads, headDim, scale, epsilon }: AttentionGeometry,
): SymbolicTensor {
  const { builder } = x;
  const normed = rmsNorm(x, builder.weight(weights.norm), { epsilon });
  const query = linear(normed, builder.weight(weights.query)); // [queries, inner]
  const mixed = attention({ query, ...memory, queryOffsets }, { numHeads, headDim, scale });
  return linear(mixed, builder.weight(weights.output), { residual: x });
}
