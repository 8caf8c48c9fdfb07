export type { WeightDType } from './backend/backend.js';
export { ERROR_CODES, type ErrorCode, TidemergeError } from './errors.js';
export type { LoadOptions } from './models/load.js';
export type { LoadProgress } from './models/weight-loader.js';
export { embeddedModels } from './tasks/embedded.js';
export { Forecaster } from './tasks/forecaster.js';
export {
  type BatchOutcome,
  type Embeddings,
  ForecastWarning,
  type LevelForecasts,
  QuantileForecasts,
  type SampleForecasts,
  type SeriesForecast,
  type WarningCode,
} from './tasks/forecasts.js';
export type { FlatSeries, Series, SeriesInputs } from './tasks/inputs.js';
export type { BatchOptions, ForecastOptions, ForecastProgress, QuantileOptions } from './tasks/options.js';
export type { SeriesId } from './tasks/random-keys.js';
