import { TidemergeError } from '../errors.js';
import { GrowableFloat64, LineRuns } from './growable.js';
import type { NdjsonObject } from './ndjson.js';
import { scanNdjson } from './ndjson.js';
import { parseNumberText } from './number-text.js';
import { quote, quoteList, show } from './quote.js';
import type { SeriesGroup } from './series-collector.js';
import { CollectorContext, LongCollector } from './series-collector.js';
import type { CollectedSeries } from './series-csv.js';
import { ID_NAMES, TARGET_NAMES, TIME_NAMES } from './series-layout.js';
import type { SeriesOptions } from './series-options.js';
import { TimeColumn } from './time-column.js';

/**
 * NDJSON, either a row per line {unique_id, ds, y} or a series per line {item_id?, target: [...], start?, freq?} or
 * {item_id?, ds: [...], y: [...]}. The first line decides which, and which keys are used.
 */
export async function collectNdjson(
  source: string,
  chunks: AsyncIterable<Uint8Array>,
  options: SeriesOptions,
): Promise<CollectedSeries> {
  let reader: RowReader | SeriesReader | undefined;
  const onObject = (object: NdjsonObject, line: number) => {
    reader ??= createReader(source, object, options);
    reader.take(object, line);
  };
  for await (const _ of scanNdjson(source, chunks, onObject, options.maxRecordBytes));
  if (reader === undefined)
    throw new TidemergeError('ERR_BAD_DATA', `${source}: expected JSON objects, got an empty file`);
  return reader.finish();
}

interface Keys {
  readonly id: string | undefined;
  readonly time: string | undefined;
  readonly target: string;
}

function createReader(source: string, first: NdjsonObject, options: SeriesOptions): RowReader | SeriesReader {
  const find = (option: string | undefined, names: readonly string[]) =>
    option ?? names.find((name) => Object.hasOwn(first, name));
  const target = find(options.target, TARGET_NAMES);
  if (target === undefined || !Object.hasOwn(first, target)) {
    throw new TidemergeError(
      'ERR_BAD_DATA',
      `${source}: expected a key ${target === undefined ? TARGET_NAMES.join(' or ') : quote(target)}, got ${quoteList(Object.keys(first))}`,
    );
  }
  const keys = { id: find(options.id, ID_NAMES), time: find(options.time, TIME_NAMES), target };
  return Array.isArray(first[target]) ? new SeriesReader(source, keys, options) : new RowReader(source, keys, options);
}

/** A row per line. */
class RowReader {
  readonly #context: CollectorContext;
  readonly #keys: Keys;
  readonly #time: TimeColumn | undefined;
  readonly #collector: LongCollector;

