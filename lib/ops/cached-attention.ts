import type { SymbolicTensor } from '../backend/program.js';
import { type Columns, checkDistanceBias, checkHeads, columnView, expectHeads, type HeadOptions } from './attention.js';
import { expectDType, expectVector } from './record.js';

export interface CachedAttentionInputs {
  /** float32 [rows, …]: the newest token of every sequence. */
  readonly query: Columns;
  readonly key: Columns;
  readonly value: Columns;
  /** Two states of float32, for this call alone. */
  readonly keyState: SymbolicTensor;
  readonly valueState: SymbolicTensor;
  /** int32 [1]: the place of this token, counted from 0. */
  readonly step: SymbolicTensor;
  /** int32 [1]: places to provide; read at step 0. */
  readonly capacity: SymbolicTensor;
  /** float32 [numHeads, 2D + 1], as in `attention`. */
  readonly distanceBias?: SymbolicTensor | undefined;
}

/**
 * One step of autoregressive self-attention: appends every row's key and value at place `step` of the row's own cache
 * and attends to the places 0 … step, the query being at place `step`.
 *
 * → float32 [rows, numHeads · headDim]. Step 0 empties the states and sizes them for these rows and `capacity`
 * places. A step that does not follow the last one, or is outside the capacity, fails with ERR_INVALID_ARGUMENT, other
 * rows or another capacity than at step 0 with ERR_INVALID_SHAPE.
 */
export function cachedAttention(inputs: CachedAttentionInputs, options: HeadOptions): SymbolicTensor {
  const op = 'cached_attention';
  const query = columnView(inputs.query);
  const key = columnView(inputs.key);
  const value = columnView(inputs.value);
  checkHeads(op, options);
  expectHeads(op, 'query', query, options);
  expectHeads(op, 'key', key, options);
  expectHeads(op, 'value', value, options);
  expectDType(op, 'keyState', inputs.keyState, 'float32');
  expectDType(op, 'valueState', inputs.valueState, 'float32');
  expectVector(op, 'step', inputs.step, 'int32');
  expectVector(op, 'capacity', inputs.capacity, 'int32');
  checkDistanceBias(op, inputs.distanceBias, options.numHeads);
  const { keyState, valueState, step, capacity, distanceBias } = inputs;
  const { numHeads, headDim, scale } = options;
  const [y] = query.tensor.builder.apply(
    op,
    [query.tensor, key.tensor, value.tensor, keyState, valueState, step, capacity, distanceBias],
    { numHeads, headDim, scale, queryColumn: query.column, keyColumn: key.column, valueColumn: value.column },
    [{ dtype: 'float32', columns: numHeads * headDim }],
  );
  return y!;
}
