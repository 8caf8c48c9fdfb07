import { TidemergeError } from '../errors.js';
import type { CsvRecord } from './csv-record.js';
import { ESCAPED } from './csv-record.js';
import { GrowableFloat64, LineRuns } from './growable.js';
import { IdCache } from './id-cache.js';
import { COMMA, POINT, parseNumberText } from './number-text.js';
import { quote } from './quote.js';
import type { SeriesLayout } from './series-layout.js';
import type { SeriesOptions } from './series-options.js';
import { DEFAULT_MAX_VALUES } from './series-options.js';
import type { TimeColumn } from './time-column.js';

/** Series that share their times: one for the long form, all columns for the wide form. */
export interface SeriesGroup {
  readonly ids: readonly string[];
  readonly columns: readonly GrowableFloat64[];
  /** Raw times (see TimeColumn) and the lines they stand on; undefined without a time column. */
  readonly times: GrowableFloat64 | undefined;
  readonly lines: LineRuns;
  /** Only the time of the first value is given; the others follow at `freq`, if that is known. */
  readonly startOnly?: { readonly freq: string | undefined };
}

/** Takes the rows of a table. */
export interface SeriesCollector {
  add(record: CsvRecord): void;
  groups(): SeriesGroup[];
}

/** What collectors share: the source for messages, the limit, the decimal sign. */
export class CollectorContext {
  readonly source: string;
  readonly decimal: number;
  readonly #maxValues: number;
  #values = 0;

  constructor(source: string, options: SeriesOptions) {
    this.source = source;
    this.decimal = options.decimal === ',' ? COMMA : POINT;
    this.#maxValues = options.maxValues ?? DEFAULT_MAX_VALUES;
  }

  countValues(count: number): void {
    this.#values += count;
    if (this.#values > this.#maxValues) {
      throw new TidemergeError(
        'ERR_BAD_DATA',
        `${this.source}: expected at most ${this.#maxValues} values (option maxValues)`,
      );
    }
  }

  badNumber(text: string, line: number, column: string): TidemergeError {
    const comma = this.decimal === POINT && parseNumberText(text, COMMA) !== Infinity;
    const hint = comma ? "; for decimal commas pass decimal: ','" : '';
    return this.bad(line, column, `expected a finite number, got ${quote(text)}${hint}`);
  }

  bad(line: number, column: string, problem: string): TidemergeError {
    return new TidemergeError('ERR_BAD_DATA', `${this.source}: line ${line}: column ${quote(column)}: ${problem}`);
  }
}

class LongSeries {
  readonly columns = [new GrowableFloat64()];
  readonly values = this.columns[0] as GrowableFloat64;
  readonly lines = new LineRuns();
  readonly ids: readonly string[];
  readonly times: GrowableFloat64 | undefined;

  constructor(id: string, timed: boolean) {
    this.ids = [id];
    this.times = timed ? new GrowableFloat64() : undefined;
  }
}

/** One row per value; the rows of a series need not be neighbours. */
export class LongCollector implements SeriesCollector {
  readonly #context: CollectorContext;
  readonly #layout: SeriesLayout;
  readonly #time: TimeColumn | undefined;
  readonly #series = new Map<string, LongSeries>();
  readonly #byBytes = new IdCache<LongSeries>();

  constructor(context: CollectorContext, layout: SeriesLayout, time: TimeColumn | undefined) {
    this.#context = context;
    this.#layout = layout;
    this.#time = time;
  }