  constructor(source: string, keys: Keys, options: SeriesOptions) {
    const { id, time, target } = keys;
    this.#context = new CollectorContext(source, options);
    this.#keys = keys;
    this.#time = time === undefined ? undefined : new TimeColumn(source, time, options.dateOrder);
    this.#collector = new LongCollector(
      this.#context,
      { form: 'long', columns: [id ?? target], targets: [0] },
      this.#time,
    );
  }

  take(object: NdjsonObject, line: number): void {
    const { id, time, target } = this.#keys;
    const series = this.#collector.series(id === undefined ? target : readId(this.#context, object, id, line), line);
    const at = time === undefined ? 0 : readTime(this.#context, this.#time as TimeColumn, object[time], time, line);
    this.#collector.push(series, at, readNumber(this.#context, object[target], target, line), line);
  }

  finish(): CollectedSeries {
    return { groups: this.#collector.groups(), time: this.#time, warnings: [] };
  }
}

/** A series per line. */
class SeriesReader {
  readonly #context: CollectorContext;
  readonly #keys: Keys;
  readonly #options: SeriesOptions;
  readonly #groups = new Map<string, SeriesGroup>();
  #time: TimeColumn | undefined;

  constructor(source: string, keys: Keys, options: SeriesOptions) {
    this.#context = new CollectorContext(source, options);
    this.#keys = keys;
    this.#options = options;
  }

  take(object: NdjsonObject, line: number): void {
    const { id, time, target } = this.#keys;
    const name =
      id === undefined || !Object.hasOwn(object, id)
        ? `series-${this.#groups.size + 1}`
        : readId(this.#context, object, id, line);
    if (this.#groups.has(name))
      throw this.#context.bad(line, id ?? target, `expected distinct ids, got ${quote(name)} again`);
    const array = object[target];
    if (!Array.isArray(array)) throw this.#context.bad(line, target, `expected an array, got ${show(array)}`);
    this.#context.countValues(array.length);
    const values = new GrowableFloat64();
    for (const value of array as unknown[]) values.push(readNumber(this.#context, value, target, line));
    const times = time === undefined ? undefined : object[time];
    if (Array.isArray(times)) this.#addTimed(name, values, times, time as string, line);
    else this.#addStarted(name, values, object, line);
  }

  finish(): CollectedSeries {
    return { groups: [...this.#groups.values()], time: this.#time, warnings: [] };
  }

  #addTimed(name: string, values: GrowableFloat64, texts: readonly unknown[], key: string, line: number): void {
    if (texts.length !== values.length)
      throw this.#context.bad(line, key, `expected ${values.length} times as there are values, got ${texts.length}`);
    const times = new GrowableFloat64();
    const lines = new LineRuns();
    for (const text of texts) {
      times.push(readTime(this.#context, this.#timeColumn(key), text, key, line));
      lines.push(line);
    }
    this.#groups.set(name, { ids: [name], columns: [values], times, lines });
  }

  #addStarted(name: string, values: GrowableFloat64, object: NdjsonObject, line: number): void {
    // Some tools write the start under the name of the time column.
    const key = ['start', this.#keys.time ?? 'start'].find((candidate) => Object.hasOwn(object, candidate));
    const start = key === undefined ? undefined : object[key];
    const lines = new LineRuns();
    if (key === undefined || start === undefined || start === null) {
      this.#groups.set(name, { ids: [name], columns: [values], times: undefined, lines });
      return;
    }
    const { freq } = object;
    if (freq !== undefined && typeof freq !== 'string')
      throw this.#context.bad(line, 'freq', `expected a string, got ${show(freq)}`);
    const times = new GrowableFloat64();
    times.push(readTime(this.#context, this.#timeColumn(key), start, key, line));
    lines.push(line);
    this.#groups.set(name, { ids: [name], columns: [values], times, lines, startOnly: { freq } });
  }

  #timeColumn(key: string): TimeColumn {
    this.#time ??= new TimeColumn(this.#context.source, key, this.#options.dateOrder);
    return this.#time;
  }
}

function readId(context: CollectorContext, object: NdjsonObject, key: string, line: number): string {
  const value = object[key];
  if ((typeof value === 'string' && value !== '') || typeof value === 'number') return String(value);
  throw context.bad(line, key, `expected a non-empty string or a number, got ${show(value)}`);
}

function readTime(context: CollectorContext, time: TimeColumn, value: unknown, key: string, line: number): number {
  if (typeof value !== 'string' && typeof value !== 'number')
    throw context.bad(line, key, `expected a string or a number, got ${show(value)}`);
  return time.addText(String(value), line);
}

/** null, a key that is not there and the texts of MISSING_TEXTS are missing values. */
function readNumber(context: CollectorContext, value: unknown, key: string, line: number): number {
  if (value === null || value === undefined) return NaN;
  const number =
    typeof value === 'number' ? value : typeof value === 'string' ? parseNumberText(value, context.decimal) : Infinity;
  if (Math.abs(number) === Infinity)
    throw context.bad(line, key, `expected a finite number or null, got ${show(value)}`);
  return number;
}
