/** `tidemerge/analysis`: what models cost, with and without merging; decisions on anomaly scores and how good they are. */

export type { DetectionInput, DetectionProtocol, DetectionResult } from './anomaly/evaluate.js';
export { evaluateDetection } from './anomaly/evaluate.js';
export type { Flags } from './anomaly/flags.js';
export type { GeneralizedPareto } from './anomaly/generalized-pareto.js';
export type { PeaksOptions, PeaksThreshold, PublishedPeaksOptions } from './anomaly/peaks-over-threshold.js';
export { peaksOverThreshold, publishedPeaksThreshold } from './anomaly/peaks-over-threshold.js';
export type { PointAdjustOptions } from './anomaly/point-adjust.js';
export { pointAdjust } from './anomaly/point-adjust.js';
export type { BinaryScores, PrecisionRecall, RangeScoreOptions } from './anomaly/scores.js';
export { binaryScores, rangeScores } from './anomaly/scores.js';
export type { Scores } from './anomaly/threshold.js';
export { anomalyThreshold } from './anomaly/threshold.js';
export type { HyenaShape } from './hyena-flops.js';
export { hyenaBlockFlops, hyenaFlops, longConvFlops } from './hyena-flops.js';
export type { MambaShape } from './mamba-flops.js';
export { mambaBlockFlops, mambaFlops, selectiveScanFlops } from './mamba-flops.js';
export type { LayerTokens, MergeShape, T5Shape } from './t5-flops.js';
export { decoderFlops, encoderFlops, encoderLayerFlops, layerTokens } from './t5-flops.js';
