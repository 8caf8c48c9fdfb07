import { TidemergeError } from '../errors.js';
import type { SeriesTrace } from '../merging/trace.js';

export type WarningCode = 'WARN_QUANTILES_CLAMPED' | 'WARN_LONG_HORIZON' | 'WARN_NOTHING_OBSERVED';

/** Something a user should know about a result that was computed all the same. */
export class ForecastWarning {
  readonly code: WarningCode;
  readonly message: string;
  /** The series it is about; absent when it is about the whole call. */
  readonly series: readonly number[] | undefined;

  constructor(code: WarningCode, message: string, series?: readonly number[]) {
    this.code = code;
    this.message = message;
    this.series = series;
  }

  toString(): string {
    return this.message;
  }
}

/** What every result of a call over a batch has. */
export interface BatchOutcome {
  readonly warnings: readonly ForecastWarning[];
  /** By series: why its results are NaN; undefined where it was forecast. */
  readonly errors: readonly (TidemergeError | undefined)[];
  /** By series: what was merged in its encoder (in the first block, where a horizon takes several); only with
   * `merging: { trace: true }`. */
  readonly trace?: readonly (MergeTrace | undefined)[];
}

/** What merging did to one series; positions count tokens, spans values. */
export interface MergeTrace extends SeriesTrace {
  /**
   * [tokens, 2]: the values [begin, end) that each token in front of the first layer stands for, counted in the part of the
   * series that the model looks at (its last contextLength values); -1, -1 for a token the model adds.
   */
  readonly spans: Int32Array;
}

export interface SampleForecasts extends BatchOutcome {
  readonly kind: 'samples';
  /** [batch, samples, horizon] */
  readonly data: Float32Array;
  readonly shape: readonly [batch: number, samples: number, horizon: number];
}

export interface LevelForecasts extends BatchOutcome {
  readonly kind: 'quantiles';
  /** [batch, levels, horizon] */
  readonly data: Float32Array;
  readonly shape: readonly [batch: number, levels: number, horizon: number];
  /** The levels the model was trained for. */
  readonly quantileLevels: readonly number[];
}

/** Of models that forecast one step of several variables at once. */
export interface PointForecasts extends BatchOutcome {
  readonly kind: 'points';
  /** [batch, variables, 1] */
  readonly data: Float32Array;
  readonly shape: readonly [batch: number, variables: number, horizon: 1];
}

export interface Embeddings extends BatchOutcome {
  /** [batch, tokens, dModel], padded in front as the published pipelines do; zero where the mask is 0 */
  readonly data: Float32Array;
  readonly shape: readonly [batch: number, tokens: number, dModel: number];
  /** [batch, tokens]: 1 for tokens, 0 for padding and missing values */
  readonly mask: Uint8Array;
  /** [batch]: what was subtracted from the values; absent for models that only scale */
  readonly loc?: Float32Array;
  /** [batch]: what they were divided by */
  readonly scale: Float32Array;
}

/** The forecast of one series. */
export interface SeriesForecast {
  /** By level as shortest text, '0.1': [horizon] */
  readonly quantiles: Readonly<Record<string, Float32Array>>;
  readonly median: Float32Array;
  readonly mean: Float32Array | undefined;
  readonly warnings: readonly ForecastWarning[];
  readonly error: TidemergeError | undefined;
}

/** Two levels nearer than this are the same level. */
const LEVEL_TOLERANCE = 1e-6;

/**
 * Quantile forecasts of a batch.
 *
 * `median` is the 0.5 quantile, whether it was asked for or not. `mean` is the mean of the samples; it is undefined for
 * models that only know quantiles (the published Chronos-Bolt pipeline returns the median under that name).
 */
export class QuantileForecasts implements BatchOutcome {
  /** [batch, horizon, levels] */
  readonly quantiles: Float32Array;
  readonly shape: readonly [batch: number, horizon: number, levels: number];
  readonly quantileLevels: readonly number[];
  /** [batch, horizon] */
  readonly median: Float32Array;
  /** [batch, horizon] */
  readonly mean: Float32Array | undefined;
  readonly warnings: readonly ForecastWarning[];
  readonly errors: readonly (TidemergeError | undefined)[];
  readonly trace?: readonly (MergeTrace | undefined)[];

  /** @internal */
  constructor(parts: Omit<QuantileForecasts, 'quantile' | 'series'>) {
    this.quantiles = parts.quantiles;
    this.shape = parts.shape;
    this.quantileLevels = parts.quantileLevels;
    this.median = parts.median;
    this.mean = parts.mean;
    this.warnings = parts.warnings;
    this.errors = parts.errors;
    if (parts.trace) this.trace = parts.trace;
  }

  /** One level of all series, [batch, horizon]: the level of the call nearest to `level`, which must be very near. */
  quantile(level: number): Float32Array {
    const distances = this.quantileLevels.map((own) => Math.abs(own - level));
    const nearest = distances.indexOf(Math.min(...distances));
    if (!((distances[nearest] as number) < LEVEL_TOLERANCE)) {
      const levels = this.quantileLevels.join(', ');
      throw new TidemergeError('ERR_INVALID_ARGUMENT', `quantile: expected one of the levels ${levels}, got ${level}`);
    }
    const [batch, horizon, levels] = this.shape;
    return strided(this.quantiles, nearest, levels, batch * horizon);
  }

  series(i: number): SeriesForecast {
    const [batch, horizon, levels] = this.shape;
    if (!(Number.isInteger(i) && i >= 0 && i < batch)) {
      throw new TidemergeError('ERR_INVALID_ARGUMENT', `series: expected an index below ${batch}, got ${i}`);
    }
    const own = this.quantiles.subarray(i * horizon * levels, (i + 1) * horizon * levels);
    const steps = [i * horizon, (i + 1) * horizon] as const;
    return {
      quantiles: Object.fromEntries(
        this.quantileLevels.map((level, l) => [String(level), strided(own, l, levels, horizon)]),
      ),
      median: this.median.slice(...steps),
      mean: this.mean?.slice(...steps),
      warnings: this.warnings.filter(({ series }) => !series || series.includes(i)),
      error: this.errors[i],
    };
  }
}

function strided(data: Float32Array, from: number, stride: number, count: number): Float32Array {
  const picked = new Float32Array(count);
  for (let i = 0; i < count; i++) picked[i] = data[from + i * stride] as number;
  return picked;
}