  add(record: CsvRecord): void {
    const { id, time, targets, columns } = this.#layout;
    const target = targets[0] as number;
    const value = record.number(target, this.#context.decimal);
    if (value === Infinity) throw this.#context.badNumber(record.text(target), record.line, columns[target] as string);
    const series = id === undefined ? this.series(columns[target] as string, record.line) : this.#seriesOf(record, id);
    let at = 0;
    if (time !== undefined) {
      at = (this.#time as TimeColumn).add(
        record.buffer,
        record.starts[time] as number,
        record.ends[time] as number,
        record.line,
      );
    }
    this.push(series, at, value, record.line);
  }

  push(series: LongSeries, time: number, value: number, line: number): void {
    this.#context.countValues(1);
    series.values.push(value);
    if (series.times === undefined) return;
    series.times.push(time);
    series.lines.push(line);
  }

  series(id: string, line: number): LongSeries {
    let series = this.#series.get(id);
    if (series === undefined) {
      if (id === '')
        throw this.#context.bad(
          line,
          this.#layout.columns[this.#layout.id ?? 0] as string,
          'expected an id, got an empty cell',
        );
      series = new LongSeries(id, this.#time !== undefined);
      this.#series.set(id, series);
    }
    return series;
  }

  groups(): SeriesGroup[] {
    return [...this.#series.values()];
  }

  #seriesOf(record: CsvRecord, cell: number): LongSeries {
    // The bytes of an escaped cell are not its text: another id may have the same bytes.
    if (record.forms[cell] === ESCAPED) return this.series(record.text(cell), record.line);
    const start = record.starts[cell] as number;
    const end = record.ends[cell] as number;
    const known = this.#byBytes.find(record.buffer, start, end);
    if (known !== undefined) return known;
    const series = this.series(record.text(cell), record.line);
    this.#byBytes.remember(record.buffer, start, end, series);
    return series;
  }
}

/** One row per time, one column per series. */
export class WideCollector implements SeriesCollector {
  readonly #context: CollectorContext;
  readonly #layout: SeriesLayout;
  readonly #time: TimeColumn | undefined;
  readonly #columns: readonly GrowableFloat64[];
  readonly #times: GrowableFloat64 | undefined;
  readonly #lines = new LineRuns();

  constructor(context: CollectorContext, layout: SeriesLayout, time: TimeColumn | undefined) {
    this.#context = context;
    this.#layout = layout;
    this.#time = time;
    this.#columns = layout.targets.map(() => new GrowableFloat64());
    this.#times = time && new GrowableFloat64();
  }

  add(record: CsvRecord): void {
    const { time, targets, columns } = this.#layout;
    this.#context.countValues(targets.length);
    if (time !== undefined) {
      const start = record.starts[time] as number;
      this.#times?.push((this.#time as TimeColumn).add(record.buffer, start, record.ends[time] as number, record.line));
      this.#lines.push(record.line);
    }
    for (let i = 0; i < targets.length; i++) {
      const cell = targets[i] as number;
      const value = record.number(cell, this.#context.decimal);
      if (value === Infinity) throw this.#context.badNumber(record.text(cell), record.line, columns[cell] as string);
      (this.#columns[i] as GrowableFloat64).push(value);
    }
  }

  groups(): SeriesGroup[] {
    const ids = this.#layout.targets.map((cell) => this.#layout.columns[cell] as string);
    return [{ ids, columns: this.#columns, times: this.#times, lines: this.#lines }];
  }
}

/** One row per series; shorter ones end in empty cells. */
export class RowsCollector implements SeriesCollector {
  readonly #context: CollectorContext;
  readonly #layout: SeriesLayout;
  readonly #groups = new Map<string, SeriesGroup>();

  constructor(context: CollectorContext, layout: SeriesLayout) {
    this.#context = context;
    this.#layout = layout;
  }

  add(record: CsvRecord): void {
    const idCell = this.#layout.id ?? 0;
    const id = record.text(idCell);
    const columnName = this.#layout.columns[idCell] as string;
    if (id === '') throw this.#context.bad(record.line, columnName, 'expected an id, got an empty cell');
    if (this.#groups.has(id))
      throw this.#context.bad(record.line, columnName, `expected distinct ids, got ${quote(id)} again`);
    let count = record.count;
    while (count > 0 && (count - 1 === idCell || record.starts[count - 1] === record.ends[count - 1])) count--;
    this.#context.countValues(count);
    const values = new GrowableFloat64();
    for (let cell = 0; cell < count; cell++) {
      if (cell === idCell) continue;
      const value = record.number(cell, this.#context.decimal);
      if (value === Infinity)
        throw this.#context.badNumber(record.text(cell), record.line, this.#layout.columns[cell] as string);
      values.push(value);
    }
    this.#groups.set(id, { ids: [id], columns: [values], times: undefined, lines: new LineRuns() });
  }

  groups(): SeriesGroup[] {
    return [...this.#groups.values()];
  }
}
