import type { ForecastModel } from '../models/forecast-model.js';
import { ForecastWarning } from './forecasts.js';
import type { ForecastRequest } from './options.js';

export function horizonWarnings(model: ForecastModel, { horizon }: ForecastRequest): ForecastWarning[] {
  if (horizon <= model.predictionLength) return [];
  const rule =
    model.kind === 'samples'
      ? 'the median of each block continues the series'
      : 'its quantile paths continue the series';
  const message = `predictionLength ${horizon} is beyond the ${model.predictionLength} steps the model was trained for: ${rule}, and accuracy falls`;
  return [new ForecastWarning('WARN_LONG_HORIZON', message)];
}

export function levelWarnings(model: ForecastModel, levels: readonly number[]): ForecastWarning[] {
  if (model.kind === 'samples') return [];
  const [least, most] = [Math.fround(model.quantileLevels[0]!), Math.fround(model.quantileLevels.at(-1)!)];
  const outside = levels.filter((level) => Math.fround(level) < least || Math.fround(level) > most);
  if (outside.length === 0) return [];
  const message = `quantile levels ${outside.join(', ')} are outside those the model was trained for (${model.quantileLevels[0]} to ${model.quantileLevels.at(-1)}): its outermost ones stand in`;
  return [new ForecastWarning('WARN_QUANTILES_CLAMPED', message)];
}
