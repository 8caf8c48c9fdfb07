import { TidemergeError } from '../errors.js';
import { show } from '../io/quote.js';
import { isDetached } from '../tensor/user-tensors.js';

/** One series, oldest value first. NaN or null is a missing value. */
export type Series = Float32Array | Float64Array | readonly (number | null)[];

/** All series one after the other; `sizes` says how many values each of them has. */
export interface FlatSeries {
  readonly values: Series;
  readonly sizes: readonly number[] | Int32Array | Uint32Array;
}

/** One series, several of any lengths, or several in flat form. */
export type SeriesInputs = Series | readonly Series[] | FlatSeries;

/** What is kept of the inputs of one call: a copy, so that the caller may go on with his arrays. */
export interface SeriesSet {
  readonly count: number;
  /** The last values of every series, as far as the model looks back. */
  readonly values: Float32Array | Float64Array;
  /** [count + 1] */
  readonly offsets: Float64Array;
  /** By series: why it cannot be forecast. */
  readonly errors: Map<number, TidemergeError>;
}

/** Series i is the values of `series(i)` from `begin(i)` to `end(i)`. */
interface Sources {
  readonly count: number;
  readonly series: (i: number) => unknown;
  readonly begin: (i: number) => number;
  readonly end: (i: number) => number;
  /** The array that holds all series and nothing else, if there is one. */
  readonly whole?: Float32Array | Float64Array;
}

/**
 * Copies the inputs. What is wrong with one series becomes an error of this series; ERR_INVALID_ARGUMENT,
 * ERR_INVALID_SHAPE, ERR_INVALID_DTYPE and ERR_DETACHED_BUFFER are thrown where the argument as a whole is no input.
 */
export function copySeries(inputs: SeriesInputs, contextLength: number): SeriesSet {
  const sources = isFlat(inputs) ? flatSources(inputs) : listSources(inputs);
  const { count } = sources;
  const errors = new Map<number, TidemergeError>();
  const offsets = new Float64Array(count + 1);
  let single = true;
  for (let i = 0, total = 0; i < count; i++) {
    const series = sources.series(i);
    const length = sources.end(i) - sources.begin(i);
    const error = refuse(series, length, i);
    if (error) errors.set(i, error);
    else {
      if (single && floatKind(series) !== 'Float32Array') single = false;
      total += Math.min(length, contextLength);
    }
    offsets[i + 1] = total;
  }
  // Often nothing is cut off, and one copy does.
  if (sources.whole && sources.whole.length === offsets[count]) {
    return { count, values: copyWhole(sources.whole), offsets, errors };
  }
  const values = allocate(offsets[count] as number, single);
  for (let i = 0; i < count; i++) {
    if (errors.has(i)) continue;
    const at = offsets[i] as number;
    const end = sources.end(i);
    const bad = copyRange(sources.series(i), end - ((offsets[i + 1] as number) - at), end, values, at);
    if (bad !== undefined) errors.set(i, badValue(i, bad, (sources.series(i) as unknown[])[bad]));
  }
  return { count, values, offsets, errors };
}

function isFlat(inputs: SeriesInputs): inputs is FlatSeries {
  return (
    typeof inputs === 'object' && inputs !== null && !Array.isArray(inputs) && 'values' in inputs && 'sizes' in inputs
  );
}

function listSources(inputs: Series | readonly Series[]): Sources {
  const whole = (list: readonly unknown[]): Sources => ({
    count: list.length,
    series: (i) => list[i],
    begin: () => 0,
    end: (i) => (list[i] as { length?: number } | null)?.length ?? 0,
  });
  if (floatKind(inputs)) return whole([inputs]);
  if (Array.isArray(inputs)) {
    const list = inputs as readonly unknown[];
    // An array that begins with a number, a text or null is one series, whatever follows.
    const isOne = list.length > 0 && !(typeof list[0] === 'object' && list[0] !== null);
    return whole(isOne ? [list] : list);
  }
  const got = ArrayBuffer.isView(inputs) ? (inputs as object).constructor.name : show(inputs);
  throw new TidemergeError(
    ArrayBuffer.isView(inputs) ? 'ERR_INVALID_DTYPE' : 'ERR_INVALID_ARGUMENT',
    `inputs: expected a Float32Array, a Float64Array, an array of numbers, an array of those, or { values, sizes }, got ${got}`,
  );
}

