import { TidemergeError } from '../errors.js';
import { ARRAY_TYPES, type TensorData } from '../tensor/tensor.js';
import type { ProgramDescription } from './backend.js';

/** Throws unless there is exactly one well-formed value for every input of the program. `who` begins the messages. */
export function checkInputs(
  who: string,
  declared: ProgramDescription['inputs'],
  inputs: Readonly<Record<string, TensorData>>,
): void {
  for (const { name, dtype } of declared) {
    const value = Object.hasOwn(inputs, name) ? inputs[name] : undefined;
    if (!value) throw new TidemergeError('ERR_INVALID_ARGUMENT', `${who}: ${name}: expected ${dtype}, got nothing`);
    if (value.dtype !== dtype) {
      throw new TidemergeError('ERR_INVALID_DTYPE', `${who}: ${name}: expected ${dtype}, got ${value.dtype}`);
    }
    checkTensorData(who, name, value);
  }
  if (Object.keys(inputs).length === declared.length) return;
  for (const name of Object.keys(inputs)) {
    if (!declared.some((input) => input.name === name)) {
      throw new TidemergeError('ERR_INVALID_ARGUMENT', `${who}: ${name}: expected no input of this name`);
    }
  }
}

/** Splits the inputs (or outputs) of a program into those that a session keeps and the others, by place in the list. */
export function splitKept<T extends { readonly name: string }>(
  all: readonly T[],
  kept: readonly string[],
): { readonly kept: readonly T[]; readonly others: readonly T[] } {
  return {
    kept: kept.map((name) => {
      const found = all.find((value) => value.name === name);
      if (found) return found;
      throw new TidemergeError('ERR_INVALID_ARGUMENT', `session: kept: expected an input and output, got '${name}'`);
    }),
    others: all.filter(({ name }) => !kept.includes(name)),
  };
}

/** The array is of the declared type and as long as the shape says. */
export function checkTensorData(who: string, name: string, { dtype, rows, cols, data }: TensorData): void {
  const type = Object.hasOwn(ARRAY_TYPES, dtype) ? ARRAY_TYPES[dtype] : undefined;
  if (!type || !(data instanceof type)) {
    const got = data?.constructor?.name ?? String(data);
    throw new TidemergeError(
      'ERR_INVALID_DTYPE',
      `${who}: ${name}: expected a ${type?.name ?? 'known dtype'}, got ${got}`,
    );
  }
  if (!isCount(rows) || !isCount(cols)) {
    throw new TidemergeError('ERR_INVALID_SHAPE', `${who}: ${name}: expected counts, got [${rows}, ${cols}]`);
  }
  if (data.length === rows * cols) return;
  if (data.buffer.byteLength === 0) {
    throw new TidemergeError('ERR_DETACHED_BUFFER', `${who}: ${name}: its buffer was detached`);
  }
  throw new TidemergeError(
    'ERR_INVALID_SHAPE',
    `${who}: ${name}: expected ${rows * cols} numbers for [${rows}, ${cols}], got ${data.length}`,
  );
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
