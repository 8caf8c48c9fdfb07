import { TidemergeError } from '../errors.js';
import { type ByteInput, openBytes } from './byte-source.js';
import { type CsvOptions, scanCsv } from './csv.js';
import type { CsvRecord } from './csv-record.js';
import { GrowableFloat64 } from './growable.js';
import { COMMA, POINT } from './number-text.js';
import { quote, quoteList } from './quote.js';
import { DEFAULT_MAX_SAMPLE_VALUES, type SampleOptions, type SampleSet } from './sample-set.js';
import { isDataRow, TIME_NAMES } from './series-layout.js';
import { utf8Chunks } from './text-encoding.js';
import { looksLikeDate } from './time-column.js';

export interface SampleCsvOptions extends SampleOptions, Pick<CsvOptions, 'delimiter'> {
  /** Between integer and fraction. Default '.'. */
  readonly decimal?: '.' | ',';
  /** Whether the first row holds column names. Default: unless it holds only numbers, dates and missing cells. */
  readonly header?: boolean;
  /** The column with the label of every step; without a header the columns are called 0, 1, 2 … Default: none. */
  readonly labelColumn?: string;
  /** The variables, in this order. Default: every column but the label, a first column of times and columns called so. */
  readonly columns?: readonly string[];
}

/**
 * Reads a table of one column per variable and one row per time step, plain or gzipped, as one sample [length, variables].
 * Rows are taken as they stand; cells that mean "missing" are NaN. ERR_BAD_DATA names file, line and column.
 */
export async function readSampleCsv(input: ByteInput, options: SampleCsvOptions = {}): Promise<SampleSet> {
  const source = openBytes(input, options.name);
  const reader = new SampleCsvReader(source.name, options);
  const { delimiter, maxLineBytes } = options;
  const csv = { ...(delimiter && { delimiter }), ...(maxLineBytes && { maxRecordBytes: maxLineBytes }) };
  const chunks = utf8Chunks(source, options.encoding);
  for await (const _ of scanCsv(source.name, chunks, csv, (record) => reader.take(record)));
  return reader.finish();
}

class SampleCsvReader {
  readonly #source: string;
  readonly #options: SampleCsvOptions;
  readonly #decimal: number;
  readonly #values = new GrowableFloat64();
  readonly #labels: string[] = [];
  #names: readonly string[] | undefined;
  #variables: readonly number[] | undefined;
  #label: number | undefined;

  constructor(source: string, options: SampleCsvOptions) {
    this.#source = source;
    this.#options = options;
    this.#decimal = options.decimal === ',' ? COMMA : POINT;
  }

  take(record: CsvRecord): void {
    if (record.blank) return;
    if (!this.#names) {
      const cells = record.texts();
      const isHeader = this.#options.header ?? !isDataRow(cells, this.#decimal);
      this.#names = cells.map((cell, i) => (isHeader ? cell.trim() : String(i)));
      if (isHeader) return;
    }
    this.#variables ??= this.#choose(this.#names, record);
    for (const column of this.#variables) this.#values.push(this.#value(record, column));
    const most = this.#options.maxValues ?? DEFAULT_MAX_SAMPLE_VALUES;
    if (this.#values.length > most) {
      throw this.#fail(`line ${record.line}: expected at most ${most} values in the file`);
    }
    if (this.#label !== undefined) this.#labels.push(record.text(this.#label).trim());
  }

  finish(): SampleSet {
    const variables = this.#variables;
    if (!variables)
      throw this.#fail(`expected rows of data, got ${this.#names ? 'only column names' : 'an empty file'}`);
    const length = this.#values.length / variables.length;
    return {
      samples: [{ data: Float32Array.from(this.#values.toArray()), shape: [length, variables.length] }],
      labels: [],
      classNames: [...new Set(this.#labels)],
      variableNames: variables.map((column) => this.#names![column]!),
      ...(this.#label !== undefined && { stepLabels: this.#labels }),
    };
  }

  #value(record: CsvRecord, column: number): number {
    const value = Math.fround(record.number(column, this.#decimal));
    if (Math.abs(value) !== Infinity) return value;
    const place = `line ${record.line}: column ${quote(this.#names![column]!)}`;
    throw this.#fail(`${place}: expected a number of float32 or a missing cell, got ${quote(record.text(column))}`);
  }

  #choose(names: readonly string[], first: CsvRecord): readonly number[] {
    const { labelColumn, columns } = this.#options;
    this.#label = labelColumn === undefined ? undefined : this.#find('labelColumn', labelColumn);
    const isTime = (name: string, i: number) =>
      TIME_NAMES.includes(name.toLowerCase()) ||
      (i === 0 && first.number(0) === Infinity && looksLikeDate(first.text(0)));
    const chosen =
      columns?.map((name) => this.#find('columns', name)) ??
      names.flatMap((name, i) => (i === this.#label || isTime(name, i) ? [] : [i]));
    if (chosen.length === 0) throw this.#fail(`expected a column of values, got ${quoteList(names, 12)}`);
    return chosen;
  }

  #find(option: string, name: string): number {
    const found = this.#names!.indexOf(name);
    if (found < 0) throw this.#fail(`${option}: expected a column ${quote(name)}, got ${quoteList(this.#names!, 12)}`);
    return found;
  }

  #fail(problem: string): TidemergeError {
    return new TidemergeError('ERR_BAD_DATA', `${this.#source}: ${problem}`);
  }
}
