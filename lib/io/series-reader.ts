import { TidemergeError } from '../errors.js';
import type { ByteInput } from './byte-source.js';
import { openBytes, peek } from './byte-source.js';
import { assembleSeries } from './series-assemble.js';
import { collectCsv } from './series-csv.js';
import { collectNdjson } from './series-json.js';
import type { SeriesOptions, SeriesTable } from './series-options.js';
import { utf8Chunks } from './text-encoding.js';

export type { SeriesForm, SeriesOptions, SeriesTable, SeriesTimes } from './series-options.js';

/** Enough to find the first character that is no space. */
const SNIFF_BYTES = 1024;

/**
 * Reads the series of a table (CSV or NDJSON, plain or gzipped, see SeriesOptions) into memory.
 *
 * Missing values become NaN, times that a regular series lacks are inserted as NaN, and everything of that kind is told
 * in `warnings`. What cannot be right is an ERR_BAD_DATA that names the file, the line, the column and the text: text
 * where a number belongs, ragged rows, rows out of order, repeated times. ERR_FILE_ACCESS when the file cannot be read.
 */
export async function readSeries(input: ByteInput, options: SeriesOptions = {}): Promise<SeriesTable> {
  const source = openBytes(input, options.name);
  const { head, all, close } = await peek(utf8Chunks(source, options.encoding), SNIFF_BYTES);
  const first = String.fromCharCode(head.find((byte) => byte > 0x20) ?? 0);
  if (options.format === undefined && first === '[') {
    await close();
    throw new TidemergeError(
      'ERR_BAD_DATA',
      `${source.name}: expected CSV or one JSON object per line, got a JSON array`,
    );
  }
  const format = options.format ?? (first === '{' ? 'ndjson' : 'csv');
  const collected =
    format === 'ndjson' ? await collectNdjson(source.name, all, options) : await collectCsv(source.name, all, options);
  return assembleSeries(source.name, collected, options);
}
