import type { SparseBinaryMatrix } from '../../tensor/sparse-binary.js';
import type { SbtMatrix } from './weights.js';

export interface Slice {
  /** [begin, end) */
  readonly rows?: readonly [begin: number, end: number];
  readonly columns?: readonly [begin: number, end: number];
  readonly transposed?: boolean;
}

/** A part of a matrix, as a matrix of the same kind. */
export function sliceOf(weight: SbtMatrix, slice: Slice): SbtMatrix {
  const [out, inner] = weight.kind === 'dense' ? weight.shape : weight.matrix.shape;
  const { rows = [0, out], columns = [0, inner], transposed = false } = slice;
  const size = [rows[1] - rows[0], columns[1] - columns[0]] as const;
  const shape = transposed ? ([size[1], size[0]] as const) : size;
  const entries = weight.kind === 'dense' ? weight.data : signsOf(weight.matrix);
  const part = new Float32Array(shape[0] * shape[1]);
  for (let i = 0; i < size[0]; i++) {
    for (let j = 0; j < size[1]; j++) {
      part[transposed ? j * size[0] + i : i * size[1] + j] = entries[(rows[0] + i) * inner + columns[0] + j]!;
    }
  }
  if (weight.kind === 'dense') return { kind: 'dense', shape, data: part };
  return { kind: 'sparse-binary', matrix: { shape, ...bitsOf(part), alpha: weight.matrix.alpha } };
}

/** -1, 0 and 1. */
function signsOf({ shape, mask, signs }: SparseBinaryMatrix): Int8Array {
  const entries = new Int8Array(shape[0] * shape[1]);
  let kept = 0;
  for (let i = 0; i < entries.length; i++) {
    if (!bitAt(mask, i)) continue;
    entries[i] = bitAt(signs, kept++) ? -1 : 1;
  }
  return entries;
}

function bitsOf(entries: Float32Array): Pick<SparseBinaryMatrix, 'mask' | 'signs'> {
  const mask = new Uint8Array(Math.ceil(entries.length / 8));
  const signs = new Uint8Array(mask.length);
  let kept = 0;
  for (const [i, entry] of entries.entries()) {
    if (entry === 0) continue;
    setBit(mask, i);
    if (entry < 0) setBit(signs, kept);
    kept++;
  }
  return { mask, signs: signs.slice(0, Math.ceil(kept / 8)) };
}

function bitAt(bytes: Uint8Array, i: number): boolean {
  return ((bytes[i >> 3]! >> (i & 7)) & 1) === 1;
}

function setBit(bytes: Uint8Array, i: number): void {
  bytes[i >> 3]! |= 1 << (i & 7);
}
