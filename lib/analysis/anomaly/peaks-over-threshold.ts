import { TidemergeError } from '../../errors.js';
import { fitGeneralizedPareto, type GeneralizedPareto } from './generalized-pareto.js';
import { type Scores, sortedScores } from './threshold.js';

export interface PeaksOptions {
  /** How often a normal score may lie above the threshold. Default 1e-5. */
  readonly risk?: number;
  /** Share of the reference scores that is no tail. Default 0.98. */
  readonly initialLevel?: number;
}

export interface PeaksThreshold {
  readonly threshold: number;
  /** Where the tail begins. */
  readonly initialThreshold: number;
  /** The level used: `publishedPeaksThreshold` may have to lower it. */
  readonly initialLevel: number;
  /** Reference scores in the tail. */
  readonly peaks: number;
  /** What was fitted to their distances from the initial threshold. */
  readonly tail: GeneralizedPareto;
}

/**
 * A threshold that a normal score exceeds with probability `risk`, also where that is rarer than the reference scores can
 * show: a generalised Pareto distribution is fitted to the tail beyond the quantile `initialLevel` (Siffer et al.,
 * "Anomaly Detection in Streams with Extreme Value Theory", KDD 2017, the calibration of SPOT). NaN scores are skipped.
 *
 * @param reference scores of normal data, one set or several.
 * ERR_INVALID_ARGUMENT for a risk or level outside (0, 1), a risk not below the tail's share, infinite scores, and where
 * no score lies beyond the initial threshold.
 */
export function peaksOverThreshold(
  reference: Scores | readonly Scores[],
  { risk = 1e-5, initialLevel = 0.98 }: PeaksOptions = {},
): PeaksThreshold {
  const who = 'peaksOverThreshold';
  checkShares(who, { risk, initialLevel });
  return calibrate(who, finiteScores(who, reference), risk, initialLevel);
}

export interface PublishedPeaksOptions extends PeaksOptions {
  /** What the threshold is multiplied with: 1.04 for SMD, 1 for SMAP and MSL in the published code. */
  readonly factor?: number;
}

/**
 * The peaks-over-threshold rule as the sparse binary transformers' published code applies it, to compare figures: it
 * takes the test scores into the threshold. The initial level is lowered by a thousandth of itself until there is a
 * tail; from the first test score above the initial threshold on, the running threshold is the initial one; the result
 * is its mean over the test scores times `factor`. One thing differs: the published search for the likeliest tail ends
 * where its optimiser happens to stop, here it is the maximum; thresholds of the two differ by about half a percent.
 */
export function publishedPeaksThreshold(
  reference: Scores | readonly Scores[],
  test: Scores,
  { risk = 1e-5, initialLevel = 0.98, factor = 1 }: PublishedPeaksOptions = {},
): PeaksThreshold {
  const who = 'publishedPeaksThreshold';
  checkShares(who, { risk, initialLevel });
  const sorted = finiteScores(who, reference);
  if (test.length === 0) throw new TidemergeError('ERR_INVALID_ARGUMENT', `${who}: test: expected scores, got none`);
  let level = initialLevel;
  // Ends where the smallest score is the threshold; `calibrate` then tells what is wrong.
  while (level * sorted.length >= 1 && !(sorted[Math.floor(level * sorted.length)]! < sorted.at(-1)!)) level *= 0.999;
  const calibrated = calibrate(who, sorted, risk, level);
  const exceeding = Array.prototype.findIndex.call(test, (score) => score > calibrated.initialThreshold);
  const share = exceeding < 0 ? 1 : exceeding / test.length;
  const { threshold, initialThreshold } = calibrated;
  return { ...calibrated, threshold: factor * (share * threshold + (1 - share) * initialThreshold) };
}

function finiteScores(who: string, reference: Scores | readonly Scores[]): Float64Array {
  const sorted = sortedScores(who, reference);
  const infinite = [sorted[0]!, sorted.at(-1)!].find((score) => !Number.isFinite(score));
  if (infinite === undefined) return sorted;
  throw new TidemergeError('ERR_INVALID_ARGUMENT', `${who}: reference: expected finite scores, got ${infinite}`);
}

function checkShares(who: string, shares: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(shares)) {
    if (value > 0 && value < 1) continue;
    throw new TidemergeError(
      'ERR_INVALID_ARGUMENT',
      `${who}: ${name}: expected a number between 0 and 1, got ${value}`,
    );
  }
}

function calibrate(who: string, sorted: Float64Array, risk: number, initialLevel: number): PeaksThreshold {
  const count = sorted.length;
  const initialThreshold = sorted[Math.floor(initialLevel * count)]!;
  const excesses = sorted.filter((score) => score > initialThreshold).map((score) => score - initialThreshold);
  const peaks = excesses.length;
  if (peaks === 0) {
    throw new TidemergeError(
      'ERR_INVALID_ARGUMENT',
      `${who}: expected scores above the initial threshold, got none among ${count} at the initial level ${initialLevel}: give more scores or a lower level`,
    );
  }
  // How rare `risk` is within the tail.
  const rarity = (risk * count) / peaks;
  if (rarity >= 1) {
    throw new TidemergeError(
      'ERR_INVALID_ARGUMENT',
      `${who}: risk: expected less than the tail's share ${peaks / count}, got ${risk}: lower the risk or the initial level`,
    );
  }
  const tail = fitGeneralizedPareto(excesses);
  const { shape, scale } = tail;
  // (r^-shape - 1) / shape, exact also where the shape is next to nothing.
  const reach = shape === 0 ? -Math.log(rarity) : Math.expm1(-shape * Math.log(rarity)) / shape;
  return { threshold: initialThreshold + scale * reach, initialThreshold, initialLevel, peaks, tail };
}
