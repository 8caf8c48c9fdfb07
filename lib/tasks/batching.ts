import { TidemergeError } from '../errors.js';
import type { ForecastModel, SeriesBatch } from '../models/forecast-model.js';
import type { SeriesSet } from './inputs.js';

/*
 * A call is run in passes of bounded size: activations stay in the caches, and no piece of work on the JavaScript
 * thread takes longer than a few milliseconds. What a pass contains never changes a result.
 */

/** Encoder tokens of a pass. */
const MAX_TOKENS = 4096;
/** Input values of a pass, which JavaScript looks at one by one. */
const MAX_VALUES = 2 ** 18;
/** Rows of a decoding step: enough to be bound by arithmetic and not by reading weights. */
const MAX_PATHS = 512;
/** Memory for the keys and values of a pass. */
const MAX_CACHE_BYTES = 256 * 2 ** 20;

export interface PassSize {
  /** Sequences the model sees for every series: samples or quantile paths. */
  readonly pathsPerSeries: number;
  readonly bytesPerPath: number;
  /** Paths are encoded each on its own, as quantile paths are. */
  readonly encodePaths: boolean;
}

/** The end of the pass that begins with series `from`: at least one series. */
export function passEnd(
  set: SeriesSet,
  from: number,
  model: Pick<ForecastModel, 'tokenCount'>,
  batchSize: number | 'auto',
  { pathsPerSeries, bytesPerPath, encodePaths }: PassSize,
): number {
  if (batchSize !== 'auto') return Math.min(from + batchSize, set.count);
  const perToken = encodePaths ? pathsPerSeries : 1;
  let tokens = 0;
  let end = from;
  while (end < set.count) {
    const series = end + 1 - from;
    const length = (set.offsets[end + 1] as number) - (set.offsets[end] as number);
    tokens += perToken * model.tokenCount(length);
    const values = perToken * ((set.offsets[end + 1] as number) - (set.offsets[from] as number));
    const paths = series * pathsPerSeries;
    const full =
      tokens > MAX_TOKENS || values > MAX_VALUES || paths > MAX_PATHS || paths * bytesPerPath > MAX_CACHE_BYTES;
    if (full && series > 1) break;
    end++;
  }
  return end;
}

/** The series of a pass that can be forecast. */
export interface Pass extends SeriesBatch {
  /** By series of the pass: its place in the whole call. */
  readonly indices: Int32Array;
  /** Places in the call of the series without any observed value. */
  readonly unobserved: readonly number[];
}

const LARGEST = 3.4028234663852886e38;

/** Looks at every value of the series from `from` to `to`, and copies those of the good ones; finds infinities. */
export function gatherPass(set: SeriesSet, from: number, to: number): Pass {
  const { offsets, errors } = set;
  const values = new Float64Array((offsets[to] as number) - (offsets[from] as number));
  const ends = new Int32Array(to - from + 1);
  const indices = new Int32Array(to - from);
  const unobserved: number[] = [];
  let series = 0;
  let at = 0;
  for (let i = from; i < to; i++) {
    if (errors.has(i)) continue;
    const length = (offsets[i + 1] as number) - (offsets[i] as number);
    const observed = copyFinite(set.values, offsets[i] as number, length, values, at);
    if (observed < 0) {
      errors.set(i, badValue(i, set.values[(offsets[i] as number) - 1 - observed] as number, length + observed + 1));
      continue;
    }
    if (observed === 0) unobserved.push(i);
    at += length;
    indices[series++] = i;
    ends[series] = at;
  }
  return {
    values: values.subarray(0, at),
    offsets: ends.subarray(0, series + 1),
    indices: indices.subarray(0, series),
    unobserved,
  };
}

/** Gives the number of observed values; -1 - i if value i is no float32. */
function copyFinite(
  source: Float32Array | Float64Array,
  begin: number,
  length: number,
  target: Float64Array,
  at: number,
): number {
  let observed = 0;
  for (let i = 0; i < length; i++) {
    const value = source[begin + i] as number;
    target[at + i] = value;
    if (Math.abs(value) <= LARGEST) observed++;
    else if (!Number.isNaN(value)) return -1 - i;
  }
  return observed;
}

/** Counted from the end, because only the last values of a long series are looked at. */
function badValue(series: number, value: number, fromEnd: number): TidemergeError {
  return new TidemergeError(
    'ERR_BAD_DATA',
    `series ${series}: value ${fromEnd} from the end: expected a number of float32 size or NaN, got ${value}`,
  );
}
