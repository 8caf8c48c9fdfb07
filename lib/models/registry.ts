import { TidemergeError } from '../errors.js';
import { chronosBolt } from './chronos-bolt/model.js';
import { chronosT5 } from './chronos-t5/model.js';
import type { ForecastModel, PointModel } from './forecast-model.js';
import { checkClasses, type LoadOptions, loadModel, type ModelDefinition } from './load.js';
import { mambaForecaster } from './mamba-forecaster/model.js';
import type { OpenModel } from './model-files.js';
import { sbtForecaster } from './sbt/forecaster.js';

// biome-ignore lint/suspicious/noExplicitAny: configuration and weights are between a definition and itself
type ForecastDefinition = ModelDefinition<any, any, ForecastModel | PointModel>;

/** The forecasting models: one line per model. */
export const FORECAST_MODELS: readonly ForecastDefinition[] = [chronosT5, chronosBolt, sbtForecaster, mambaForecaster];

/**
 * Chooses by the names of the tensors; the classes a configuration names must agree, because published fine-tunes exist
 * whose configuration is another model's.
 */
export function chooseForecastModel(files: OpenModel): ForecastDefinition {
  const definition = FORECAST_MODELS.find((candidate) => candidate.matches(files.weights));
  if (!definition) {
    const names = FORECAST_MODELS.map(({ name, architecture }) => `${name} (${architecture})`).join(' or ');
    throw new TidemergeError(
      'ERR_UNSUPPORTED',
      `${files.weightsFile}: expected the tensors of ${names}${guess(files)}`,
    );
  }
  checkClasses(files.config, definition);
  return definition;
}

/** Loads whichever forecasting model is in a directory. */
export function loadForecastModel(directory: string, options: LoadOptions = {}): Promise<ForecastModel | PointModel> {
  return loadModel(directory, chooseForecastModel, options);
}

/** What the configuration says, for the message. */
function guess({ config }: OpenModel): string {
  if (!config.has('architectures')) return '';
  return `; ${config.error('architectures', 'one of these').message}`;
}
