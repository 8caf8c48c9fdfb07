import type { SymbolicTensor } from '../backend/program.js';
import { type Columns, checkHeads, columnView, expectHeads, type HeadOptions } from './attention.js';
import { expectDType, expectInteger, expectVector } from './record.js';

export interface WindowAttentionInputs {
  /** float32 [2, …] each: the step as the newest of its window, and as a past one. */
  readonly query: Columns;
  readonly key: Columns;
  readonly value: Columns;
  /** Two states of float32, for this call alone. */
  readonly keyState: SymbolicTensor;
  readonly valueState: SymbolicTensor;
  /** int32 [1]; see `nextPlace`. */
  readonly place: SymbolicTensor;
}

/** Where the step after the one at `place` stands; the first one stands at 0. */
export function nextPlace(place: number, past: number): number {
  return (place === 2 * past + 1 ? past : place) + 1;
}

/**
 * Step-T attention of a window of `past` steps and the newest one that moves on step by step: the newest step asks the past
 * ones, a past step sees itself alone.
 *
 * → float32 [2, numHeads · headDim]: what query row 0 makes of the last `past` steps, and value row 1 as it is. Key and
 * value rows 1 are kept for the steps to come. Place 0 makes the states ready; a call changes nothing that the same call,
 * once more, would miss. A place outside [0, 2 · past + 1] fails with ERR_INVALID_ARGUMENT, one that place 0 did not
 * come before with ERR_INVALID_SHAPE.
 */
export function windowAttention(
  inputs: WindowAttentionInputs,
  options: HeadOptions & { readonly past: number },
): SymbolicTensor {
  const op = 'window_attention';
  const { keyState, valueState, place } = inputs;
  const query = columnView(inputs.query);
  const key = columnView(inputs.key);
  const value = columnView(inputs.value);
  const { numHeads, headDim, scale, past } = options;
  checkHeads(op, options);
  expectInteger(op, 'past', past, 0);
  for (const [name, view] of Object.entries({ query, key, value })) expectHeads(op, name, view, options);
  expectDType(op, 'keyState', keyState, 'float32');
  expectDType(op, 'valueState', valueState, 'float32');
  expectVector(op, 'place', place, 'int32');
  const [queryColumn, keyColumn, valueColumn] = [query.column, key.column, value.column];
  const [y] = query.tensor.builder.apply(
    op,
    [query.tensor, key.tensor, value.tensor, keyState, valueState, place],
    { numHeads, headDim, scale, past, queryColumn, keyColumn, valueColumn },
    [{ dtype: 'float32', columns: numHeads * headDim }],
  );
  return y!;
}
