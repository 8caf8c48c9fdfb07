import type { SymbolicTensor } from '../backend/program.js';
import { TidemergeError } from '../errors.js';
import type { DType } from '../tensor/tensor.js';
import { expectDType, expectInteger, expectMatrix, expectVector } from './record.js';

/** A copy of the columns from `from` up to, but not including, `to`, of any type: [rows, to - from]. */
export function columns(x: SymbolicTensor, from: number, to: number): SymbolicTensor {
  const dtype = expectNumbers('columns', x);
  expectInteger('columns', 'from', from, 0);
  expectInteger('columns', 'to', to, from);
  if (x.columns !== undefined && to > x.columns) {
    throw new TidemergeError('ERR_INVALID_SHAPE', `columns: to: expected at most ${x.columns}, got ${to}`);
  }
  const [y] = x.builder.apply('columns', [x], { from, to }, [{ dtype, columns: to - from }]);
  return y!;
}

/**
 * y[i] = x[indices[i]]: x of any type [rows, columns], indices int32 [n] → [n, columns]. An index outside x fails
 * the run with ERR_INVALID_ARGUMENT.
 */
export function gatherRows(x: SymbolicTensor, indices: SymbolicTensor): SymbolicTensor {
  const dtype = expectNumbers('gather_rows', x);
  expectVector('gather_rows', 'indices', indices, 'int32');
  const [y] = x.builder.apply('gather_rows', [x, indices], {}, [{ dtype, columns: x.columns }]);
  return y!;
}

/** Every row `count` (int32 [1]) times in a row: any type, [rows, columns] → [rows · count, columns]. */
export function repeatRows(x: SymbolicTensor, count: SymbolicTensor): SymbolicTensor {
  const dtype = expectNumbers('repeat_rows', x);
  expectVector('repeat_rows', 'count', count, 'int32');
  const [y] = x.builder.apply('repeat_rows', [x, count], {}, [{ dtype, columns: x.columns }]);
  return y!;
}

/** The rows of a ragged batch: x [rows, columns], offsets int32 [batch + 1], positions int32 [rows]. */
export interface RaggedRows {
  readonly x: SymbolicTensor;
  readonly offsets: SymbolicTensor;
  readonly positions: SymbolicTensor;
}

/**
 * One more row at the end of every series: `row` (float32 [1, columns] for all, or [batch, columns]) at position
 * counts[b] (int32 [batch]). The result has rows + batch rows.
 */
export function appendRow(rows: RaggedRows, counts: SymbolicTensor, row: SymbolicTensor): RaggedRows {
  const { x } = rows;
  checkRagged('append_row', rows);
  expectVector('append_row', 'counts', counts, 'int32');
  expectMatrix('append_row', 'row', row, x.columns, 'float32');
  const [y, offsets, positions] = x.builder.apply('append_row', [x, rows.offsets, rows.positions, counts, row], {}, [
    { dtype: 'float32', columns: x.columns },
    { dtype: 'int32', columns: 1 },
    { dtype: 'int32', columns: 1 },
  ]);
  return { x: y!, offsets: offsets!, positions: positions! };
}

/**
 * A ragged batch as a rectangular one: series b's row at position p becomes row b · length + p, `length` being int32
 * [1]; other rows are zero.
 *
 * → padded float32 [batch · length, columns], and mask uint8 [batch · length], 1 where there was a row. A position
 * outside the length fails the run with ERR_INVALID_ARGUMENT; positions of a series should differ.
 */
export function padRows(
  rows: RaggedRows,
  length: SymbolicTensor,
): { readonly padded: SymbolicTensor; readonly mask: SymbolicTensor } {
  const { x } = rows;
  checkRagged('pad_rows', rows);
  expectVector('pad_rows', 'length', length, 'int32');
  const [padded, mask] = x.builder.apply('pad_rows', [x, rows.offsets, rows.positions, length], {}, [
    { dtype: 'float32', columns: x.columns },
    { dtype: 'uint8', columns: 1 },
  ]);
  return { padded: padded!, mask: mask! };
}

function expectNumbers(op: string, x: SymbolicTensor): DType {
  expectDType(op, 'x', x, 'float32', 'float64', 'int32', 'uint8');
  return x.dtype as DType;
}

function checkRagged(op: string, { x, offsets, positions }: RaggedRows): void {
  expectDType(op, 'x', x, 'float32');
  expectVector(op, 'offsets', offsets, 'int32');
  expectVector(op, 'positions', positions, 'int32');
}
