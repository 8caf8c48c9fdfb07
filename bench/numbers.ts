/*
 * Repeatable numbers, and how far two results are apart.
 */

/** Uniform numbers in [-1, 1): a 32-bit counter through a mixing function, so that a seed says everything. */
export function uniform(seed: number): () => number {
  let counter = seed >>> 0;
  return () => {
    counter = (counter + 0x9e3779b9) >>> 0;
    let bits = Math.imul(counter ^ (counter >>> 16), 0x85ebca6b);
    bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
    return ((bits ^ (bits >>> 16)) >> 0) / 2 ** 31;
  };
}

/** `count` numbers of that standard deviation around `mean`. */
export function randomArray(count: number, seed: number, deviation = 1, mean = 0): Float32Array<ArrayBuffer> {
  const next = uniform(seed);
  const width = deviation * Math.sqrt(3); // of a uniform distribution with this deviation
  const numbers = new Float32Array(count);
  for (let i = 0; i < count; i++) numbers[i] = mean + width * next();
  return numbers;
}

/** A series with a trend, two seasons and noise. */
export function randomSeries(length: number, seed = 1): Float32Array<ArrayBuffer> {
  const next = uniform(seed);
  return Float32Array.from({ length }, (_, t) => {
    const seasons = 3 * Math.sin((2 * Math.PI * t) / 24) + Math.sin((2 * Math.PI * t) / 168);
    return 20 + 0.01 * t + seasons + next();
  });
}

/** Unit roundoff of float32. */
export const ROUNDOFF = 2 ** -24;

/**
 * How far apart two computations of a network may be, relative to its output: one rounding error per matrix product,
 * which grows like the root of the number of summed elements, and all of them in the same direction.
 */
export function networkBound(products: number, summed: number): number {
  return products * Math.sqrt(summed) * ROUNDOFF;
}

/** T5's matrix products in a layer: queries, keys and values are one; attention has two of its own. */
export const PRODUCTS_A_LAYER = 6;

export interface Difference {
  /** Largest |a - b|. */
  readonly largest: number;
  /** Root mean square of a - b over the root mean square of b. */
  readonly relative: number;
}

/** NaN or infinity where the other has none, and unequal lengths, are an infinite difference. */
export function difference(a: ArrayLike<number>, b: ArrayLike<number>): Difference {
  if (a.length !== b.length) return { largest: Infinity, relative: Infinity };
  let largest = 0;
  let squares = 0;
  let reference = 0;
  for (let i = 0; i < a.length; i++) {
    const gap = Object.is(a[i], b[i]) ? 0 : Math.abs(a[i]! - b[i]!);
    if (!(gap < Infinity)) return { largest: Infinity, relative: Infinity };
    largest = Math.max(largest, gap);
    squares += gap * gap;
    reference += b[i]! * b[i]!;
  }
  return { largest, relative: squares === 0 ? 0 : Math.sqrt(squares / reference) };
}

/** The p-quantile of numbers in any order, linear between them. */
export function quantile(numbers: readonly number[], p: number): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const at = p * (sorted.length - 1);
  const low = sorted[Math.floor(at)] ?? NaN;
  return low + (at % 1) * ((sorted[Math.ceil(at)] ?? NaN) - low);
}

export const median = (numbers: readonly number[]): number => quantile(numbers, 0.5);
