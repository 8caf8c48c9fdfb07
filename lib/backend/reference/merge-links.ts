/*
 * Which tokens of one series merge (arXiv 2405.17951, section 3). A tokens stand at even places, B tokens at odd ones;
 * A token i stands at 2i, B token j at 2j + 1.
 */

export type Similarity = 'cosine' | 'l2' | 'l1';

export interface SeriesFeatures {
  readonly tokens: number;
  readonly features: number;
  /** [tokens, features] */
  readonly data: Float64Array;
  /** By token: may it merge? */
  readonly present: readonly boolean[];
}

/** The best partner of every A token: similarity -∞ and choice -1 where there is none. */
export interface BestLinks {
  readonly best: Float64Array;
  readonly choice: Int32Array;
}

/** Every norm is at least this, so that a zero vector has cosine 0 to everything. */
const LEAST_NORM = 1e-12;

export function bestLinks(series: SeriesFeatures, k: number, similarity: Similarity): BestLinks {
  const pairs = Math.floor(series.tokens / 2);
  const reach = k === 0 ? pairs : Math.min(k, pairs);
  const best = new Float64Array(pairs).fill(-Infinity);
  const choice = new Int32Array(pairs).fill(-1);
  for (let i = 0; i < pairs; i++) {
    if (!series.present[2 * i]) continue;
    for (let j = Math.max(0, i - reach + 1); j < Math.min(pairs, i + reach); j++) {
      if (!series.present[2 * j + 1]) continue;
      const value = SIMILARITIES[similarity](row(series, 2 * i), row(series, 2 * j + 1));
      if (choice[i] === -1 || value > best[i]!) {
        best[i] = value;
        choice[i] = j;
      }
    }
  }
  return { best, choice };
}

/** The A tokens of the `count` most similar links, most similar first, the earlier of equals first. */
export function mostSimilar({ best }: BestLinks, count: number): number[] {
  return candidates(best).slice(0, count);
}

/** The same of the `count` earliest links more similar than `threshold`. */
export function earliest({ best }: BestLinks, threshold: number, count: number): number[] {
  const above = [...best.keys()].filter((i) => best[i]! > threshold).slice(0, count);
  return candidates(best).filter((i) => above.includes(i));
}

function candidates(best: Float64Array): number[] {
  const linked = [...best.keys()].filter((i) => best[i] !== -Infinity);
  return linked.sort((a, b) => best[b]! - best[a]! || a - b);
}

const SIMILARITIES: Readonly<Record<Similarity, (a: Float64Array, b: Float64Array) => number>> = {
  cosine: (a, b) => dot(a, b) / (norm(a) * norm(b)),
  l2: (a, b) => -Math.sqrt(sum(a, (x, c) => (x - b[c]!) ** 2)),
  l1: (a, b) => -sum(a, (x, c) => Math.abs(x - b[c]!)),
};

function row({ data, features }: SeriesFeatures, token: number): Float64Array {
  return data.subarray(token * features, (token + 1) * features);
}

function dot(a: Float64Array, b: Float64Array): number {
  return sum(a, (x, c) => x * b[c]!);
}

function norm(a: Float64Array): number {
  return Math.max(Math.sqrt(dot(a, a)), LEAST_NORM);
}

function sum(a: Float64Array, term: (value: number, index: number) => number): number {
  let total = 0;
  for (const [c, value] of a.entries()) total += term(value, c);
  return total;
}
