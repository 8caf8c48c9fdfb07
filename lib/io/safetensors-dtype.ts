import { TidemergeError } from '../errors.js';
import { quote } from './quote.js';

export type SafetensorsDtype = 'F64' | 'F32' | 'F16' | 'BF16' | 'I8' | 'U8' | 'I16' | 'I32' | 'I64' | 'BOOL';
export type Shape = readonly number[];

/** The arrays that carry raw bits: F16 and BF16 as Uint16Array, BOOL as Uint8Array of 0 and 1. */
export type TensorData =
  | Float64Array
  | Float32Array
  | Uint16Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Int32Array
  | BigInt64Array;

type DataConstructor = {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBuffer): TensorData;
};

const ARRAYS: ReadonlyMap<string, DataConstructor> = new Map<SafetensorsDtype, DataConstructor>([
  ['F64', Float64Array],
  ['F32', Float32Array],
  ['F16', Uint16Array],
  ['BF16', Uint16Array],
  ['I8', Int8Array],
  ['U8', Uint8Array],
  ['I16', Int16Array],
  ['I32', Int32Array],
  ['I64', BigInt64Array],
  ['BOOL', Uint8Array],
]);

export const SAFETENSORS_DTYPES = [...ARRAYS.keys()] as readonly SafetensorsDtype[];

export function isSafetensorsDtype(value: unknown): value is SafetensorsDtype {
  return typeof value === 'string' && ARRAYS.has(value);
}

export function arrayFor(dtype: SafetensorsDtype): DataConstructor {
  const array = ARRAYS.get(dtype);
  if (array === undefined)
    throw new TidemergeError(
      'ERR_INVALID_DTYPE',
      `safetensors: expected one of ${SAFETENSORS_DTYPES.join(', ')}, got ${quote(String(dtype))}`,
    );
  return array;
}

export function elementBytes(dtype: SafetensorsDtype): number {
  return arrayFor(dtype).BYTES_PER_ELEMENT;
}

/** More dimensions than any tensor has; bounds the work a hostile shape can cause. */
export const MAX_RANK = 64;

/** A non-negative safe integer; -0 is none. */
export function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && !Object.is(value, -0);
}

/** The number of elements, or undefined when `shape` is not a list of non-negative safe integers with a safe product. */
export function elementCount(shape: unknown): number | undefined {
  if (!Array.isArray(shape) || shape.length > MAX_RANK) return undefined;
  let product = 1;
  for (const size of shape as unknown[]) {
    if (!isSize(size)) return undefined;
    product *= size;
    if (!Number.isSafeInteger(product)) return undefined;
  }
  return product;
}
