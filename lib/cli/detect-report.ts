import type { DetectionProtocol, DetectionQuality } from '../analysis/anomaly/evaluate.js';
import type { PrecisionRecall } from '../analysis/anomaly/scores.js';
import { significant, textTable } from './text-table.js';

/** Where the threshold comes from. */
export type ThresholdSource =
  | { readonly kind: 'given' | 'model' }
  | { readonly kind: 'train' | 'train-and-series' /** Of normal data. */; readonly scores: number };

export interface DetectionSummary {
  readonly protocol: DetectionProtocol;
  readonly threshold: number;
  readonly source: ThresholdSource;
  /** Of the quantile that is the threshold, where this run took one. */
  readonly level: number | undefined;
  readonly steps: number;
  /** Steps that have a score. */
  readonly scored: number;
  /** Steps above the threshold, and their runs. */
  readonly anomalous: number;
  readonly ranges: number;
  /** Where there are labels. */
  readonly quality: DetectionQuality | undefined;
}

/** What `--json` says in its last line. */
export function detectionObject({ source, quality, ...rest }: DetectionSummary) {
  return {
    ...rest,
    threshold_from: source.kind,
    ...('scores' in source && { train_scores: source.scores }),
    ...(quality && {
      point_adjusted: quality.pointAdjusted,
      points: figures(quality.points),
      range_based: figures(quality.ranges),
    }),
  };
}

const figures = ({ precision, recall, f1 }: PrecisionRecall) => ({ precision, recall, f1 });

/** The summary for people. Every text names the protocol. */
export function detectionText(summary: DetectionSummary): string {
  const { protocol, threshold, steps, scored, anomalous, ranges, quality } = summary;
  const lines = [
    `protocol ${protocol}: threshold ${significant(threshold, 6)}, ${origin(summary)}`,
    `${scored} of ${steps} steps have a score, ${anomalous} of them are anomalous, in ${ranges} ranges`,
  ];
  if (!quality) return lines.join('\n');
  const row = (name: string, { precision, recall, f1 }: PrecisionRecall) => [
    name,
    ...[precision, recall, f1].map((value) => value.toFixed(4)),
  ];
  const points = quality.pointAdjusted ? 'steps, point-adjusted with the labels' : 'steps';
  const table = textTable(
    [`protocol ${protocol}`, 'precision', 'recall', 'F1'],
    [row(points, quality.points), row('ranges', quality.ranges)],
  );
  return [...lines, table.trimEnd()].join('\n');
}

function origin({ source, level }: DetectionSummary): string {
  if (!('scores' in source)) return source.kind === 'given' ? 'as given' : 'stored with the model';
  const scores = `${source.scores} scores of the normal data`;
  if (source.kind === 'train') return `the ${level} quantile of ${scores}`;
  return `the ${level} quantile of ${scores} and of the scores it judges`;
}
