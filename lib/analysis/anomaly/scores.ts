import { TidemergeError } from '../../errors.js';
import { checkedPair, type Flags, type Segment, segmentsOf } from './flags.js';

export interface PrecisionRecall {
  /** 0 where nothing was predicted. */
  readonly precision: number;
  /** 0 where nothing is labelled. */
  readonly recall: number;
  /** Harmonic mean of the two; 0 where both are. */
  readonly f1: number;
}

export interface BinaryScores extends PrecisionRecall {
  readonly truePositives: number;
  readonly falsePositives: number;
  readonly falseNegatives: number;
  readonly trueNegatives: number;
  readonly accuracy: number;
}

/** Precision, recall, F1 and accuracy, every time step by itself. */
export function binaryScores(predicted: Flags, labels: Flags): BinaryScores {
  const [found, truth] = checkedPair('binaryScores', predicted, labels);
  const counts = [0, 0, 0, 0];
  for (let i = 0; i < found.length; i++) counts[2 * found[i]! + truth[i]!]!++;
  const [trueNegatives, falseNegatives, falsePositives, truePositives] = counts as [number, number, number, number];
  return {
    truePositives,
    falsePositives,
    falseNegatives,
    trueNegatives,
    ...withF1(
      share(truePositives, truePositives + falsePositives),
      share(truePositives, truePositives + falseNegatives),
    ),
    accuracy: share(truePositives + trueNegatives, found.length),
  };
}

export interface RangeScoreOptions {
  /** Weight of an anomaly having been noticed at all against how much of it was covered, in the recall. Default 0. */
  readonly alpha?: number;
  /**
   * What a range covered by x ranges of the other kind is worth: 'one' for the same, 'reciprocal' for 1 / x of it, which
   * punishes fragments. Default 'one'.
   */
  readonly cardinality?: 'one' | 'reciprocal';
}

/**
 * Range-based precision, recall and F1 (Tatbul et al., "Precision and Recall for Time Series", NeurIPS 2018) with flat
 * positional bias: a run of flagged steps is one prediction, a run of labelled steps one anomaly, each counts the same
 * whatever its length. Recall: mean over anomalies of `alpha` · (noticed at all) + (1 - alpha) · covered share ·
 * cardinality. Precision: mean over predictions of covered share · cardinality.
 */
export function rangeScores(
  predicted: Flags,
  labels: Flags,
  { alpha = 0, cardinality = 'one' }: RangeScoreOptions = {},
): PrecisionRecall {
  if (!(alpha >= 0 && alpha <= 1)) {
    throw new TidemergeError('ERR_INVALID_ARGUMENT', `rangeScores: alpha: expected 0 to 1, got ${alpha}`);
  }
  if (cardinality !== 'one' && cardinality !== 'reciprocal') {
    throw new TidemergeError(
      'ERR_INVALID_ARGUMENT',
      `rangeScores: cardinality: expected one or reciprocal, got ${cardinality}`,
    );
  }
  const [found, truth] = checkedPair('rangeScores', predicted, labels);
  const [predictions, anomalies] = [segmentsOf(found), segmentsOf(truth)];
  const reward = ({ covered, parts }: Overlap) => (cardinality === 'one' || parts <= 1 ? covered : covered / parts);
  return withF1(
    mean(overlaps(predictions, anomalies).map(reward)),
    mean(overlaps(anomalies, predictions).map((o) => (o.parts > 0 ? alpha : 0) + (1 - alpha) * reward(o))),
  );
}

interface Overlap {
  /** Share of the range that lies in ranges of the other kind. */
  readonly covered: number;
  /** Ranges of the other kind that touch it. */
  readonly parts: number;
}

/** Of each of `ranges` with all of `others`; both are sorted, so one walk through both is enough. */
function overlaps(ranges: readonly Segment[], others: readonly Segment[]): Overlap[] {
  let first = 0;
  return ranges.map(({ start, end }) => {
    while (first < others.length && others[first]!.end <= start) first++;
    let [steps, parts] = [0, 0];
    for (let i = first; i < others.length && others[i]!.start < end; i++) {
      steps += Math.min(end, others[i]!.end) - Math.max(start, others[i]!.start);
      parts++;
    }
    return { covered: steps / (end - start), parts };
  });
}

function withF1(precision: number, recall: number): PrecisionRecall {
  return { precision, recall, f1: share(2 * precision * recall, precision + recall) };
}

function mean(values: readonly number[]): number {
  return share(
    values.reduce((sum, value) => sum + value, 0),
    values.length,
  );
}

function share(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}
