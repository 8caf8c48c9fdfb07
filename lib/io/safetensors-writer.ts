import { endianness } from 'node:os';
import { TidemergeError } from '../errors.js';
import { writeFileAtomic } from './atomic-file.js';
import { quote, show } from './quote.js';
import type { SafetensorsDtype, Shape, TensorData } from './safetensors-dtype.js';
import { arrayFor, elementBytes, elementCount, isSafetensorsDtype, SAFETENSORS_DTYPES } from './safetensors-dtype.js';
import { LENGTH_BYTES, MAX_HEADER_BYTES } from './safetensors-header.js';

export interface TensorToWrite {
  readonly name: string;
  readonly dtype: SafetensorsDtype;
  readonly shape: Shape;
  /** Raw bits in the array type of the dtype: Uint16Array for F16 and BF16, BigInt64Array for I64, 0 or 1 for BOOL. */
  readonly data: TensorData;
}

export type Metadata = Readonly<Record<string, string>> | ReadonlyMap<string, string>;

/**
 * Writes a safetensors file atomically. The bytes depend only on the content: tensors are ordered by element size
 * (largest first, so that each one is aligned to its own size) and then by name, metadata by key.
 * Throws ERR_INVALID_ARGUMENT, ERR_INVALID_DTYPE or ERR_INVALID_SHAPE for what a reader would refuse.
 */
export function writeSafetensors(path: string, tensors: Iterable<TensorToWrite>, metadata: Metadata = {}): void {
  writeFileAtomic(path, chunksOf(tensors, metadata));
}

/** The same bytes in memory. */
export function serializeSafetensors(
  tensors: Iterable<TensorToWrite>,
  metadata: Metadata = {},
): Uint8Array<ArrayBuffer> {
  const chunks = chunksOf(tensors, metadata);
  const bytes = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

function chunksOf(tensors: Iterable<TensorToWrite>, metadata: Metadata): Uint8Array[] {
  if (endianness() !== 'LE')
    throw new TidemergeError('ERR_UNSUPPORTED', 'safetensors writer: needs a little-endian machine');
  const sorted = [...tensors];
  checkNames(sorted);
  for (const tensor of sorted) checkTensor(tensor);
  sorted.sort((a, b) => elementBytes(b.dtype) - elementBytes(a.dtype) || compareText(a.name, b.name));
  const data = sorted.map(({ data }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return [...header(sorted, metadata), ...data];
}

function header(sorted: readonly TensorToWrite[], metadata: Metadata): [Uint8Array, Uint8Array] {
  const members: string[] = [];
  const pairs = checkMetadata(metadata);
  if (pairs.length > 0) {
    members.push(
      `"__metadata__":{${pairs.map(([key, text]) => `${JSON.stringify(key)}:${JSON.stringify(text)}`).join(',')}}`,
    );
  }
  let at = 0;
  for (const { name, dtype, shape, data } of sorted) {
    const end = at + data.byteLength;
    members.push(
      `${JSON.stringify(name)}:{"dtype":"${dtype}","shape":[${shape.join(',')}],"data_offsets":[${at},${end}]}`,
    );
    at = end;
  }
  const text = new TextEncoder().encode(`{${members.join(',')}}`);
  const padded = new Uint8Array(Math.ceil(text.length / 8) * 8).fill(0x20);
  padded.set(text);
  if (padded.length > MAX_HEADER_BYTES)
    throw invalid('ERR_INVALID_ARGUMENT', `header: expected at most ${MAX_HEADER_BYTES} bytes, got ${padded.length}`);
  const length = new Uint8Array(LENGTH_BYTES);
  new DataView(length.buffer).setBigUint64(0, BigInt(padded.length), true);
  return [length, padded];
}

function checkNames(tensors: readonly TensorToWrite[]): void {
  const seen = new Set<string>();
  for (const { name } of tensors) {
    if (typeof name !== 'string' || !isWellFormed(name))
      throw invalid('ERR_INVALID_ARGUMENT', `name: expected well-formed text, got ${show(name)}`);
    if (name === '__metadata__')
      throw invalid('ERR_INVALID_ARGUMENT', 'name: "__metadata__" is reserved by the format');
    if (seen.has(name))
      throw invalid('ERR_INVALID_ARGUMENT', `name: expected distinct names, got ${quote(name)} twice`);
    seen.add(name);
  }
}

function checkTensor({ name, dtype, shape, data }: TensorToWrite): void {
  const who = `tensor ${quote(name)}`;
  if (!isSafetensorsDtype(dtype))
    throw invalid(
      'ERR_INVALID_DTYPE',
      `${who}: dtype: expected one of ${SAFETENSORS_DTYPES.join(', ')}, got ${show(dtype)}`,
    );
  const count = elementCount(shape);
  if (count === undefined)
    throw invalid(
      'ERR_INVALID_SHAPE',
      `${who}: shape: expected non-negative integers with a product below 2^53, got ${show(shape)}`,
    );
  const array = arrayFor(dtype) as unknown as { name: string; new (): TensorData };
  if (!(data instanceof array))
    throw invalid(
      'ERR_INVALID_DTYPE',
      `${who}: data: expected ${array.name} for ${dtype}, got ${Object.prototype.toString.call(data)}`,
    );
  if (data.length !== count)
    throw invalid(
      'ERR_INVALID_SHAPE',
      `${who}: data: expected ${count} elements for shape [${shape.join(', ')}], got ${data.length}`,
    );
  if (dtype === 'BOOL' && (data as Uint8Array).some((value) => value > 1))
    throw invalid('ERR_INVALID_ARGUMENT', `${who}: data: expected only 0 and 1 for BOOL`);
}

function checkMetadata(metadata: Metadata): [string, string][] {
  const pairs: [string, unknown][] = metadata instanceof Map ? [...metadata] : Object.entries(metadata);
  for (const [key, text] of pairs) {
    if (typeof key !== 'string' || typeof text !== 'string' || !isWellFormed(key) || !isWellFormed(text)) {
      throw invalid('ERR_INVALID_ARGUMENT', `metadata: ${show(key)}: expected well-formed text, got ${show(text)}`);
    }
  }
  return (pairs as [string, string][]).sort(([a], [b]) => compareText(a, b));
}

/** A lone surrogate has no UTF-8 form. */
function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}

/** By code unit: the same on every machine, unlike localeCompare. */
function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function invalid(
  code: 'ERR_INVALID_ARGUMENT' | 'ERR_INVALID_DTYPE' | 'ERR_INVALID_SHAPE',
  problem: string,
): TidemergeError {
  return new TidemergeError(code, `safetensors writer: ${problem}`);
}
