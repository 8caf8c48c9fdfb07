import { TidemergeError } from '../errors.js';
import { readArffFile } from './arff-file.js';
import { type NpyArray, readNpy } from './npy.js';
import { readSampleCsv, type SampleCsvOptions } from './sample-csv.js';
import { DEFAULT_MAX_SAMPLE_VALUES, type Sample, type SampleSet } from './sample-set.js';
import { readTsFile } from './ts-file.js';

export type SampleFormat = 'ts' | 'arff' | 'npy' | 'csv';

export interface ReadSamplesOptions extends SampleCsvOptions {
  /** Default: by the end of the file's name, .gz apart. */
  readonly format?: SampleFormat;
}

const FORMATS = new Map<string, SampleFormat>([
  ['ts', 'ts'],
  ['arff', 'arff'],
  ['npy', 'npy'],
  ['csv', 'csv'],
  ['tsv', 'csv'],
  ['txt', 'csv'],
]);

/**
 * Reads multivariate series from a file, whatever holds them: samples with classes from .ts and .arff, samples from an
 * .npy array [samples, length, variables], one long series from [length, variables], [length] or a table (.csv, .tsv,
 * .txt). All may be gzipped. Infinite numbers are refused.
 *
 * ERR_UNSUPPORTED for another name without a `format`; otherwise the errors of the format's reader.
 */
export async function readSamples(path: string, options: ReadSamplesOptions = {}): Promise<SampleSet> {
  const ending = /\.([^./\\]+)(?:\.gz)?$/i.exec(path)?.[1]?.toLowerCase();
  const format = options.format ?? FORMATS.get(ending ?? '');
  if (format === 'ts') return readTsFile(path, options);
  if (format === 'arff') return readArffFile(path, options);
  if (format === 'csv') return readSampleCsv(path, options);
  if (format === 'npy') return npySamples(path, options);
  const known = [...FORMATS.keys()].map((name) => `.${name}`).join(', ');
  throw new TidemergeError('ERR_UNSUPPORTED', `${path}: expected a name that ends in ${known} (or .gz behind it)`);
}

async function npySamples(path: string, options: ReadSamplesOptions): Promise<SampleSet> {
  const name = options.name ?? path;
  // Elements of 8 bytes at most.
  const maxBytes = 8 * (options.maxValues ?? DEFAULT_MAX_SAMPLE_VALUES);
  const { data, shape } = await readNpy(path, { name, maxBytes });
  const [count, length, variables] =
    shape.length === 3 ? (shape as [number, number, number]) : [1, shape[0]!, shape[1] ?? 1];
  if (count === 0 || length === 0 || variables === 0) {
    throw new TidemergeError('ERR_BAD_DATA', `${name}: expected values, got shape [${shape.join(', ')}]`);
  }
  const values = float32(name, data);
  const size = length * variables;
  const samples = Array.from({ length: count }, (_, i): Sample => {
    return { data: values.slice(i * size, (i + 1) * size), shape: [length, variables] };
  });
  return { samples, labels: [], classNames: [] };
}

function float32(name: string, data: NpyArray): Float32Array {
  const values = data instanceof BigInt64Array ? Float32Array.from(data, Number) : Float32Array.from(data);
  const infinite = values.findIndex((value) => Math.abs(value) === Infinity);
  if (infinite < 0) return values;
  throw new TidemergeError(
    'ERR_BAD_DATA',
    `${name}: expected numbers of float32, got ${data[infinite]} at ${infinite}`,
  );
}
