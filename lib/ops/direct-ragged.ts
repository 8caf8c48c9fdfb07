import { TidemergeError } from '../errors.js';
import { matrix, type TensorData } from '../tensor/tensor.js';
import { type FloatTensor, type IntegerTensor, integers } from '../tensor/user-tensors.js';

/*
 * Between the padded rectangles of the caller, [batch, tokens, …], and the ragged batches of the operators.
 */

/** Tokens of every series: the given lengths, or all of them. */
export function readLengths(
  who: string,
  lengths: IntegerTensor | undefined,
  batch: number,
  tokens: number,
): Int32Array {
  if (!lengths) return new Int32Array(batch).fill(tokens);
  const { data } = integers(who, 'lengths', lengths, [batch]);
  const wrong = data.find((length) => length < 0 || length > tokens);
  if (wrong !== undefined) {
    throw new TidemergeError('ERR_INVALID_ARGUMENT', `${who}: lengths: expected 0 to ${tokens}, got ${wrong}`);
  }
  return data;
}

export function offsetsOf(lengths: Int32Array): TensorData {
  const offsets = new Int32Array(lengths.length + 1);
  for (const [b, length] of lengths.entries()) offsets[b + 1] = offsets[b]! + length;
  return matrix(offsets);
}

/** The rows within the lengths, one series after the other; each row has `width` numbers. */
export function ragged<A extends Float32Array | Int32Array>(
  data: A,
  lengths: Int32Array,
  tokens: number,
  width = 1,
): A {
  if (lengths.every((length) => length === tokens)) return data;
  const total = lengths.reduce((sum, length) => sum + length, 0);
  const out = new (data.constructor as { new (length: number): A })(total * width);
  let at = 0;
  for (const [b, length] of lengths.entries()) {
    const begin = b * tokens * width;
    out.set(data.subarray(begin, begin + length * width), at);
    at += length * width;
  }
  return out;
}

/** The same of a float tensor [batch, tokens, …], as rows for an operator. */
export function raggedFloats({ data, shape }: FloatTensor, lengths: Int32Array, width: number): TensorData {
  const values = data instanceof Float32Array ? data : new Float32Array(data);
  const rows = lengths.reduce((sum, length) => sum + length, 0);
  return matrix(ragged(values, lengths, shape[1]!, width), width, rows);
}

/** Back: series b's rows at the beginning of its part of `to`, which has `most` rows for each. */
export function rectangle<A extends Float32Array | Int32Array | Uint8Array>(
  from: A,
  lengths: Int32Array,
  most: number,
  width: number,
  to: A,
): A {
  let at = 0;
  for (const [b, length] of lengths.entries()) {
    to.set(from.subarray(at, at + length * width), b * most * width);
    at += length * width;
  }
  return to;
}

/** A float tensor as rows for an operator, whatever its shape. */
export function floatRows({ data }: FloatTensor, rows: number, cols: number): TensorData {
  return matrix(data instanceof Float32Array ? data : new Float32Array(data), cols, rows);
}

/** Offsets of a batch of equal lengths. */
export function uniform(batch: number, length: number): TensorData {
  return offsetsOf(new Int32Array(batch).fill(length));
}
