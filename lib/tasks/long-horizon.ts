import type {
  LevelForecasts,
  QuantileModel,
  RunOptions,
  SampledForecasts,
  SampleModel,
  SeriesBatch,
} from '../models/forecast-model.js';
import type { ForecastRequest } from './options.js';
import { seedWords } from './random-keys.js';

/*
 * Forecasts longer than one pass of a model, by the rules of the published pipelines: what was forecast is appended to
 * the series, and the model looks again.
 */

type BlockRequest = Pick<ForecastRequest, 'horizon' | 'signal' | 'merging'> & Pick<RunOptions, 'onTrace'>;

/** A run of steps, beginning at step `at`; a block may hold more steps than `count`. */
export interface Block<Forecast> {
  readonly at: number;
  readonly count: number;
  readonly forecast: Forecast;
}

/**
 * Samples: the lower median of a block's paths continues the series (so uncertainty does not grow from block to block).
 */
export async function* sampleBlocks(
  model: SampleModel,
  batch: SeriesBatch,
  request: ForecastRequest & Pick<RunOptions, 'onTrace'>,
  keys: Int32Array,
  levels: Float32Array | undefined,
): AsyncGenerator<Block<SampledForecasts>> {
  const { horizon, numSamples, sampling, seed } = request;
  let context = batch;
  for (let at = 0, block = 0; at < horizon; at += model.predictionLength, block++) {
    const count = Math.min(horizon - at, model.predictionLength);
    const settings = { ...sampling, numSamples, levels, keys, seed: seedWords(seed, block), horizon: count };
    const forecast = await model.sample(context, settings, runOptions(request, at === 0));
    yield { at, count, forecast };
    if (at + count < horizon) context = extend(context, forecast.lowerMedian, count, model.contextLength);
  }
}

/**
 * Trained quantiles, [batch, levels, predictionLength] for every block: each quantile path continues a copy of the
 * series, and the levels² paths of the next block are reduced to the levels again by their empirical quantiles.
 */
export async function* pathBlocks(
  model: QuantileModel,
  batch: SeriesBatch,
  request: BlockRequest,
): AsyncGenerator<Block<Float32Array>> {
  const { horizon, signal } = request;
  const { predictionLength, contextLength, quantileLevels } = model;
  const levels = quantileLevels.length;
  let paths = await model.paths(batch, runOptions(request, true));
  let contexts = batch;
  for (let at = 0; ; at += predictionLength) {
    yield { at, count: Math.min(horizon - at, predictionLength), forecast: paths };
    if (at + predictionLength >= horizon) return;
    if (at === 0) contexts = repeat(batch, levels);
    contexts = extend(contexts, paths, predictionLength, contextLength);
    const next = await model.paths(contexts, runOptions(request, false));
    paths = transpose(await model.reducePaths(next, levels * levels, signal), predictionLength, levels);
  }
}

/** The same at any levels. */
export async function* levelBlocks(
  model: QuantileModel,
  batch: SeriesBatch,
  request: BlockRequest,
  levels: Float32Array,
): AsyncGenerator<Block<LevelForecasts>> {
  const { horizon, signal } = request;
  if (horizon <= model.predictionLength) {
    yield { at: 0, count: horizon, forecast: await model.quantiles(batch, levels, runOptions(request, true)) };
    return;
  }
  for await (const { at, count, forecast } of pathBlocks(model, batch, request)) {
    yield { at, count, forecast: await model.levelsOfPaths(forecast, levels, signal) };
  }
}

/** A trace tells of the series as they were given: of their first block. */
function runOptions({ signal, merging, onTrace }: Omit<BlockRequest, 'horizon'>, first: boolean): RunOptions {
  return { signal, merging, onTrace: first ? onTrace : undefined };
}

/** Every series `count` times in a row. */
function repeat({ values, offsets }: SeriesBatch, count: number): SeriesBatch {
  const repeated = new Float64Array(values.length * count);
  const ends = new Int32Array((offsets.length - 1) * count + 1);
  for (let b = 0, row = 0, at = 0; b + 1 < offsets.length; b++) {
    const own = values.subarray(offsets[b], offsets[b + 1]);
    for (let i = 0; i < count; i++, row++, at += own.length) {
      repeated.set(own, at);
      ends[row + 1] = at + own.length;
    }
  }
  return { values: repeated, offsets: ends };
}

/** Every series with the first `steps` values of its row in `appended` behind it, cut to its last `limit` values. */
function extend({ values, offsets }: SeriesBatch, appended: Float32Array, steps: number, limit: number): SeriesBatch {
  const batch = offsets.length - 1;
  const width = appended.length / batch;
  const extended = new Float64Array(values.length + batch * steps);
  const ends = new Int32Array(batch + 1);
  let at = 0;
  for (let b = 0; b < batch; b++) {
    const next = appended.subarray(b * width, b * width + steps).subarray(-limit);
    const end = offsets[b + 1] as number;
    const begin = Math.max(offsets[b] as number, end - (limit - next.length));
    extended.set(values.subarray(begin, end), at);
    extended.set(next, at + end - begin);
    at += end - begin + next.length;
    ends[b + 1] = at;
  }
  return { values: extended.subarray(0, at), offsets: ends };
}

/** [batch, rows, columns] to [batch, columns, rows]. */
function transpose(data: Float32Array, rows: number, columns: number): Float32Array {
  const transposed = new Float32Array(data.length);
  for (let begin = 0; begin < data.length; begin += rows * columns) {
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < columns; c++) transposed[begin + c * rows + r] = data[begin + r * columns + c] as number;
    }
  }
  return transposed;
}
