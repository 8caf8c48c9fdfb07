import { TidemergeError } from '../errors.js';
import { show } from '../io/quote.js';
import { isDetached } from '../models/user-tensors.js';

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

interface Source {
  readonly series: unknown;
  readonly begin: number;
  readonly end: number;
}

/**
 * Copies the inputs. What is wrong with one series becomes an error of this series; ERR_INVALID_ARGUMENT,
 * ERR_INVALID_SHAPE, ERR_INVALID_DTYPE and ERR_DETACHED_BUFFER are thrown where the argument as a whole is no input.
 */
export function copySeries(inputs: SeriesInputs, contextLength: number): SeriesSet {
  const sources = isFlat(inputs) ? flatSources(inputs) : listSources(inputs);
  const errors = new Map<number, TidemergeError>();
  const offsets = new Float64Array(sources.length + 1);
  let single = true;
  for (const [i, source] of sources.entries()) {
    const error = refuse(source, i);
    if (error) errors.set(i, error);
    else if (floatKind(source.series) !== 'Float32Array') single = false;
    const length = error ? 0 : source.end - source.begin;
    offsets[i + 1] = (offsets[i] as number) + Math.min(length, contextLength);
  }
  const values = allocate(offsets[sources.length] as number, single);
  for (const [i, { series, end }] of sources.entries()) {
    if (errors.has(i)) continue;
    const at = offsets[i] as number;
    const begin = end - ((offsets[i + 1] as number) - at);
    if (!Array.isArray(series)) {
      values.set((series as Float64Array).subarray(begin, end), at);
    } else {
      const error = copyNumbers(series, begin, end, values, at);
      if (error !== undefined) errors.set(i, badValue(i, error, series[error]));
    }
  }
  return { count: sources.length, values, offsets, errors };
}

function isFlat(inputs: SeriesInputs): inputs is FlatSeries {
  return (
    typeof inputs === 'object' && inputs !== null && !Array.isArray(inputs) && 'values' in inputs && 'sizes' in inputs
  );
}

function listSources(inputs: Series | readonly Series[]): Source[] {
  const whole = (series: unknown) => ({ series, begin: 0, end: (series as { length?: number } | null)?.length ?? 0 });
  if (floatKind(inputs)) return [whole(inputs)];
  if (Array.isArray(inputs)) {
    const list = inputs as readonly unknown[];
    // An array that begins with a number, a text or null is one series, whatever follows.
    const isOne = list.length > 0 && !(typeof list[0] === 'object' && list[0] !== null);
    return isOne ? [whole(list)] : list.map(whole);
  }
  const got = ArrayBuffer.isView(inputs) ? (inputs as object).constructor.name : show(inputs);
  throw new TidemergeError(
    ArrayBuffer.isView(inputs) ? 'ERR_INVALID_DTYPE' : 'ERR_INVALID_ARGUMENT',
    `inputs: expected a Float32Array, a Float64Array, an array of numbers, an array of those, or { values, sizes }, got ${got}`,
  );
}

function flatSources({ values, sizes }: FlatSeries): Source[] {
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
  let end = 0;
  const sources = Array.from(sizes as ArrayLike<number>, (size, i) => {
    if (!Number.isSafeInteger(size) || size < 0) {
      throw new TidemergeError('ERR_INVALID_SHAPE', `inputs: sizes[${i}]: expected a count, got ${show(size)}`);
    }
    end += size;
    return { series: values, begin: end - size, end };
  });
  if (end !== values.length) {
    throw new TidemergeError(
      'ERR_INVALID_SHAPE',
      `inputs: sizes: expected a sum of ${values.length} (the values), got ${end}`,
    );
  }
  return sources;
}

/** What can be said without looking at the values. */
function refuse({ series, begin, end }: Source, i: number): TidemergeError | undefined {
  const kind = floatKind(series);
  if (!kind && !Array.isArray(series)) {
    const got = ArrayBuffer.isView(series) ? (series as object).constructor.name : show(series);
    return new TidemergeError(
      'ERR_INVALID_DTYPE',
      `series ${i}: expected a Float32Array, a Float64Array or numbers, got ${got}`,
    );
  }
  if (end > begin) return undefined;
  if (kind && isEmptyAndDetached(series as Float32Array)) {
    return new TidemergeError('ERR_DETACHED_BUFFER', `series ${i}: its buffer was detached`);
  }
  return new TidemergeError('ERR_BAD_DATA', `series ${i}: expected at least one value, got none`);
}

/** By name and not by class: arrays of another realm are as good. */
function floatKind(series: unknown): 'Float32Array' | 'Float64Array' | undefined {
  if (!ArrayBuffer.isView(series)) return undefined;
  const name = (series as Float32Array)[Symbol.toStringTag] as string;
  return name === 'Float32Array' || name === 'Float64Array' ? name : undefined;
}

function isEmptyAndDetached(series: Float32Array | Float64Array): boolean {
  return series.length === 0 && isDetached(series);
}

function allocate(length: number, single: boolean): Float32Array | Float64Array {
  try {
    return single ? new Float32Array(length) : new Float64Array(length);
  } catch (cause) {
    throw new TidemergeError('ERR_OUT_OF_MEMORY', `inputs: no memory to copy ${length} values`, { cause });
  }
}

/** Gives the index of the first element that is neither a number nor null. */
function copyNumbers(
  source: readonly unknown[],
  begin: number,
  end: number,
  target: Float32Array | Float64Array,
  at: number,
): number | undefined {
  for (let i = begin; i < end; i++) {
    const value = source[i];
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
