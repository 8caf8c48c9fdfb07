import { TidemergeError } from '../errors.js';
import type { ByteInput } from './byte-source.js';
import { openBytes, peek } from './byte-source.js';
import type { CsvRecord } from './csv-record.js';
import { CsvScanner } from './csv-scanner.js';
import type { TextEncodingName } from './text-encoding.js';
import { utf8Chunks } from './text-encoding.js';

export type Delimiter = ',' | ';' | '\t' | '|';

export interface CsvOptions {
  /** Default: found out from the first lines. */
  readonly delimiter?: Delimiter;
  readonly encoding?: TextEncodingName;
  /** For messages; default the path. */
  readonly name?: string;
  readonly maxRecordBytes?: number;
}

const DELIMITERS: readonly Delimiter[] = [',', ';', '\t', '|'];
/** What is looked at to find the delimiter. */
const SAMPLE_BYTES = 2 ** 16;
const SAMPLE_RECORDS = 20;

/**
 * Rows of strings, blank lines left out. ERR_BAD_DATA for what `CsvScanner` refuses and for rows that have more or fewer
 * cells than the first one.
 */
export async function* readCsvRows(input: ByteInput, options: CsvOptions = {}): AsyncGenerator<string[]> {
  const source = openBytes(input, options.name);
  let rows: string[][] = [];
  const onRecord = (record: CsvRecord) => {
    if (!record.blank) rows.push(record.texts());
  };
  for await (const _ of scanCsv(source.name, utf8Chunks(source, options.encoding), options, onRecord)) {
    yield* rows;
    rows = [];
  }
}

/**
 * Scans UTF-8 chunks and calls `onRecord` for every record, blank lines included; yields after every chunk, so that the
 * caller sets the pace. Refuses ragged rows.
 */
export async function* scanCsv(
  name: string,
  chunks: AsyncIterable<Uint8Array>,
  options: CsvOptions,
  onRecord: (record: CsvRecord) => void,
): AsyncGenerator<void> {
  const { head, all } = await peek(chunks, options.delimiter === undefined ? SAMPLE_BYTES : 0);
  const delimiter = options.delimiter ?? detectDelimiter(head);
  if (!DELIMITERS.includes(delimiter)) {
    throw new TidemergeError(
      'ERR_INVALID_ARGUMENT',
      `csv: delimiter: expected one of , ; tab |, got ${JSON.stringify(delimiter)}`,
    );
  }
  let width = 0;
  const checked = (record: CsvRecord) => {
    if (width === 0 && !record.blank) width = record.count;
    else if (record.count !== width && !record.blank) throw ragged(record, width);
    onRecord(record);
  };
  const scanner = new CsvScanner(name, delimiter.charCodeAt(0), checked, options.maxRecordBytes);
  for await (const chunk of all) {
    scanner.push(chunk);
    yield;
  }
  scanner.finish();
  yield;
}

function ragged(record: CsvRecord, width: number): TidemergeError {
  return new TidemergeError(
    'ERR_BAD_DATA',
    `${record.source}: line ${record.line}: expected ${width} cells as in the first row, got ${record.count}`,
  );
}

/**
 * The delimiter that cuts the first records into the same number of cells, the more the better; without one, the one
 * that the first record has most of; without any, the comma.
 */
export function detectDelimiter(sample: Uint8Array): Delimiter {
  let best: Delimiter = ',';
  let bestScore = 0;
  for (const delimiter of DELIMITERS) {
    const counts = countCells(sample, delimiter);
    const first = counts[0] ?? 1;
    const even = first > 1 && counts.every((count) => count === first);
    // Evenness outweighs any number of cells.
    const score = first === 1 ? 0 : even ? 2 ** 32 + first : first;
    if (score > bestScore) [best, bestScore] = [delimiter, score];
  }
  return best;
}

/** Cells of each of the first complete records. */
function countCells(sample: Uint8Array, delimiter: Delimiter): number[] {
  const counts: number[] = [];
  const scanner = new CsvScanner('sample', delimiter.charCodeAt(0), (record) => {
    if (!record.blank && counts.length < SAMPLE_RECORDS) counts.push(record.count);
  });
  try {
    // A sample that ends inside a record must not count that record, one that is the whole file must.
    scanner.push(sample.subarray(0, SAMPLE_BYTES));
    if (counts.length === 0 || sample.length < SAMPLE_BYTES) scanner.finish();
  } catch (error) {
    // With the wrong delimiter a quoted cell may seem to have text behind it. The real scan will tell.
    if (!(error instanceof TidemergeError)) throw error;
  }
  return counts;
}
