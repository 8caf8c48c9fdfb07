import { TidemergeError } from '../errors.js';

/**
 * A matrix [out, in] whose entries are -alpha, 0 and alpha ("Sparse Binary Transformers", arXiv 2308.04637): which of
 * them are kept, on which side, and one scale.
 */
export interface SparseBinaryMatrix {
  readonly shape: readonly [out: number, inner: number];
  /** One bit per entry, row by row, lowest bit of a byte first: 1 where the entry is kept. ceil(out · in / 8) bytes. */
  readonly mask: Uint8Array;
  /** One bit per kept entry, in the same order: 1 where it is negative. ceil(kept / 8) bytes. */
  readonly signs: Uint8Array;
  /** Finite and above 0; rounded to float32. */
  readonly alpha: number;
}

/** Most inputs of a sparse binary matrix: kernels address them with 16 bits. */
export const MAX_SPARSE_INPUTS = 65535;

/**
 * Throws unless sizes agree: ERR_INVALID_DTYPE for bitmaps of another type, ERR_INVALID_SHAPE for wrong lengths,
 * ERR_INVALID_ARGUMENT for alpha, for bits behind the end, and for more than 65535 inputs. `who` begins the messages.
 */
export function checkSparseBinary(who: string, { shape, mask, signs, alpha }: SparseBinaryMatrix): void {
  for (const [name, bits] of Object.entries({ mask, signs })) {
    if (!(bits instanceof Uint8Array)) {
      throw new TidemergeError('ERR_INVALID_DTYPE', `${who}: ${name}: expected a Uint8Array, got ${typeof bits}`);
    }
  }
  const [out, inner] = shape ?? [];
  const isSize = (size: unknown) => Number.isSafeInteger(size) && (size as number) >= 0;
  if (shape?.length !== 2 || !isSize(out) || !isSize(inner) || out! * inner! > 2 ** 31) {
    throw new TidemergeError('ERR_INVALID_SHAPE', `${who}: expected a shape [out, in] of 2^31 entries, got [${shape}]`);
  }
  if (inner! > MAX_SPARSE_INPUTS) {
    const text = `${who}: expected at most ${MAX_SPARSE_INPUTS} inputs, got ${inner}`;
    throw new TidemergeError('ERR_INVALID_ARGUMENT', text);
  }
  expectBits(who, 'mask', mask, out! * inner!);
  expectBits(who, 'signs', signs, countKept(mask));
  if (!(Number.isFinite(Math.fround(alpha)) && Math.fround(alpha) > 0)) {
    throw new TidemergeError('ERR_INVALID_ARGUMENT', `${who}: alpha: expected a finite number > 0, got ${alpha}`);
  }
}

function expectBits(who: string, name: string, bytes: Uint8Array, count: number): void {
  const length = Math.ceil(count / 8);
  if (bytes.length !== length) {
    const expected = `${length} bytes for ${count} bits`;
    throw new TidemergeError('ERR_INVALID_SHAPE', `${who}: ${name}: expected ${expected}, got ${bytes.length}`);
  }
  if (count % 8 !== 0 && bytes[length - 1]! >> (count % 8) !== 0) {
    throw new TidemergeError('ERR_INVALID_ARGUMENT', `${who}: ${name}: expected zeros behind bit ${count}, got ones`);
  }
}

/** Ones in a bitmap. */
export function countKept(mask: Uint8Array): number {
  let count = 0;
  for (let byte of mask) for (; byte !== 0; byte &= byte - 1) count++;
  return count;
}

/** The entries in full, row by row. */
export function denseFromSparseBinary({ shape, mask, signs, alpha }: SparseBinaryMatrix): Float32Array {
  const dense = new Float32Array(shape[0] * shape[1]);
  let kept = 0;
  for (let i = 0; i < dense.length; i++) {
    if (!bitAt(mask, i)) continue;
    dense[i] = bitAt(signs, kept++) ? -alpha : alpha;
  }
  return dense;
}

function bitAt(bytes: Uint8Array, i: number): boolean {
  return ((bytes[i >> 3]! >> (i & 7)) & 1) === 1;
}
