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
}

/**
 * Projects the encoder's output (float32 [rows, dModel]) once for all queries of a layer. With `packed` the keys are
 * also laid out for the attention kernel, which pays when they are read more than once.
 */
export function crossMemory(
  encoded: SymbolicTensor,
  keyOffsets: SymbolicTensor,
  weights: CrossAttentionWeights,
  geometry: AttentionGeometry,
  { packed }: { readonly packed: boolean },
): CrossMemory {
  const tensor = linear(encoded, encoded.builder.weight(weights.keyValue)); // [rows, 2 · inner]
  const key = packed ? packKeys(tensor, keyOffsets, geometry) : tensor;
  return { key, value: { tensor, column: geometry.numHeads * geometry.headDim }, keyOffsets };
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
