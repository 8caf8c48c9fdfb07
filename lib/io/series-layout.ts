import { TidemergeError } from '../errors.js';
import { parseNumberText } from './number-text.js';
import { quote, quoteList } from './quote.js';
import type { SeriesForm, SeriesOptions } from './series-options.js';
import { looksLikeDate } from './time-column.js';

export const ID_NAMES: readonly string[] = ['unique_id', 'item_id', 'series_id'];
export const TIME_NAMES: readonly string[] = ['ds', 'timestamp', 'date', 'datetime', 'time'];
export const TARGET_NAMES: readonly string[] = ['y', 'target'];
/** Names of a time column only when they stand in the first column; '' is how an index without a name is written. */
const FIRST_TIME_NAMES: readonly string[] = ['year', 'month', 'quarter', 'week', 'day', 'hour', 'period', 'index', ''];

/** Which column is what. Columns not named here are ignored. */
export interface SeriesLayout {
  readonly form: SeriesForm;
  readonly columns: readonly string[];
  readonly id?: number;
  readonly time?: number;
  /** Long: the one target. Wide: one per series. Rows: unused. */
  readonly targets: readonly number[];
}

/** Whether a first row is data: only numbers, dates and missing cells, and not all of them missing. */
export function isDataRow(cells: readonly string[], decimal: number | undefined): boolean {
  const numbers = cells.map((cell) => parseNumberText(cell, decimal));
  if (numbers.every(Number.isNaN)) return false;
  return cells.every((cell, i) => numbers[i] !== Infinity || looksLikeDate(cell));
}

/** Decides the form of a table from its column names, its first data row and what the caller said. */
export function findLayout(
  source: string,
  columns: readonly string[],
  firstRow: readonly string[],
  options: SeriesOptions,
): SeriesLayout {
  const find = new ColumnFinder(source, columns);
  const id = options.id === undefined ? find.anyOf(ID_NAMES) : find.exactly('id', options.id);
  const target = options.target === undefined ? find.anyOf(TARGET_NAMES) : find.exactly('target', options.target);
  const time = findTime(find, firstRow, options, id);
  const form = options.form ?? guessForm(firstRow, { id, target, time }, options);
  if (form === 'rows') return { form, columns, id: id ?? 0, targets: [] };
  if (form === 'long') {
    const only = target ?? find.onlyOther([id, time]);
    return {
      form,
      columns,
      ...(id === undefined ? {} : { id }),
      ...(time === undefined ? {} : { time }),
      targets: [only],
    };
  }
  const targets =
    options.columns?.map((name) => find.exactly('columns', name)) ?? columns.map((_, i) => i).filter((i) => i !== time);
  if (targets.length === 0) throw find.fail('expected a column of values beside the time');
  checkDistinct(
    find,
    targets.map((i) => columns[i] as string),
  );
  return { form, columns, ...(time === undefined ? {} : { time }), targets };
}

interface Found {
  readonly id: number | undefined;
  readonly target: number | undefined;
  readonly time: number | undefined;
}

function guessForm(firstRow: readonly string[], { id, target, time }: Found, options: SeriesOptions): SeriesForm {
  if (options.columns !== undefined) return 'wide';
  if (target !== undefined || (id !== undefined && time !== undefined)) return 'long';
  if (
    time === undefined &&
    firstRow.length > 2 &&
    isName(firstRow[id ?? 0]) &&
    !firstRow.some((cell, i) => i !== (id ?? 0) && isName(cell))
  ) {
    return 'rows';
  }
  return id === undefined ? 'wide' : 'long';
}

/** Neither a number nor missing nor a date. */
function isName(cell: string | undefined): boolean {
  return parseNumberText(cell ?? '') === Infinity && !looksLikeDate(cell ?? '');
}

function findTime(
  find: ColumnFinder,
  firstRow: readonly string[],
  options: SeriesOptions,
  id: number | undefined,
): number | undefined {
  if (options.time !== undefined) return find.exactly('time', options.time);
  const named = find.anyOf(TIME_NAMES);
  if (named !== undefined) return named;
  if (id === 0 || find.columns.length < 2) return undefined;
  const first = find.columns[0] as string;
  return FIRST_TIME_NAMES.includes(first.trim().toLowerCase()) || looksLikeDate(firstRow[0] ?? '') ? 0 : undefined;
}

class ColumnFinder {
  readonly columns: readonly string[];
  readonly #source: string;

  constructor(source: string, columns: readonly string[]) {
    this.#source = source;
    this.columns = columns;
  }

  /** A column the caller named: it must be there, spelled like this. */
  exactly(option: string, name: string): number {
    const index = this.columns.indexOf(name);
    if (index === -1) throw this.fail(`${option}: expected a column ${quote(name)}`);
    return index;
  }

  /** A column of one of the usual names, whatever its case. */
  anyOf(names: readonly string[]): number | undefined {
    for (const name of names) {
      const index = this.columns.findIndex((column) => column.trim().toLowerCase() === name);
      if (index !== -1) return index;
    }
    return undefined;
  }

  /** The one column that is left as target. */
  onlyOther(taken: readonly (number | undefined)[]): number {
    const others = this.columns.map((_, i) => i).filter((i) => !taken.includes(i));
    const [only] = others;
    if (only === undefined || others.length > 1)
      throw this.fail(`target: expected a column ${TARGET_NAMES.join(' or ')}, or its name as the option target`);
    return only;
  }

  fail(problem: string): TidemergeError {
    return new TidemergeError(
      'ERR_BAD_DATA',
      `${this.#source}: ${problem}, got the columns ${quoteList(this.columns, 12)}`,
    );
  }
}

function checkDistinct(find: ColumnFinder, names: readonly string[]): void {
  const seen = new Set<string>();
  for (const name of names) {
    if (seen.has(name)) throw find.fail(`expected distinct names of series, got ${quote(name)} twice`);
    seen.add(name);
  }
}
