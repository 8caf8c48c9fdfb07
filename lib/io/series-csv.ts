import { TidemergeError } from '../errors.js';
import { scanCsv } from './csv.js';
import type { CsvRecord } from './csv-record.js';
import { COMMA, POINT } from './number-text.js';
import { quoteList } from './quote.js';
import type { SeriesCollector, SeriesGroup } from './series-collector.js';
import { CollectorContext, LongCollector, RowsCollector, WideCollector } from './series-collector.js';
import type { SeriesLayout } from './series-layout.js';
import { findLayout, isDataRow } from './series-layout.js';
import type { SeriesOptions } from './series-options.js';
import { TimeColumn } from './time-column.js';

/** The series of a file before their times are put in order. */
export interface CollectedSeries {
  readonly groups: readonly SeriesGroup[];
  readonly time: TimeColumn | undefined;
  readonly warnings: readonly string[];
}

export async function collectCsv(
  source: string,
  chunks: AsyncIterable<Uint8Array>,
  options: SeriesOptions,
): Promise<CollectedSeries> {
  const reader = new CsvSeriesReader(source, options);
  for await (const _ of scanCsv(source, chunks, options, (record) => reader.take(record)));
  return reader.finish();
}

class CsvSeriesReader {
  readonly #source: string;
  readonly #options: SeriesOptions;
  readonly #warnings: string[] = [];
  #header: CsvRecord | undefined;
  #layout: SeriesLayout | undefined;
  #collector: SeriesCollector | undefined;
  #time: TimeColumn | undefined;
  /** Blank lines of a file of one column: missing values, unless nothing follows. */
  #blanks: CsvRecord[] = [];

  constructor(source: string, options: SeriesOptions) {
    this.#source = source;
    this.#options = options;
  }

  take(record: CsvRecord): void {
    if (record.blank) {
      if (this.#layout?.columns.length === 1) this.#blanks.push(record.snapshot());
      return;
    }
    if (this.#collector !== undefined) {
      if (this.#blanks.length > 0) this.#flushBlanks(this.#collector);
      this.#collector.add(record);
    } else if (this.#header !== undefined) {
      this.#begin(
        this.#header.texts().map((name) => name.trim()),
        record,
      ).add(record);
    } else if (this.#hasHeader(record)) this.#header = record.snapshot();
    else
      this.#begin(
        Array.from({ length: record.count }, (_, i) => String(i)),
        record,
      ).add(record);
  }

  finish(): CollectedSeries {
    if (this.#collector === undefined) {
      const got =
        this.#header === undefined
          ? 'an empty file'
          : `only the row of column names ${quoteList(this.#header.texts())}`;
      throw new TidemergeError('ERR_BAD_DATA', `${this.#source}: expected rows of data, got ${got}`);
    }
    return { groups: this.#collector.groups(), time: this.#time, warnings: this.#warnings };
  }

  #hasHeader(record: CsvRecord): boolean {
    return this.#options.header ?? !isDataRow(record.texts(), this.#options.decimal === ',' ? COMMA : POINT);
  }

  #begin(columns: readonly string[], firstRow: CsvRecord): SeriesCollector {
    const layout = findLayout(this.#source, columns, firstRow.texts(), this.#options);
    const context = new CollectorContext(this.#source, this.#options);
    if (layout.time !== undefined)
      this.#time = new TimeColumn(this.#source, columns[layout.time] as string, this.#options.dateOrder);
    if (layout.form === 'long') this.#collector = new LongCollector(context, layout, this.#time);
    else if (layout.form === 'wide') this.#collector = new WideCollector(context, layout, this.#time);
    else this.#collector = new RowsCollector(context, layout);
    this.#layout = layout;
    this.#warn(layout);
    return this.#collector;
  }

  #warn({ form, columns, id, time, targets }: SeriesLayout): void {
    if (form === 'rows') this.#warnings.push(`${this.#source}: read as one series per row`);
    else if (form === 'long') {
      const ignored = columns.filter((_, i) => i !== id && i !== time && !targets.includes(i));
      if (ignored.length > 0) this.#warnings.push(`${this.#source}: ignored the columns ${quoteList(ignored)}`);
    }
  }

  #flushBlanks(collector: SeriesCollector): void {
    for (const blank of this.#blanks) collector.add(blank);
    this.#blanks = [];
  }
}
