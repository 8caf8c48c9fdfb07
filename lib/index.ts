export type { WeightDType } from './backend/backend.js';
export { ERROR_CODES, type ErrorCode, TidemergeError } from './errors.js';
export type { MergingOptions, MergingPlace } from './merging/options.js';
export { composedMap, type LayerTrace, type SeriesTrace } from './merging/trace.js';
export type { LoadOptions } from './models/load.js';
export type { LoadProgress } from './models/weight-loader.js';
export {
  AnomalyDetector,
  type Calibration,
  type Detection,
  type DetectOptions,
} from './tasks/anomaly-detector.js';
export { AnomalyStream } from './tasks/anomaly-stream.js';
export { type Classification, Classifier, type ClassifyOptions } from './tasks/classifier.js';
export { embeddedModels } from './tasks/embedded.js';
export { Forecaster, type ForecasterOptions } from './tasks/forecaster.js';
export {
  type BatchOutcome,
  type Embeddings,
  ForecastWarning,
  type LevelForecasts,
  type MergeTrace,
  type PointForecasts,
  QuantileForecasts,
  type SampleForecasts,
  type SeriesForecast,
  type WarningCode,
} from './tasks/forecasts.js';
export type { FlatSeries, Series, SeriesInputs } from './tasks/inputs.js';
export type { MultivariateInputs, MultivariateSeries } from './tasks/multivariate.js';
export type { BatchOptions, ForecastOptions, ForecastProgress, QuantileOptions } from './tasks/options.js';
export type { SeriesId } from './tasks/random-keys.js';
