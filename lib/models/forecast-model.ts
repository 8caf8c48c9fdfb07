import type { MergingPlan, MergingTarget } from '../merging/options.js';
import type { SeriesTrace } from '../merging/trace.js';

/*
 * What a forecaster needs of a model. Models of the two kinds differ in what one pass gives: quantiles at trained
 * levels, or sampled paths.
 */

/** Series one after the other. NaN is a missing value; infinities are not allowed. */
export interface SeriesBatch {
  /** [offsets[batch]] */
  readonly values: Float64Array;
  /** [batch + 1], beginning with 0 */
  readonly offsets: Int32Array;
}

/** Token embeddings, padded behind each series' own tokens. */
export interface EmbeddedBatch {
  /** [batch, length, dModel], zero where masked */
  readonly data: Float32Array;
  /** [batch, length]: 1 for tokens, 0 for padding and for tokens without an observed value */
  readonly mask: Uint8Array;
  /** [batch]; absent for models that only scale */
  readonly loc?: Float32Array;
  /** [batch] */
  readonly scale: Float32Array;
}

/** How a batch is run. */
export interface RunOptions {
  readonly signal?: AbortSignal | undefined;
  /** Of the model's own reading. Absent: no merging. */
  readonly merging?: MergingPlan | undefined;
  /** Called with what was merged in every series, where the plan asks for it. */
  readonly onTrace?: ((trace: readonly SeriesTrace[]) => void) | undefined;
}

/** What computes. */
export interface BackendInfo {
  readonly name: 'native' | 'js';
  readonly isa: string;
  readonly threads: number;
}

interface CommonForecastModel {
  readonly name: string;
  readonly backend: BackendInfo;
  /** Values of a series the model looks at: the last ones. */
  readonly contextLength: number;
  /** Steps of one pass. */
  readonly predictionLength: number;
  readonly dModel: number;
  /** What its merging options are checked against. */
  readonly mergingTarget: MergingTarget;
  /** The values [begin, end) that the token at a position stands for, of so many; undefined for one that the model adds. */
  tokenSpan(position: number, values: number): readonly [begin: number, end: number] | undefined;
  /** Tokens the encoder sees of a series of this many values (at most contextLength). */
  tokenCount(values: number): number;
  /** `length`: the largest token count of the batch. Merged tokens are cloned back to all they stand for. */
  embed(batch: SeriesBatch, length: number, options?: RunOptions): Promise<EmbeddedBatch>;
  /** Releases everything once the runs that have begun are done. */
  dispose(): void;
}

export interface LevelForecasts {
  /** [batch, predictionLength, levels] */
  readonly quantiles: Float32Array;
  /** [batch, predictionLength] */
  readonly median: Float32Array;
}

export interface QuantileModel extends CommonForecastModel {
  readonly kind: 'quantiles';
  /** The trained levels, ascending. */
  readonly quantileLevels: readonly number[];
  /** Forecasts at any levels. */
  quantiles(batch: SeriesBatch, levels: Float32Array, options?: RunOptions): Promise<LevelForecasts>;
  /** Forecasts at the trained levels: [batch, trained, predictionLength]. */
  paths(batch: SeriesBatch, options?: RunOptions): Promise<Float32Array>;
  /** From `paths` to any levels. */
  levelsOfPaths(paths: Float32Array, levels: Float32Array, signal?: AbortSignal): Promise<LevelForecasts>;
  /** The trained quantiles over `count` paths of a series each: [batch · count, predictionLength] to [batch, predictionLength, trained]. */
  reducePaths(paths: Float32Array, count: number, signal?: AbortSignal): Promise<Float32Array>;
}

export interface SamplingSettings {
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
}

export interface SampleRequest extends SamplingSettings {
  readonly horizon: number;
  readonly numSamples: number;
  /** Two 32-bit words. */
  readonly seed: Int32Array;
  /** [batch, 2]: the random stream of every series. */
  readonly keys: Int32Array;
  /** What to return: the samples, or statistics of them at `levels`. */
  readonly levels: Float32Array | undefined;
}

export interface SampledForecasts {
  /** [batch, numSamples, horizon]; only without `levels`. */
  readonly samples?: Float32Array;
  /** [batch, horizon, levels] and [batch, horizon]; only with `levels`. */
  readonly quantiles?: Float32Array;
  readonly mean?: Float32Array;
  readonly median?: Float32Array;
  /** [batch, horizon]: the lower median, which continues the series when the horizon is longer than a pass. */
  readonly lowerMedian: Float32Array;
}

export interface SampleModel extends CommonForecastModel {
  readonly kind: 'samples';
  readonly numSamples: number;
  readonly sampling: SamplingSettings;
  /** Bytes a forecast of that many steps keeps for every sampled path. */
  bytesPerPath(horizon: number): number;
  /** A number for every series that depends on its values alone: [batch, 2]. */
  keys(batch: SeriesBatch, signal?: AbortSignal): Promise<Int32Array>;
  sample(batch: SeriesBatch, request: SampleRequest, options?: RunOptions): Promise<SampledForecasts>;
}

export type ForecastModel = QuantileModel | SampleModel;

/** Forecasts the next step of several variables from their last `contextLength` steps, all of which it needs. */
export interface PointModel {
  readonly kind: 'points';
  readonly name: string;
  readonly backend: BackendInfo;
  readonly contextLength: number;
  readonly predictionLength: 1;
  readonly numVariables: number;
  /** values [batch · contextLength, numVariables] → [batch, numVariables], both in units of the data. */
  nextStep(values: Float64Array, signal?: AbortSignal): Promise<Float32Array>;
  dispose(): void;
}
