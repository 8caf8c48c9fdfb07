import { basename } from 'node:path';
import { ETT_MONTHS, SHARES, type SplitRule, splitRows, standardize, type TimeSplit } from '../../analysis/split.js';
import { type Window, windowsOf } from '../../analysis/windows.js';
import { TidemergeError } from '../../errors.js';
import { readSeries, type SeriesTimes } from '../../io/index.js';
import type { TextEncodingName } from '../../io/text-encoding.js';

export interface BenchData {
  /** The file's name without .csv and .gz. */
  readonly name: string;
  readonly path: string;
  readonly ids: readonly string[];
  /** In units of each series' deviation in the train part, its mean there being 0. */
  readonly series: readonly Float64Array[];
  readonly rule: SplitRule;
  readonly split: TimeSplit;
  readonly validation: readonly Window[];
  readonly test: readonly Window[];
}

export interface DataOptions {
  /** Default: the papers' months for ETT, 0.7/0.1/0.2 for others. */
  readonly split?: SplitRule | undefined;
  readonly encoding?: TextEncodingName | undefined;
  readonly context: number;
  readonly horizon: number;
  readonly stride: number;
  readonly limit: number;
  readonly seed: number;
}

/**
 * Reads a wide table and takes windows from its validation and test parts. Rows are taken as they stand, as the papers
 * do: no gaps are filled, and of rows with the same time the first one counts.
 */
export async function readBenchData(
  path: string,
  options: DataOptions,
  warn: (text: string) => void,
): Promise<BenchData> {
  const { encoding } = options;
  const table = await readSeries(path, {
    form: 'wide',
    fillGaps: false,
    duplicates: 'first',
    ...(encoding && { encoding }),
  });
  const name = basename(path).replace(/(\.csv)?(\.gz)?$/i, '');
  for (const warning of table.warnings) warn(`${name}: ${warning}`);
  const rows = Math.max(0, ...table.values.map(({ length }) => length));
  const rule = options.split ?? (/^ett[hm]\d/i.test(name) ? ETT_MONTHS : SHARES);
  const split = splitRows(name, rows, rule, secondsPerRow(table.times?.[0]));
  const series = table.values.map((values) => standardize(values, split.train));
  const windows = (kind: 'validation' | 'test', salt: number) => {
    const found = windowsOf(series, split[kind], { ...options, seed: options.seed + salt });
    if (found.length > 0) return found;
    const { begin, end } = split[kind];
    const needed = `a window of ${options.context} + ${options.horizon} values`;
    throw new TidemergeError(
      'ERR_BAD_DATA',
      `${name}: ${kind}: expected at least ${needed} that ends in rows ${begin} to ${end}, got none`,
    );
  };
  return {
    name,
    path,
    ids: table.ids,
    series,
    rule,
    split,
    validation: windows('validation', 0),
    test: windows('test', 1),
  };
}

function secondsPerRow(times: SeriesTimes | undefined): number | undefined {
  const step = times?.step;
  return step?.unit === 'second' ? step.count : undefined;
}

/** What a model sees of windows, and what it is asked for. */
export interface WindowValues {
  readonly contexts: readonly Float64Array[];
  readonly targets: readonly Float64Array[];
  /** Windows that start at the same time are one group. */
  readonly groups: readonly number[];
}

export function windowValues(
  data: BenchData,
  part: 'validation' | 'test',
  context: number,
  horizon: number,
): WindowValues {
  const windows = data[part];
  const cut = (from: number, to: number) =>
    windows.map(({ series, start }) => data.series[series]!.subarray(start + from, start + to));
  return { contexts: cut(-context, 0), targets: cut(0, horizon), groups: windows.map(({ start }) => start) };
}
