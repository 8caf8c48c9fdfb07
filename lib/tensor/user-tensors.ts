import { TidemergeError } from '../errors.js';
import { elementCount, type Tensor } from './tensor.js';

/*
 * Tensors as users of the low level give them: { data, shape } with flat row-major data.
 */

export type FloatTensor = Tensor<Float32Array | Float64Array>;
/** Whole numbers of any of these types; 64-bit ones must fit into 32 bits. */
export type IntegerTensor = Tensor<Int32Array | BigInt64Array | Uint8Array>;

/** Checks rank and size; a size given in `shape` must be met. Gives the tensor back. */
export function floats(
  who: string,
  name: string,
  tensor: FloatTensor,
  shape: readonly (number | undefined)[],
): FloatTensor {
  checkShape(who, name, tensor, shape);
  if (!(tensor.data instanceof Float32Array || tensor.data instanceof Float64Array)) {
    throw wrongType(who, name, 'a Float32Array or Float64Array', tensor.data);
  }
  return tensor;
}

/** The same for whole numbers, as Int32Array. */
export function integers(
  who: string,
  name: string,
  tensor: IntegerTensor,
  shape: readonly (number | undefined)[],
): Tensor<Int32Array> {
  checkShape(who, name, tensor, shape);
  const { data } = tensor;
  if (data instanceof Int32Array) return { data, shape: tensor.shape };
  if (data instanceof Uint8Array) return { data: Int32Array.from(data), shape: tensor.shape };
  if (!(data instanceof BigInt64Array)) throw wrongType(who, name, 'an Int32Array or BigInt64Array', data);
  const narrow = new Int32Array(data.length);
  for (const [i, value] of data.entries()) {
    narrow[i] = Number(value);
    if (BigInt(narrow[i] as number) !== value) {
      throw new TidemergeError(
        'ERR_INVALID_ARGUMENT',
        `${who}: ${name}: expected numbers of 32 bits, got ${value} at ${i}`,
      );
    }
  }
  return { data: narrow, shape: tensor.shape };
}

function checkShape(
  who: string,
  name: string,
  tensor: { readonly data: ArrayBufferView; readonly shape: readonly number[] },
  expected: readonly (number | undefined)[],
): void {
  const { data, shape } = tensor ?? {};
  if (!ArrayBuffer.isView(data) || !Array.isArray(shape)) {
    throw new TidemergeError(
      'ERR_INVALID_ARGUMENT',
      `${who}: ${name}: expected { data, shape }, got ${tensor === null ? 'null' : typeof tensor}`,
    );
  }
  const sizes = shape.every((size) => Number.isSafeInteger(size) && size >= 0);
  if (
    !sizes ||
    shape.length !== expected.length ||
    expected.some((size, i) => size !== undefined && size !== shape[i])
  ) {
    const wanted = expected.map((size) => size ?? 'any').join(', ');
    throw new TidemergeError(
      'ERR_INVALID_SHAPE',
      `${who}: ${name}: expected shape [${wanted}], got [${shape.join(', ')}]`,
    );
  }
  const { length } = data as Float32Array;
  if (length === elementCount(shape)) return;
  if (length === 0 && isDetached(data)) {
    throw new TidemergeError('ERR_DETACHED_BUFFER', `${who}: ${name}: its buffer was detached`);
  }
  throw new TidemergeError(
    'ERR_INVALID_SHAPE',
    `${who}: ${name}: expected ${elementCount(shape)} elements for [${shape.join(', ')}], got ${length}`,
  );
}

/** Node 20 has no ArrayBuffer.prototype.detached; a view of a detached buffer cannot be made. */
export function isDetached({ buffer }: ArrayBufferView): boolean {
  try {
    new Uint8Array(buffer, 0, 0);
    return false;
  } catch {
    return true;
  }
}

function wrongType(who: string, name: string, expected: string, data: ArrayBufferView): TidemergeError {
  return new TidemergeError('ERR_INVALID_DTYPE', `${who}: ${name}: expected ${expected}, got ${data.constructor.name}`);
}
