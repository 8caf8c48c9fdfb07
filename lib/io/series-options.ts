import type { Delimiter } from './csv.js';
import type { TextEncodingName } from './text-encoding.js';
import type { DayMonthOrder } from './time-column.js';
import type { TimeStep } from './time-step.js';

/** How a table holds series. */
export type SeriesForm =
  /** A row per value: id, time, value. */
  | 'long'
  /** A row per time, a column per series. */
  | 'wide'
  /** A row per series: its id, then its values. */
  | 'rows';

export interface SeriesOptions {
  /** Default: NDJSON when the text begins with '{', otherwise CSV. */
  readonly format?: 'csv' | 'ndjson';
  readonly encoding?: TextEncodingName;
  readonly delimiter?: Delimiter;
  /** Between integer and fraction. Default '.'. */
  readonly decimal?: '.' | ',';
  /** Whether the first CSV row holds column names. Default: unless it holds only numbers, dates and missing cells. */
  readonly header?: boolean;
  readonly form?: SeriesForm;
  /** Column names of the long form. Default: unique_id or item_id; ds, timestamp, date …; y or target. */
  readonly id?: string;
  readonly time?: string;
  readonly target?: string;
  /** Wide form: the series to read. Default: every column but the time. */
  readonly columns?: readonly string[];
  /** Sort rows by time within each series. Default false: unsorted rows are an error. */
  readonly sort?: boolean;
  /** Of rows of one series with the same time: refuse them (default), or keep only the first or the last. */
  readonly duplicates?: 'error' | 'first' | 'last';
  /** Insert NaN where a regular series lacks a time. Default true. */
  readonly fillGaps?: boolean;
  /** The step between neighbours, as pandas names it (h, 15min, D, MS). Default: inferred. */
  readonly freq?: string;
  /** What 7/1/2016 means when no date of the file tells. */
  readonly dateOrder?: DayMonthOrder;
  /** For messages; default the path. */
  readonly name?: string;
  readonly maxRecordBytes?: number;
  /** Most values kept in memory, gaps included. Default 2^28, two gigabytes. */
  readonly maxValues?: number;
}

export const DEFAULT_MAX_VALUES = 2 ** 28;

export interface SeriesTimes {
  /** As the file writes them. */
  readonly first: string;
  readonly last: string;
  /** For `futureTimes`; undefined when the times are irregular or too few. */
  readonly step: TimeStep | undefined;
}

export interface SeriesTable {
  readonly ids: string[];
  /** In time order, NaN where a value is missing. */
  readonly values: Float64Array[];
  /** One per series; undefined for a file without times (and for single series without them). */
  readonly times?: readonly (SeriesTimes | undefined)[];
  /** What was done that a user should know, ready to be printed. */
  readonly warnings: string[];
}
