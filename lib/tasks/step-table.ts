import { TidemergeError } from '../errors.js';

/**
 * Results [batch, inner, steps, width] that are filled block by block, pass by pass: blocks of steps of some of the
 * series. Only whole runs of numbers are moved.
 */
export class StepTable {
  readonly data: Float32Array<ArrayBuffer>;
  readonly #inner: number;
  readonly #steps: number;
  readonly #width: number;

  constructor(batch: number, inner: number, steps: number, width: number) {
    this.data = allocate(batch * inner * steps * width);
    this.#inner = inner;
    this.#steps = steps;
    this.#width = width;
  }

  /** Puts the first `count` steps of source [indices, inner, sourceSteps, width] at step `at` of the series `indices`. */
  put(source: Float32Array, sourceSteps: number, indices: Int32Array, at: number, count: number): void {
    const run = count * this.#width;
    for (const [b, series] of indices.entries()) {
      for (let i = 0; i < this.#inner; i++) {
        const from = (b * this.#inner + i) * sourceSteps * this.#width;
        const to = ((series * this.#inner + i) * this.#steps + at) * this.#width;
        this.data.set(source.subarray(from, from + run), to);
      }
    }
  }

  /** Makes everything of a series NaN. */
  invalidate(series: number): void {
    const size = this.#inner * this.#steps * this.#width;
    this.data.fill(NaN, series * size, (series + 1) * size);
  }
}

export function allocate(length: number): Float32Array<ArrayBuffer> {
  try {
    return new Float32Array(length);
  } catch (cause) {
    throw new TidemergeError('ERR_OUT_OF_MEMORY', `results: no memory for ${length} numbers`, { cause });
  }
}
