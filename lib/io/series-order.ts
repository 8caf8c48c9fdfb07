import { TidemergeError } from '../errors.js';
import type { LineRuns } from './growable.js';
import { quote } from './quote.js';
import type { SeriesGroup } from './series-collector.js';
import type { SeriesOptions } from './series-options.js';
import { Tally } from './tally.js';
import type { TimeStyle } from './time-style.js';
import { formatTime } from './time-style.js';

/** A group whose columns are plain arrays and whose rows can still be moved. */
export interface Draft {
  readonly ids: readonly string[];
  readonly startOnly: { readonly freq: string | undefined } | undefined;
  readonly lines: LineRuns;
  columns: Float64Array[];
  times: Float64Array | undefined;
}

export type TimedDraft = Draft & { times: Float64Array };

export function toDraft({ ids, columns, times, lines, startOnly }: SeriesGroup): Draft {
  return { ids, startOnly, lines, columns: columns.map((column) => column.toArray()), times: times?.toArray() };
}

export function hasTimes(draft: Draft): draft is TimedDraft {
  return draft.times !== undefined;
}

/**
 * Puts the rows of every series in increasing time order as far as the options allow; ERR_BAD_DATA with the first
 * offenders where they do not. Returns warnings.
 */
export function orderRows(
  source: string,
  drafts: readonly TimedDraft[],
  style: TimeStyle,
  options: SeriesOptions,
): string[] {
  const problems = new OrderProblems(source, style);
  const dropped = new Tally();
  for (const draft of drafts) {
    const order = options.sort === true ? sortingOrder(draft.times) : undefined;
    const { lines } = draft;
    const lineOf = (row: number) => lines.lineOf(order === undefined ? row : (order[row] as number));
    if (order !== undefined) selectRows(draft, order);
    problems.check(draft, lineOf);
  }
  problems.throwIfAny(options.duplicates);
  if (options.duplicates === 'first' || options.duplicates === 'last') {
    for (const draft of drafts) {
      const rows = distinctRows(draft.times, options.duplicates);
      if (rows === undefined) continue;
      dropped.add(draft.times.length - rows.length, () => quote(draft.ids[0] as string));
      selectRows(draft, rows);
    }
  }
  return dropped.count === 0
    ? []
    : [`${source}: ${dropped.count} rows of repeated times were left out, first of ${dropped.first}`];
}

function selectRows(draft: TimedDraft, rows: Uint32Array): void {
  const select = (values: Float64Array) => Float64Array.from(rows, (row) => values[row] as number);
  draft.times = select(draft.times);
  draft.columns = draft.columns.map(select);
}

/** The first or last row of every time, for sorted times; undefined when none is repeated. */
function distinctRows(times: Float64Array, keep: 'first' | 'last'): Uint32Array | undefined {
  const next = keep === 'last' ? 1 : -1;
  const rows = Uint32Array.from(times.keys()).filter((row) => times[row] !== times[row + next]);
  return rows.length === times.length ? undefined : rows;
}

/** What is wrong with the order of the rows of a file. */
class OrderProblems {
  readonly #source: string;
  readonly #style: TimeStyle;
  readonly #unsorted = new Tally();
  readonly #duplicates = new Tally();

  constructor(source: string, style: TimeStyle) {
    this.#source = source;
    this.#style = style;
  }

  /** Looks for times that do not increase. */
  check({ times, ids }: TimedDraft, lineOf: (row: number) => number): void {
    const style = this.#style;
    const who = ids.length === 1 ? `${quote(ids[0] as string)} ` : '';
    for (let i = 1; i < times.length; i++) {
      const before = times[i - 1] as number;
      const time = times[i] as number;
      if (time === before)
        this.#duplicates.add(1, () => `${who}${formatTime(time, style)} on lines ${lineOf(i - 1)} and ${lineOf(i)}`);
      else if (time < before)
        this.#unsorted.add(
          1,
          () => `${who}${formatTime(time, style)} on line ${lineOf(i)} after ${formatTime(before, style)}`,
        );
    }
  }

  throwIfAny(duplicates: SeriesOptions['duplicates']): void {
    if (this.#unsorted.count > 0) {
      throw new TidemergeError(
        'ERR_BAD_DATA',
        `${this.#source}: expected the rows of a series in time order, got ${this.#unsorted.count} that go back: ${this.#unsorted.first}. Sort the file, or pass --sort (option sort: true)`,
      );
    }
    if (this.#duplicates.count > 0 && (duplicates ?? 'error') === 'error') {
      throw new TidemergeError(
        'ERR_BAD_DATA',
        `${this.#source}: expected one row per time and series, got ${this.#duplicates.count} repeated times: ${this.#duplicates.first}. The option duplicates keeps the first or the last`,
      );
    }
  }
}

/** The order that sorts the times, rows of equal times as they were; undefined when they already increase. */
function sortingOrder(times: Float64Array): Uint32Array | undefined {
  let sorted = true;
  for (let i = 1; sorted && i < times.length; i++) sorted = (times[i] as number) >= (times[i - 1] as number);
  if (sorted) return undefined;
  return Uint32Array.from(times.keys()).sort((a, b) => (times[a] as number) - (times[b] as number) || a - b);
}
