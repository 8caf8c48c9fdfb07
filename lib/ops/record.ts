import type { WeightKind } from '../backend/backend.js';
import type { SymbolicTensor } from '../backend/program.js';
import { TidemergeError } from '../errors.js';
import type { DType } from '../tensor/tensor.js';

/*
 * What can be checked while an operator is recorded: element types, column counts where both sides are known, and the
 * sizes of weights. Row counts are known only when the program runs and are checked there.
 */

/** The tensor has one of these element types. */
export function expectDType(op: string, name: string, tensor: SymbolicTensor, ...dtypes: DType[]): void {
  if (!(dtypes as string[]).includes(tensor.dtype)) {
    throw new TidemergeError(
      'ERR_INVALID_DTYPE',
      `${op}: ${name}: expected ${dtypes.join(' or ')}, got ${tensor.dtype}`,
    );
  }
}

/** The tensor has this many columns, as far as either is known. */
export function expectColumns(op: string, name: string, tensor: SymbolicTensor, columns: number | undefined): void {
  if (columns !== undefined && tensor.columns !== undefined && tensor.columns !== columns) {
    throw new TidemergeError('ERR_INVALID_SHAPE', `${op}: ${name}: expected ${columns} columns, got ${tensor.columns}`);
  }
}

/** A [rows, columns] value of one of these types. */
export function expectMatrix(
  op: string,
  name: string,
  tensor: SymbolicTensor,
  columns: number | undefined,
  ...dtypes: DType[]
): void {
  expectDType(op, name, tensor, ...dtypes);
  expectColumns(op, name, tensor, columns);
}

/** float32, with at least the columns [column, column + width), as far as they are known. */
export function expectColumnRange(
  op: string,
  name: string,
  { tensor, column }: { readonly tensor: SymbolicTensor; readonly column: number },
  width: number,
): void {
  expectDType(op, name, tensor, 'float32');
  expectInteger(op, `${name} column`, column, 0);
  if (tensor.columns !== undefined && tensor.columns < column + width) {
    throw new TidemergeError(
      'ERR_INVALID_SHAPE',
      `${op}: ${name}: expected at least ${column + width} columns, got ${tensor.columns}`,
    );
  }
}

/** A vector: one column. A weight's length is checked too, and it may lie as well as stand. */
export function expectVector(
  op: string,
  name: string,
  tensor: SymbolicTensor,
  dtype: DType,
  length?: number | undefined,
): void {
  expectDType(op, name, tensor, dtype);
  const [rows, columns] = tensor.weight?.shape ?? [undefined, tensor.columns];
  const isVector = columns === undefined || columns === 1 || rows === 1;
  const count = rows === undefined ? undefined : rows * (columns ?? 1);
  if (!isVector || (length !== undefined && count !== undefined && count !== length)) {
    const got = `[${rows ?? 'rows'}, ${columns}]`;
    throw new TidemergeError('ERR_INVALID_SHAPE', `${op}: ${name}: expected [${length ?? 'rows'}, 1], got ${got}`);
  }
}

/** A weight made as `kind`; gives its [rows, columns]. */
export function expectWeight(
  op: string,
  name: string,
  tensor: SymbolicTensor,
  kind: Exclude<WeightKind, 'vector'>,
): readonly [rows: number, columns: number] {
  if (tensor.weight?.kind !== kind) {
    const got = tensor.weight ? `a ${tensor.weight.kind}` : tensor.dtype;
    throw new TidemergeError('ERR_INVALID_ARGUMENT', `${op}: ${name}: expected a ${kind} weight, got ${got}`);
  }
  return tensor.weight.shape;
}

/** A whole number of at least `least`. */
export function expectInteger(op: string, name: string, value: number, least = 1): void {
  if (!Number.isSafeInteger(value) || value < least) {
    throw new TidemergeError('ERR_INVALID_ARGUMENT', `${op}: ${name}: expected an integer >= ${least}, got ${value}`);
  }
}

/** A finite number of at least `least`. */
export function expectNumber(op: string, name: string, value: number, least = -Infinity): void {
  if (!Number.isFinite(value) || value < least) {
    const wanted = least === -Infinity ? 'a finite number' : `a finite number >= ${least}`;
    throw new TidemergeError('ERR_INVALID_ARGUMENT', `${op}: ${name}: expected ${wanted}, got ${value}`);
  }
}
