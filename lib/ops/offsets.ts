import type { SymbolicTensor } from '../backend/program.js';
import { expectDType, expectInteger, expectMatrix, expectVector } from './record.js';

/*
 * Values sized by a batch: `offsets` (int32 [batch + 1]) only tells the number of series, counts are int32 [1].
 */

/** 0, count, 2·count, …, batch·count: the offsets of a batch with `count` rows a series. int32 [batch + 1]. */
export function uniformOffsets(offsets: SymbolicTensor, count: SymbolicTensor): SymbolicTensor {
  expectVector('uniform_offsets', 'offsets', offsets, 'int32');
  expectVector('uniform_offsets', 'count', count, 'int32');
  const [y] = offsets.builder.apply('uniform_offsets', [offsets, count], {}, [{ dtype: 'int32', columns: 1 }]);
  return y!;
}

/** `value` batch·count times: int32 [batch · count]. */
export function fillIds(offsets: SymbolicTensor, count: SymbolicTensor, value: number): SymbolicTensor {
  expectVector('fill_ids', 'offsets', offsets, 'int32');
  expectVector('fill_ids', 'count', count, 'int32');
  expectInteger('fill_ids', 'value', value, -(2 ** 31));
  const [y] = offsets.builder.apply('fill_ids', [offsets, count], { value }, [{ dtype: 'int32', columns: 1 }]);
  return y!;
}

/** Zeros [batch · count, columns]; `columns` is int32 [1] like `count`. */
export function zeros(
  offsets: SymbolicTensor,
  count: SymbolicTensor,
  columns: SymbolicTensor,
  dtype: 'float32' | 'int32' = 'float32',
): SymbolicTensor {
  expectVector('zeros', 'offsets', offsets, 'int32');
  expectVector('zeros', 'count', count, 'int32');
  expectVector('zeros', 'columns', columns, 'int32');
  const [y] = offsets.builder.apply('zeros', [offsets, count, columns], { dtype }, [{ dtype }]);
  return y!;
}

/**
 * `target` with column `index` (int32 [1]) replaced by `values`: target int32 or float32 [rows, columns], values of
 * the same type [rows]. Overwrites the target's memory when nothing else reads it.
 */
export function writeColumn(target: SymbolicTensor, values: SymbolicTensor, index: SymbolicTensor): SymbolicTensor {
  expectDType('write_column', 'target', target, 'int32', 'float32');
  expectMatrix('write_column', 'values', values, 1, target.dtype as 'int32' | 'float32');
  expectVector('write_column', 'index', index, 'int32');
  const { dtype, columns } = target;
  const [y] = target.builder.apply('write_column', [target, values, index], {}, [{ dtype, columns }]);
  return y!;
}
