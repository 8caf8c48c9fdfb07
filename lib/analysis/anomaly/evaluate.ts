import { TidemergeError } from '../../errors.js';
import type { Flags } from './flags.js';
import { pointAdjust } from './point-adjust.js';
import { type BinaryScores, binaryScores, type PrecisionRecall, rangeScores } from './scores.js';
import { anomalyThreshold, type Scores } from './threshold.js';

/**
 * - 'honest': the threshold comes from the train and validation scores alone, predictions are taken as they are;
 * - 'paper': the test scores are in the quantile as well and predictions are point-adjusted, as the published figures of
 *   sparse binary transformers were made (after Anomaly Transformer). It has seen the test data and the labels.
 */
export type DetectionProtocol = 'honest' | 'paper';

export interface DetectionInput {
  /** Of normal data the model was trained on. */
  readonly trainScores: Scores;
  /** Of normal data it was not trained on: pooled with the train scores. */
  readonly validationScores?: Scores;
  /** A score per step or window; NaN where there is none, which is never flagged. */
  readonly testScores: Scores;
  /** 1 where a test step is anomalous. */
  readonly labels: Flags;
  /** Of the quantile: 0.995 for SMD, 0.99 for MSL and SMAP in the paper. */
  readonly level: number;
  /** Default 'honest'. */
  readonly protocol?: DetectionProtocol;
}

export interface DetectionResult {
  readonly protocol: DetectionProtocol;
  readonly level: number;
  readonly threshold: number;
  /** The score sets the threshold was taken from. */
  readonly thresholdFrom: readonly ('train' | 'validation' | 'test')[];
  readonly pointAdjusted: boolean;
  /** 0 or 1 for every test step, after point adjustment where the protocol has it. */
  readonly predicted: Uint8Array;
  /** Every step by itself, of `predicted`. */
  readonly points: BinaryScores;
  /** By ranges (`rangeScores`), always of the predictions without point adjustment. */
  readonly ranges: PrecisionRecall;
  /** Test steps without a score. */
  readonly unscored: number;
}

/** Flags the scores above a quantile of scores, and says how good that is by one of two protocols. */
export function evaluateDetection(input: DetectionInput): DetectionResult {
  const { trainScores, validationScores, testScores, labels, level, protocol = 'honest' } = input;
  if (protocol !== 'honest' && protocol !== 'paper') {
    throw new TidemergeError(
      'ERR_INVALID_ARGUMENT',
      `evaluateDetection: protocol: expected honest or paper, got ${protocol}`,
    );
  }
  const paper = protocol === 'paper';
  const sets: (readonly ['train' | 'validation' | 'test', Scores])[] = [['train', trainScores]];
  if (validationScores) sets.push(['validation', validationScores]);
  if (paper) sets.push(['test', testScores]);
  const threshold = anomalyThreshold(
    sets.map(([, scores]) => scores),
    { level },
  );
  const raw = Uint8Array.from(testScores, (score) => Number(score > threshold));
  return {
    protocol,
    level,
    threshold,
    thresholdFrom: sets.map(([name]) => name),
    ...judgeFlags(raw, labels, protocol),
    unscored: Array.prototype.filter.call(testScores, Number.isNaN).length,
  };
}

export type DetectionQuality = Pick<DetectionResult, 'pointAdjusted' | 'predicted' | 'points' | 'ranges'>;

/** How good the flags of test steps are, whichever way they were found. */
export function judgeFlags(flags: Uint8Array, labels: Flags, protocol: DetectionProtocol): DetectionQuality {
  const pointAdjusted = protocol === 'paper';
  const predicted = pointAdjusted ? pointAdjust(flags, labels, { published: true }) : flags;
  return { pointAdjusted, predicted, points: binaryScores(predicted, labels), ranges: rangeScores(flags, labels) };
}
