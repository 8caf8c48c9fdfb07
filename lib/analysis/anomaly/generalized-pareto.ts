/** A generalised Pareto distribution of excesses: P(Y > y) = (1 + shape · y / scale)^(-1 / shape). */
export interface GeneralizedPareto {
  /** 0: the exponential distribution. */
  readonly shape: number;
  readonly scale: number;
}

/** Grid points a decade: roots closer together than that differ in nothing that matters. */
const STEPS_PER_DECADE = 8;
/** Nearer to zero, relative to the mean, the exponential distribution stands for all. */
const NEAR_ZERO = 1e-4;

/**
 * Maximum likelihood fit by Grimshaw's trick ("Computing Maximum Likelihood Estimates for the Generalized Pareto
 * Distribution", 1993): with x = shape / scale the best shape is the mean of log(1 + x·y), so one number is searched.
 * The likelihood's slope has the sign of w(x) = mean(1 / s) · (1 + mean(log s)) - 1, s = 1 + x·y; its local maxima are
 * bracketed on a grid and bisected. Where shape falls below -1 the likelihood has no bound, so that is
 * no estimate; the exponential distribution always is a candidate, and the answer where there is no local maximum.
 *
 * @param excesses positive, not empty.
 */
export function fitGeneralizedPareto(excesses: Float64Array): GeneralizedPareto {
  const average = excesses.reduce((sum, y) => sum + y, 0) / excesses.length;
  const smallest = excesses.reduce((least, y) => Math.min(least, y), Infinity);
  const largest = excesses.reduce((most, y) => Math.max(most, y), 0);
  let best: GeneralizedPareto = { shape: 0, scale: average };
  let bestLikelihood = -Math.log(average) - 1;
  // Grimshaw's bound for a root on the right of zero.
  const right = (2 * (average - smallest)) / smallest ** 2;
  const grids = [leftGrid(largest, NEAR_ZERO / average), logGrid(NEAR_ZERO / average, right)];
  for (const x of grids.flatMap((grid) => maxima(excesses, grid))) {
    const shape = logMean(excesses, x);
    const scale = shape / x;
    // Log-likelihood a value, at the scale that belongs to the shape.
    const likelihood = -Math.log(scale) - shape - 1;
    if (shape >= -1 && likelihood > bestLikelihood) [best, bestLikelihood] = [{ shape, scale }, likelihood];
  }
  return best;
}

/** w(x): the slope of the likelihood times something positive. */
function slope(excesses: Float64Array, x: number): number {
  let [logs, inverses] = [0, 0];
  for (const y of excesses) {
    logs += Math.log1p(x * y);
    inverses += 1 / (1 + x * y);
  }
  const n = excesses.length;
  return (inverses / n) * (1 + logs / n) - 1;
}

function logMean(excesses: Float64Array, x: number): number {
  return excesses.reduce((sum, y) => sum + Math.log1p(x * y), 0) / excesses.length;
}

function maxima(excesses: Float64Array, grid: readonly number[]): number[] {
  const slopes = grid.map((x) => slope(excesses, x));
  return grid.flatMap((x, i) => {
    if (i + 1 === grid.length || !(slopes[i]! > 0 && slopes[i + 1]! <= 0)) return [];
    return [bisect(excesses, x, grid[i + 1]!)];
  });
}

function bisect(excesses: Float64Array, rising: number, falling: number): number {
  let [low, high] = [rising, falling];
  for (;;) {
    const middle = (low + high) / 2;
    if (middle === low || middle === high) return middle;
    if (slope(excesses, middle) > 0) low = middle;
    else high = middle;
  }
}

/** From just right of -1 / largest, where the density ends, to -nearZero: dense at both ends. */
function leftGrid(largest: number, nearZero: number): number[] {
  const fromEnd = logGrid(1e-12, 0.5).map((share) => -(1 - share) / largest);
  const toZero = logGrid(nearZero, 0.5 / largest).map((x) => -x);
  return [...fromEnd, ...toZero.reverse()];
}

/** Ascending, both ends included; empty where there is no interval. */
function logGrid(from: number, to: number): number[] {
  if (!(to > from) || !Number.isFinite(to)) return [];
  const steps = Math.ceil(Math.log10(to / from) * STEPS_PER_DECADE);
  return Array.from({ length: steps + 1 }, (_, i) => (i === steps ? to : from * (to / from) ** (i / steps)));
}
