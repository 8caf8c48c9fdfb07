import { TidemergeError } from '../errors.js';
import { quote, show } from './quote.js';
import type { SafetensorsDtype, Shape } from './safetensors-dtype.js';
import { elementBytes, elementCount, isSafetensorsDtype, isSize, SAFETENSORS_DTYPES } from './safetensors-dtype.js';
import type { JsonValue } from './strict-json.js';
import { parseStrictJson } from './strict-json.js';

/**
 * The file: 8 bytes of little-endian header length, that many bytes of JSON (padded with spaces at the end), then the
 * tensors, without holes. The JSON maps a name to {dtype, shape, data_offsets: [begin, end]}, offsets counted from the
 * end of the header; `__metadata__` maps text to text.
 */
export const LENGTH_BYTES = 8;
/** The limit of the format itself. */
export const MAX_HEADER_BYTES = 100_000_000;
/** About 500 000 tensors; keeps a header of tiny values from filling the memory. */
export const MAX_HEADER_VALUES = 2 ** 22;

export interface TensorEntry {
  readonly name: string;
  readonly dtype: SafetensorsDtype;
  readonly shape: Shape;
  /** Bytes from the end of the header. */
  readonly begin: number;
  readonly end: number;
}

export interface SafetensorsHeader {
  /** In the order of their data. */
  readonly entries: ReadonlyMap<string, TensorEntry>;
  readonly metadata: ReadonlyMap<string, string>;
}

export function badSafetensors(file: string, problem: string, cause?: unknown): TidemergeError {
  return new TidemergeError('ERR_BAD_SAFETENSORS', `${file}: ${problem}`, cause === undefined ? undefined : { cause });
}

/** Reads the length field. `prefix` holds the first bytes of the file, `fileBytes` its whole size. */
export function readHeaderLength(file: string, prefix: Uint8Array, fileBytes: number): number {
  if (fileBytes < LENGTH_BYTES || prefix.length < LENGTH_BYTES) {
    throw badSafetensors(file, `expected at least ${LENGTH_BYTES} bytes, got ${fileBytes}`);
  }
  const view = new DataView(prefix.buffer, prefix.byteOffset, LENGTH_BYTES);
  const length = view.getBigUint64(0, true);
  if (length > BigInt(MAX_HEADER_BYTES)) {
    throw badSafetensors(file, `header length: expected at most ${MAX_HEADER_BYTES}, got ${length}`);
  }
  if (Number(length) > fileBytes - LENGTH_BYTES) {
    throw badSafetensors(
      file,
      `header length: expected at most the ${fileBytes - LENGTH_BYTES} bytes that follow, got ${length}`,
    );
  }
  return Number(length);
}

/**
 * Validates a header against the number of data bytes that follow it. Every rule of the format is checked here, so that
 * a tensor of a returned header can be read without looking again.
 */
export function parseHeader(file: string, json: Uint8Array, dataBytes: number): SafetensorsHeader {
  if (json[0] !== 0x7b)
    throw badSafetensors(
      file,
      `header: expected to start with '{', got ${json.length === 0 ? 'nothing' : `byte ${json[0]}`}`,
    );
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(json);
  } catch (error) {
    throw badSafetensors(file, 'header: expected UTF-8 text', error);
  }
  const root = parseStrictJson(text, {
    who: `${file}: header`,
    code: 'ERR_BAD_SAFETENSORS',
    maxDepth: 8,
    maxValues: MAX_HEADER_VALUES,
  });
  if (!(root instanceof Map)) throw badSafetensors(file, 'header: expected a JSON object');

  let metadata: ReadonlyMap<string, string> = new Map();
  const entries: TensorEntry[] = [];
  for (const [name, value] of root) {
    if (name === '__metadata__') metadata = parseMetadata(file, value);
    else entries.push(parseEntry(file, name, value));
  }
  // A tensor without elements shares its offset with the next one: it comes first.
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  checkCoverage(file, entries, dataBytes);
  return { entries: new Map(entries.map((entry) => [entry.name, entry])), metadata };
}

function parseMetadata(file: string, value: JsonValue): Map<string, string> {
  if (!(value instanceof Map)) throw badSafetensors(file, `__metadata__: expected an object, got ${show(value)}`);
  const metadata = new Map<string, string>();
  for (const [key, text] of value) {
    if (typeof text !== 'string')
      throw badSafetensors(file, `__metadata__: ${quote(key)}: expected a string, got ${show(text)}`);
    metadata.set(key, text);
  }
  return metadata;
}

function parseEntry(file: string, name: string, value: JsonValue): TensorEntry {
  const fail = (what: string, got: JsonValue | undefined) =>
    badSafetensors(file, `tensor ${quote(name)}: ${what}, got ${show(got)}`);
  if (!(value instanceof Map)) throw fail('expected an object', value);
  const dtype = value.get('dtype');
  if (!isSafetensorsDtype(dtype)) throw fail(`dtype: expected one of ${SAFETENSORS_DTYPES.join(', ')}`, dtype);
  const shape = value.get('shape');
  const count = elementCount(shape);
  if (count === undefined) throw fail('shape: expected non-negative integers with a product below 2^53', shape);
  const offsets = value.get('data_offsets');
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isSize)) {
    throw fail('data_offsets: expected [begin, end]', offsets);
  }
  const [begin, end] = offsets as [number, number];
  if (begin > end) throw fail('data_offsets: expected begin <= end', offsets);
  const expected = count * elementBytes(dtype);
  if (end - begin !== expected) {
    throw fail(`data_offsets: expected ${expected} bytes for ${dtype} ${show(shape)}`, end - begin);
  }
  return { name, dtype, shape: Object.freeze(shape as number[]), begin, end };
}

function checkCoverage(file: string, sorted: readonly TensorEntry[], dataBytes: number): void {
  let covered = 0;
  let before = 'the header';
  for (const { name, begin, end } of sorted) {
    if (begin !== covered) {
      const problem = begin < covered ? 'overlaps' : 'leaves a hole after';
      throw badSafetensors(
        file,
        `tensor ${quote(name)}: ${problem} ${before}: expected to begin at ${covered}, got ${begin}`,
      );
    }
    if (end > dataBytes) {
      throw badSafetensors(
        file,
        `tensor ${quote(name)}: expected to end within the ${dataBytes} data bytes, got ${end}`,
      );
    }
    covered = end;
    before = `tensor ${quote(name)}`;
  }
  if (covered !== dataBytes) {
    throw badSafetensors(
      file,
      `expected the tensors to cover the ${dataBytes} data bytes, got ${covered} (trailing bytes)`,
    );
  }
}
