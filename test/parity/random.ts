import { matrix, type TensorData } from '../../lib/tensor/tensor.js';

/** Reproducible numbers for cases: the same on every machine. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** In [0, 1). */
  uniform(): number {
    // A Weyl sequence through an integer finaliser.
    this.#state = (this.#state + 0x9e3779b9) >>> 0;
    let word = this.#state;
    word = Math.imul(word ^ (word >>> 16), 0x21f0aaad);
    word = Math.imul(word ^ (word >>> 15), 0x735a2d97);
    return ((word ^ (word >>> 15)) >>> 0) / 2 ** 32;
  }

  below(limit: number): number {
    return Math.floor(this.uniform() * limit);
  }

  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.uniform())) * Math.cos(2 * Math.PI * this.uniform());
  }

  normals(count: number, scale = 1): Float32Array<ArrayBuffer> {
    return Float32Array.from({ length: count }, () => scale * this.normal());
  }

  /** float32 [rows, cols] */
  matrix(rows: number, cols: number, scale = 1): TensorData {
    return matrix(this.normals(rows * cols, scale), cols, rows);
  }

  /** float32 [n, 1] */
  vector(n: number, scale = 1): TensorData {
    return this.matrix(n, 1, scale);
  }
}

/** int32 offsets of series with these numbers of rows. */
export function offsetsOf(lengths: readonly number[]): TensorData {
  const offsets = [0];
  for (const length of lengths) offsets.push(offsets.at(-1)! + length);
  return matrix(Int32Array.from(offsets));
}

export function total(lengths: readonly number[]): number {
  return lengths.reduce((a, b) => a + b, 0);
}
