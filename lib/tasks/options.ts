import { TidemergeError } from '../errors.js';
import { show } from '../io/quote.js';
import { type MergingOptions, type MergingPlan, readMerging } from '../merging/options.js';
import type { ForecastModel, SamplingSettings } from '../models/forecast-model.js';
import { keysOfIds, type SeriesId } from './random-keys.js';

export interface BatchOptions {
  /** Series run together: a number, or 'auto' (default). It never changes a result. */
  readonly batchSize?: number | 'auto' | undefined;
  /**
   * What a series that cannot be forecast does: 'collect' (default) makes its results NaN and sets `errors[i]`, 'throw'
   * rejects the call with the first such error.
   */
  readonly onError?: 'collect' | 'throw' | undefined;
  /** Rejects with the signal's reason, before or during the run. */
  readonly signal?: AbortSignal | undefined;
  /** Called after every pass. */
  readonly onProgress?: ((progress: ForecastProgress) => void) | undefined;
  /** Token merging in this call; false for none. Default: what the forecaster was loaded with. */
  readonly merging?: MergingOptions | false | undefined;
}

export interface ForecastProgress {
  /** Series that are finished. */
  readonly done: number;
  readonly total: number;
}

export interface ForecastOptions extends BatchOptions {
  /** Steps to forecast. Default: the model's own horizon. */
  readonly predictionLength?: number | undefined;
  /** A horizon beyond the model's is an error instead of a warning. Default false. */
  readonly limitPredictionLength?: boolean | undefined;
  /*
   * Of models that sample; others ignore them.
   */
  /** Sampled paths of every series. Default: the model's own number. */
  readonly numSamples?: number | undefined;
  readonly temperature?: number | undefined;
  /** 0 for no limit. */
  readonly topK?: number | undefined;
  readonly topP?: number | undefined;
  /** An integer from 0 to 2^53 - 1; default 0. The same seed, series and options give the same samples. */
  readonly seed?: number | undefined;
  /** A text or number for every series, by which its random stream is chosen. Default: a hash of its values. */
  readonly ids?: readonly SeriesId[] | undefined;
}

export interface QuantileOptions extends ForecastOptions {
  /** In (0, 1), in any order. Default 0.1, 0.2 … 0.9. */
  readonly quantileLevels?: readonly number[] | undefined;
}

/** Options of one call, checked and complete. */
export interface BatchRequest {
  readonly batchSize: number | 'auto';
  readonly throwErrors: boolean;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: ((progress: ForecastProgress) => void) | undefined;
  readonly merging: MergingPlan | undefined;
}

export interface ForecastRequest extends BatchRequest {
  readonly horizon: number;
  readonly numSamples: number;
  readonly sampling: SamplingSettings;
  readonly seed: number;
  /** [batch, 2]; undefined: by the values. */
  readonly keys: Int32Array | undefined;
}

const DEFAULT_LEVELS = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];

/** What a call falls back to. */
export interface CallDefaults {
  readonly merging: MergingPlan | undefined;
}

export function readBatchOptions(options: BatchOptions, model: ForecastModel, defaults: CallDefaults): BatchRequest {
  const merging = options.merging === undefined ? defaults.merging : readMerging(options.merging, model.mergingTarget);
  return { ...readCallOptions(options), merging };
}

function readCallOptions(options: BatchOptions): Omit<BatchRequest, 'merging'> {
  const { batchSize = 'auto', onError = 'collect', signal, onProgress } = options;
  if (batchSize !== 'auto') expectInteger('batchSize', batchSize, 1, "or 'auto'");
  if (onError !== 'collect' && onError !== 'throw') throw invalid('onError', "'collect' or 'throw'", onError);
  if (signal !== undefined && typeof signal?.throwIfAborted !== 'function')
    throw invalid('signal', 'an AbortSignal', signal);
  if (onProgress !== undefined && typeof onProgress !== 'function')
    throw invalid('onProgress', 'a function', onProgress);
  return { batchSize, throwErrors: onError === 'throw', signal, onProgress };
}

/** Of models that forecast one step: the options that are about the call and not about the model. */
export function readPointOptions(options: ForecastOptions): Omit<BatchRequest, 'merging'> {
  const { predictionLength = 1 } = options;
  expectInteger('predictionLength', predictionLength, 1);
  if (predictionLength > 1) {
    const message = `predictionLength: expected 1, as the model forecasts the next step only, got ${predictionLength}`;
    throw new TidemergeError('ERR_UNSUPPORTED', message);
  }
  return readCallOptions(options);
}

export function readForecastOptions(
  options: ForecastOptions,
  model: ForecastModel,
  count: number,
  defaults: CallDefaults,
): ForecastRequest {
  const batch = readBatchOptions(options, model, defaults);
  const { predictionLength = model.predictionLength, limitPredictionLength = false, seed = 0, ids } = options;
  expectInteger('predictionLength', predictionLength, 1);
  if (typeof limitPredictionLength !== 'boolean')
    throw invalid('limitPredictionLength', 'true or false', limitPredictionLength);
  if (limitPredictionLength && predictionLength > model.predictionLength) {
    throw invalid('predictionLength', `at most ${model.predictionLength} (limitPredictionLength)`, predictionLength);
  }
  expectInteger('seed', seed, 0);
  if (ids !== undefined && (!Array.isArray(ids) || ids.length !== count)) {
    throw invalid('ids', `an id for each of the ${count} series`, Array.isArray(ids) ? `${ids.length} ids` : ids);
  }
  return {
    ...batch,
    horizon: predictionLength,
    ...readSampling(options, model),
    seed,
    keys: ids && keysOfIds(ids),
  };
}

function readSampling(
  options: ForecastOptions,
  model: ForecastModel,
): { numSamples: number; sampling: SamplingSettings } {
  const own = model.kind === 'samples' ? model : { numSamples: 1, sampling: { temperature: 1, topK: 0, topP: 1 } };
  const { numSamples = own.numSamples } = options;
  const { temperature = own.sampling.temperature, topK = own.sampling.topK, topP = own.sampling.topP } = options;
  expectInteger('numSamples', numSamples, 1);
  if (!(Number.isFinite(temperature) && temperature > 0))
    throw invalid('temperature', 'a finite number > 0', temperature);
  expectInteger('topK', topK, 0);
  if (!(topP > 0 && topP <= 1)) throw invalid('topP', 'a number in (0, 1]', topP);
  return { numSamples, sampling: { temperature, topK, topP } };
}

export function readQuantileLevels({ quantileLevels = DEFAULT_LEVELS }: QuantileOptions): readonly number[] {
  if (!Array.isArray(quantileLevels) || quantileLevels.length === 0) {
    throw invalid('quantileLevels', 'an array of at least one number in (0, 1)', quantileLevels);
  }
  for (const [i, level] of quantileLevels.entries()) {
    // As float32, which is what operators compare with: a level that rounds to 1 is outside too.
    if (!(typeof level === 'number' && Math.fround(level) > 0 && Math.fround(level) < 1)) {
      throw invalid(`quantileLevels[${i}]`, 'a number in (0, 1)', level);
    }
  }
  return [...quantileLevels];
}

function expectInteger(name: string, value: unknown, least: number, or = ''): void {
  if (Number.isSafeInteger(value) && (value as number) >= least) return;
  throw invalid(name, `an integer >= ${least}${or && ` ${or}`}`, value);
}

function invalid(name: string, expected: string, got: unknown): TidemergeError {
  return new TidemergeError('ERR_INVALID_ARGUMENT', `${name}: expected ${expected}, got ${show(got)}`);
}
