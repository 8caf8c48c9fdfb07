import { TidemergeError } from '../errors.js';
import { Outlet, type TextSink } from './outlet.js';

export type { TextSink };

export type TableFormat = 'csv' | 'json' | 'ndjson';

/** The forecast of one series. */
export interface ForecastSeries {
  readonly id: string;
  /** One per step of the horizon; default 1, 2, 3 … */
  readonly times?: readonly string[];
  readonly mean?: ArrayLike<number>;
  /** One array of the horizon's length per level of the table. */
  readonly quantiles: readonly ArrayLike<number>[];
}

export interface TableOptions {
  readonly format: TableFormat;
  /** Fractions such as 0.1; each becomes a column named by its shortest decimal. */
  readonly quantileLevels: readonly number[];
  /** Whether there is a column `mean`. Default false. */
  readonly mean?: boolean;
  /** Default 'unique_id'. */
  readonly idColumn?: string;
  /** Default 'ds'. */
  readonly timeColumn?: string;
}

/** Rows are gathered up to this many characters for one write. */
const CHUNK_CHARACTERS = 2 ** 16;

/**
 * Writes forecasts as a table, one row per series and step: id, time, `mean` if any, then a column per quantile level.
 * Missing numbers are empty cells in CSV and null in JSON. Float32 values are written with the fewest digits that read
 * back as the same float32. Waits whenever the stream asks for it, does not end the stream, and returns the number of rows.
 *
 * Errors: ERR_INVALID_ARGUMENT for forecasts that do not fit the columns; ERR_FILE_ACCESS when the stream fails or closes
 * (the stream's own error, such as EPIPE, is the cause).
 */
export async function writeForecasts(
  forecasts: Iterable<ForecastSeries> | AsyncIterable<ForecastSeries>,
  sink: TextSink,
  options: TableOptions,
): Promise<number> {
  const rows = rowWriter(options);
  const out = new Outlet(sink);
  let text = rows.head;
  let count = 0;
  try {
    for await (const forecast of forecasts) {
      const horizon = checkForecast(forecast, options);
      for (let step = 0; step < horizon; step++) {
        text += (count++ === 0 ? '' : rows.between) + rows.row(forecast, step);
        if (text.length >= CHUNK_CHARACTERS) {
          await out.write(text);
          text = '';
        }
      }
    }
    await out.write(text + (count === 0 ? rows.emptyTail : rows.tail));
  } finally {
    out.release();
  }
  return count;
}

interface RowWriter {
  readonly head: string;
  row(forecast: ForecastSeries, step: number): string;
  readonly between: string;
  readonly tail: string;
  readonly emptyTail: string;
}

function rowWriter(options: TableOptions): RowWriter {
  const { format, quantileLevels, mean = false, idColumn = 'unique_id', timeColumn = 'ds' } = options;
  const columns = [idColumn, timeColumn, ...(mean ? ['mean'] : []), ...levelNames(quantileLevels)];
  if (format === 'csv') {
    return {
      head: `${columns.map(csvCell).join(',')}\n`,
      row: (forecast, step) => {
        let row = `${csvCell(forecast.id)},${csvCell(forecast.times?.[step] ?? String(step + 1))}`;
        if (mean) row += `,${numberText(forecast.mean, step, '')}`;
        for (const values of forecast.quantiles) row += `,${numberText(values, step, '')}`;
        return `${row}\n`;
      },
      between: '',
      tail: '',
      emptyTail: '',
    };
  }
  if (format !== 'json' && format !== 'ndjson')
    throw invalid(`format: expected csv, json or ndjson, got ${String(format)}`);
  const keys = columns.map((column) => JSON.stringify(column));
  const row = (forecast: ForecastSeries, step: number) => {
    let text = `{${keys[0]}:${JSON.stringify(forecast.id)},${keys[1]}:${JSON.stringify(forecast.times?.[step] ?? String(step + 1))}`;
    let key = 2;
    if (mean) text += `,${keys[key++]}:${numberText(forecast.mean, step, 'null')}`;
    for (const values of forecast.quantiles) text += `,${keys[key++]}:${numberText(values, step, 'null')}`;
    return `${text}}`;
  };
  return format === 'json'
    ? { head: '[', row: (forecast, step) => `\n${row(forecast, step)}`, between: ',', tail: '\n]\n', emptyTail: ']\n' }
    : { head: '', row: (forecast, step) => `${row(forecast, step)}\n`, between: '', tail: '', emptyTail: '' };
}

function levelNames(levels: readonly number[]): string[] {
  for (const level of levels) {
    if (!(level > 0 && level < 1)) throw invalid(`quantileLevels: expected numbers between 0 and 1, got ${level}`);
  }
  const names = levels.map(String);
  if (new Set(names).size !== names.length)
    throw invalid(`quantileLevels: expected distinct levels, got ${names.join(', ')}`);
  return names;
}

/** The horizon of a forecast whose parts agree on it. */
function checkForecast({ id, times, mean, quantiles }: ForecastSeries, options: TableOptions): number {
  const who = `series ${JSON.stringify(id)}`;
  const levels = options.quantileLevels.length;
  if (quantiles.length !== levels)
    throw invalid(`${who}: quantiles: expected ${levels} arrays, got ${quantiles.length}`);
  if ((mean !== undefined) !== (options.mean === true))
    throw invalid(`${who}: mean: expected ${options.mean === true ? 'an array' : 'none'}`);
  const lengths = [...quantiles, ...(mean === undefined ? [] : [mean]), ...(times === undefined ? [] : [times])].map(
    ({ length }) => length,
  );
  const horizon = lengths[0] ?? 0;
  if (lengths.some((length) => length !== horizon))
    throw invalid(`${who}: expected times, mean and quantiles of one length, got ${lengths.join(', ')}`);
  return horizon;
}

/** RFC 4180; outer spaces are quoted because many readers cut them off. */
export function csvCell(text: string): string {
  return /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function numberText(values: ArrayLike<number> | undefined, step: number, missing: string): string {
  const value = values?.[step] ?? NaN;
  if (!Number.isFinite(value)) return missing;
  return values instanceof Float32Array ? shortestFloat32(value) : String(value);
}

/**
 * The fewest digits that read back as this float32 (a few more for denormals). Nine are always enough, and whatever has
 * up to six comes out as it was written.
 */
export function shortestFloat32(value: number): string {
  for (let digits = 6; digits < 9; digits++) {
    const rounded = Number(value.toPrecision(digits));
    if (Math.fround(rounded) === value) return String(rounded);
  }
  return String(Number(value.toPrecision(9)));
}

function invalid(problem: string): TidemergeError {
  return new TidemergeError('ERR_INVALID_ARGUMENT', `forecast table: ${problem}`);
}
