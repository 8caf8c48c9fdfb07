import { TidemergeError } from '../errors.js';
import { elementCount, type Tensor } from '../tensor/tensor.js';
import { type ByteInput, openBytes, peek } from './byte-source.js';
import { type NpyHeader, parseNpyHeader } from './npy-header.js';
import { quote } from './quote.js';

export type NpyArray = Float32Array | Float64Array | Int32Array | BigInt64Array | Uint8Array;

export interface NpyOptions {
  /** For messages; default the path. */
  readonly name?: string;
  /** Most bytes of data. Default 2^30. */
  readonly maxBytes?: number;
}

/** Little-endian, as every platform with an addon is. */
const TYPES = new Map<string, { new (buffer: ArrayBuffer): NpyArray; readonly BYTES_PER_ELEMENT: number }>([
  ['<f4', Float32Array],
  ['<f8', Float64Array],
  ['<i4', Int32Array],
  ['<i8', BigInt64Array],
  ['|u1', Uint8Array],
  ['|b1', Uint8Array],
]);
/** \x93NUMPY */
const MAGIC = Buffer.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59);
/** Magic, version, and a length of 4 bytes in versions 2 and 3, of 2 in version 1. */
const PREFIX_BYTES = 12;
const MAX_HEADER_BYTES = 2 ** 16;
const MAX_RANK = 3;

/**
 * Reads an array of one to three dimensions as NumPy saves it (.npy, versions 1 to 3), plain or gzipped: float32, float64,
 * int32, int64, uint8 and bool (as 0 and 1), little-endian. Data in Fortran order is turned into row-major.
 *
 * ERR_BAD_DATA for what is no such file, is cut off or goes on behind its data; ERR_UNSUPPORTED for other types, ranks
 * and versions.
 */
export async function readNpy(input: ByteInput, options: NpyOptions = {}): Promise<Tensor<NpyArray>> {
  const { name, chunks } = openBytes(input, options.name);
  const start = await peek(chunks, PREFIX_BYTES);
  const headerEnd = await closing(start.close, () => endOfHeader(name, Buffer.from(start.head)));
  const whole = await peek(start.all, headerEnd.to);
  const allocated = await closing(whole.close, () => {
    if (whole.head.length < headerEnd.to) throw cutOff(name, 'the header', headerEnd.to, whole.head.length);
    const text = Buffer.from(whole.head.subarray(headerEnd.from, headerEnd.to)).toString('latin1');
    return allocate(name, parseNpyHeader(name, text), options.maxBytes ?? 2 ** 30);
  });
  await fill(name, allocated.bytes, whole.all, headerEnd.to);
  const { header, bytes } = allocated;
  const data = new (TYPES.get(header.descr)!)(bytes.buffer);
  return { data: header.fortranOrder ? rowMajor(data, header.shape) : data, shape: header.shape };
}

/** Leaves the source in order where `check` throws. */
async function closing<T>(close: () => Promise<void>, check: () => T): Promise<T> {
  try {
    return check();
  } catch (error) {
    await close();
    throw error;
  }
}

function endOfHeader(name: string, head: Buffer): { from: number; to: number } {
  if (!head.subarray(0, MAGIC.length).equals(MAGIC.subarray(0, head.length)) || head.length === 0) {
    const got = quote(head.subarray(0, MAGIC.length).toString('latin1'));
    throw new TidemergeError('ERR_BAD_DATA', `${name}: expected an .npy file, got one that begins with ${got}`);
  }
  if (head.length < PREFIX_BYTES) throw cutOff(name, 'the header', PREFIX_BYTES, head.length);
  const version = head[6]!;
  if (version < 1 || version > 3) {
    throw new TidemergeError('ERR_UNSUPPORTED', `${name}: expected .npy version 1, 2 or 3, got ${version}.${head[7]}`);
  }
  const length = version === 1 ? head.readUInt16LE(8) : head.readUInt32LE(8);
  if (length > MAX_HEADER_BYTES) {
    throw new TidemergeError(
      'ERR_BAD_DATA',
      `${name}: header: expected at most ${MAX_HEADER_BYTES} bytes, got ${length}`,
    );
  }
  const from = version === 1 ? 10 : PREFIX_BYTES;
  return { from, to: from + length };
}

function allocate(
  name: string,
  header: NpyHeader,
  maxBytes: number,
): { header: NpyHeader; bytes: Uint8Array<ArrayBuffer> } {
  const { descr, shape } = header;
  const type = TYPES.get(descr);
  if (!type) {
    const known = [...TYPES.keys()].join(' ');
    throw new TidemergeError('ERR_UNSUPPORTED', `${name}: expected a type of ${known}, got ${quote(descr)}`);
  }
  if (shape.length < 1 || shape.length > MAX_RANK) {
    throw new TidemergeError('ERR_UNSUPPORTED', `${name}: expected 1 to ${MAX_RANK} dimensions, got ${shape.length}`);
  }
  const length = elementCount(shape) * type.BYTES_PER_ELEMENT;
  if (!shape.every(Number.isSafeInteger) || !(length <= maxBytes)) {
    throw new TidemergeError(
      'ERR_BAD_DATA',
      `${name}: expected at most ${maxBytes} bytes of data, got shape [${shape}]`,
    );
  }
  try {
    return { header, bytes: new Uint8Array(new ArrayBuffer(length)) };
  } catch (cause) {
    throw new TidemergeError('ERR_OUT_OF_MEMORY', `${name}: ${length} bytes cannot be allocated`, { cause });
  }
}

async function fill(name: string, target: Uint8Array, chunks: AsyncIterable<Uint8Array>, skip: number): Promise<void> {
  let [left, filled] = [skip, 0];
  for await (const chunk of chunks) {
    const rest = chunk.subarray(Math.min(left, chunk.length));
    left -= chunk.length - rest.length;
    if (rest.length > target.length - filled) {
      throw new TidemergeError('ERR_BAD_DATA', `${name}: expected ${target.length} bytes of data, got more`);
    }
    target.set(rest, filled);
    filled += rest.length;
  }
  if (filled < target.length) throw cutOff(name, 'data', target.length, filled);
}

function rowMajor(data: NpyArray, shape: readonly number[]): NpyArray {
  const [a, b, c] = [...shape, 1, 1] as [number, number, number];
  const turned = data.slice();
  let at = 0;
  for (let i = 0; i < a; i++) {
    for (let j = 0; j < b; j++) {
      for (let k = 0; k < c; k++) turned[at++] = data[i + a * (j + b * k)]!;
    }
  }
  return turned;
}

function cutOff(name: string, what: string, expected: number, got: number): TidemergeError {
  return new TidemergeError(
    'ERR_BAD_DATA',
    `${name}: expected ${expected} bytes of ${what}, got ${got}: the file is cut off`,
  );
}
