import { TidemergeError } from '../errors.js';
import type { WindowErrors } from './forecast-errors.js';
import { seededUniform } from './seeded.js';

/** A relative change of the MSE, 0.03 for three percent more, and the interval that holds it. */
export interface Change {
  readonly estimate: number;
  /** Quantiles 0.025 and 0.975 of the resampled changes. */
  readonly low: number;
  readonly high: number;
}

export interface BootstrapOptions {
  readonly resamples: number;
  readonly seed: number;
}

/**
 * Relative change of the MSE from `reference` to `other`, both over the same windows in the same order, with a 95 %
 * interval of the paired percentile bootstrap.
 *
 * `groups[i]` names the group window i belongs to; whole groups are drawn, because the series of a table at one time
 * see the same weather and are no independent evidence. With every window a group of its own it is the plain paired
 * bootstrap. A group says little alone: with fewer than two groups the interval is NaN.
 */
export function mseChange(
  other: readonly WindowErrors[],
  reference: readonly WindowErrors[],
  groups: readonly number[],
  { resamples, seed }: BootstrapOptions,
): Change {
  if (other.length !== reference.length || other.length !== groups.length) {
    const got = `${other.length}, ${reference.length} and ${groups.length}`;
    throw new TidemergeError('ERR_INVALID_SHAPE', `mseChange: expected as many errors as groups, got ${got}`);
  }
  const sums = groupSums(other, reference, groups);
  const change = (a: number, b: number) => (a === b ? 0 : a / b - 1);
  const total = (side: 0 | 1) => sums.reduce((sum, group) => sum + group[side], 0);
  const estimate = change(total(0), total(1));
  if (sums.length < 2) return { estimate, low: NaN, high: NaN };
  const next = seededUniform(seed);
  const changes = Float64Array.from({ length: resamples }, () => {
    let a = 0;
    let b = 0;
    for (let i = 0; i < sums.length; i++) {
      const group = sums[Math.floor(next() * sums.length)]!;
      a += group[0];
      b += group[1];
    }
    return change(a, b);
  }).sort();
  return { estimate, low: sortedQuantile(changes, 0.025), high: sortedQuantile(changes, 0.975) };
}

type Sums = [other: number, reference: number];

function groupSums(
  other: readonly WindowErrors[],
  reference: readonly WindowErrors[],
  groups: readonly number[],
): Sums[] {
  const sums = new Map<number, Sums>();
  for (const [i, group] of groups.entries()) {
    const sum = sums.get(group) ?? [0, 0];
    sum[0] += other[i]!.squared;
    sum[1] += reference[i]!.squared;
    sums.set(group, sum);
  }
  return [...sums.values()];
}

/** Linear between neighbours. */
export function sortedQuantile(sorted: ArrayLike<number>, p: number): number {
  const at = p * (sorted.length - 1);
  const low = sorted[Math.floor(at)] ?? NaN;
  return low + (at % 1) * ((sorted[Math.ceil(at)] ?? NaN) - low);
}

export function median(numbers: readonly number[]): number {
  return sortedQuantile(
    [...numbers].sort((a, b) => a - b),
    0.5,
  );
}
