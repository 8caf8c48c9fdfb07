import { TidemergeError } from '../../errors.js';

/** Anomaly scores by time step; NaN for a step that has none. */
export type Scores = ArrayLike<number>;

/**
 * The quantile of the scores at `level` (0 to 1), of several sets together: above it a score counts as anomalous. Between
 * two scores it is interpolated linearly (numpy.quantile's default). NaN scores are skipped.
 * ERR_INVALID_ARGUMENT for a level outside 0 to 1 and where no score is left.
 */
export function anomalyThreshold(scores: Scores | readonly Scores[], { level }: { readonly level: number }): number {
  if (!(level >= 0 && level <= 1)) {
    throw new TidemergeError('ERR_INVALID_ARGUMENT', `anomalyThreshold: level: expected 0 to 1, got ${level}`);
  }
  const sorted = sortedScores('anomalyThreshold', scores);
  const place = level * (sorted.length - 1);
  const low = Math.floor(place);
  const [a, b] = [sorted[low]!, sorted[Math.min(low + 1, sorted.length - 1)]!];
  const share = place - low;
  // Equal ends need no arithmetic, which between infinities would give NaN.
  return a === b || share === 0 ? a : a + (b - a) * share;
}

/** All scores that are numbers, ascending. ERR_INVALID_ARGUMENT where there is none. */
export function sortedScores(who: string, scores: Scores | readonly Scores[]): Float64Array {
  const sets = isSets(scores) ? scores : [scores];
  const all = new Float64Array(sets.reduce((sum, set) => sum + set.length, 0));
  let count = 0;
  for (const set of sets) {
    for (let i = 0; i < set.length; i++) {
      const score = set[i] as number;
      if (typeof score !== 'number') {
        throw new TidemergeError('ERR_INVALID_ARGUMENT', `${who}: expected numbers, got ${typeof score} at ${i}`);
      }
      if (!Number.isNaN(score)) all[count++] = score;
    }
  }
  if (count === 0) {
    throw new TidemergeError(
      'ERR_INVALID_ARGUMENT',
      `${who}: expected a score that is a number, got ${all.length} NaN`,
    );
  }
  return all.subarray(0, count).sort();
}

function isSets(scores: Scores | readonly Scores[]): scores is readonly Scores[] {
  return Array.isArray(scores) && typeof scores[0] === 'object';
}