function flatSources({ values, sizes }: FlatSeries): Sources {
  const kind = floatKind(values);
  if (!kind && !Array.isArray(values)) {
    const got = ArrayBuffer.isView(values) ? (values as object).constructor.name : show(values);
    throw new TidemergeError(
      'ERR_INVALID_DTYPE',
      `inputs: values: expected a Float32Array, a Float64Array or numbers, got ${got}`,
    );
  }
  if (kind && isEmptyAndDetached(values as Float32Array)) {
    throw new TidemergeError('ERR_DETACHED_BUFFER', 'inputs: values: its buffer was detached');
  }
  if (!Array.isArray(sizes) && !ArrayBuffer.isView(sizes)) {
    throw new TidemergeError('ERR_INVALID_ARGUMENT', `inputs: sizes: expected an array of counts, got ${show(sizes)}`);
  }
  const count = sizes.length;
  const bounds = new Float64Array(count + 1);
  for (let i = 0; i < count; i++) {
    const size: unknown = sizes[i];
    if (!Number.isSafeInteger(size) || (size as number) < 0) {
      throw new TidemergeError('ERR_INVALID_SHAPE', `inputs: sizes[${i}]: expected a count, got ${show(size)}`);
    }
    bounds[i + 1] = (bounds[i] as number) + (size as number);
  }
  if (bounds[count] !== values.length) {
    throw new TidemergeError(
      'ERR_INVALID_SHAPE',
      `inputs: sizes: expected a sum of ${values.length} (the values), got ${bounds[count]}`,
    );
  }
  return {
    count,
    series: () => values,
    begin: (i) => bounds[i] as number,
    end: (i) => bounds[i + 1] as number,
    ...(kind && { whole: values as Float32Array | Float64Array }),
  };
}

/** What can be said without looking at the values. */
function refuse(series: unknown, length: number, i: number): TidemergeError | undefined {
  const kind = floatKind(series);
  if (!kind && !Array.isArray(series)) {
    const got = ArrayBuffer.isView(series) ? (series as object).constructor.name : show(series);
    return new TidemergeError(
      'ERR_INVALID_DTYPE',
      `series ${i}: expected a Float32Array, a Float64Array or numbers, got ${got}`,
    );
  }
  if (length > 0) return undefined;
  if (kind && isEmptyAndDetached(series as Float32Array)) {
    return new TidemergeError('ERR_DETACHED_BUFFER', `series ${i}: its buffer was detached`);
  }
  return new TidemergeError('ERR_BAD_DATA', `series ${i}: expected at least one value, got none`);
}

/** By name and not by class alone: arrays of another realm are as good. */
function floatKind(series: unknown): 'Float32Array' | 'Float64Array' | undefined {
  if (series instanceof Float32Array) return 'Float32Array';
  if (!ArrayBuffer.isView(series)) return undefined;
  const name = (series as Float32Array)[Symbol.toStringTag] as string;
  return name === 'Float32Array' || name === 'Float64Array' ? name : undefined;
}

function isEmptyAndDetached(series: Float32Array | Float64Array): boolean {
  return series.length === 0 && isDetached(series);
}

function allocate(length: number, single: boolean): Float32Array | Float64Array {
  return guarded(length, () => (single ? new Float32Array(length) : new Float64Array(length)));
}

function copyWhole(values: Float32Array | Float64Array): Float32Array | Float64Array {
  return guarded(values.length, () => values.slice());
}

function guarded<T>(length: number, make: () => T): T {
  try {
    return make();
  } catch (cause) {
    throw new TidemergeError('ERR_OUT_OF_MEMORY', `inputs: no memory to copy ${length} values`, { cause });
  }
}

/** Gives the index of the first element that is neither a number nor null. */
function copyRange(
  series: unknown,
  begin: number,
  end: number,
  target: Float32Array | Float64Array,
  at: number,
): number | undefined {
  if (!Array.isArray(series)) {
    const typed = series as Float32Array | Float64Array;
    // Making a view costs more than copying a short series.
    target.set(begin === 0 && end === typed.length ? typed : typed.subarray(begin, end), at);
    return undefined;
  }
  for (let i = begin; i < end; i++) {
    const value: unknown = series[i];
    if (typeof value === 'number') target[at + i - begin] = value;
    else if (value === null) target[at + i - begin] = NaN;
    else return i;
  }
  return undefined;
}

function badValue(series: number, at: number, value: unknown): TidemergeError {
  return new TidemergeError(
    'ERR_BAD_DATA',
    `series ${series}: value ${at}: expected a number or null, got ${show(value)}`,
  );
}
