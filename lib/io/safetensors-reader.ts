import { endianness } from 'node:os';
import { TidemergeError } from '../errors.js';
import { bfloat16ToFloat32, float16ToFloat32 } from '../tensor/half-floats.js';
import type { ByteRange } from './byte-range.js';
import { fileRange, memoryRange } from './byte-range.js';
import { quote, quoteList } from './quote.js';
import { arrayFor } from './safetensors-dtype.js';
import type { SafetensorsHeader, TensorEntry } from './safetensors-header.js';
import { LENGTH_BYTES, parseHeader, readHeaderLength } from './safetensors-header.js';
import type { RawTensor, TensorInfo, TensorStore } from './tensor-store.js';

/**
 * One safetensors file. Opening reads and validates the header only; each tensor is read when asked for, into a buffer of
 * its own, because offsets in the file promise no alignment.
 *
 * Errors: ERR_MODEL_NOT_FOUND no such file; ERR_BAD_SAFETENSORS the file breaks a rule of the format or was truncated
 * since; ERR_FILE_ACCESS the system refused; ERR_BAD_MODEL no tensor of that name; ERR_DISPOSED after close.
 */
export class SafetensorsFile implements TensorStore {
  readonly source: string;
  readonly metadata: ReadonlyMap<string, string>;
  readonly #range: ByteRange;
  readonly #entries: ReadonlyMap<string, TensorEntry>;
  readonly #dataStart: number;

  private constructor(range: ByteRange, header: SafetensorsHeader, dataStart: number) {
    this.source = range.name;
    this.metadata = header.metadata;
    this.#range = range;
    this.#entries = header.entries;
    this.#dataStart = dataStart;
  }

  static open(path: string): SafetensorsFile {
    return SafetensorsFile.#from(fileRange(path));
  }

  /** Reads from memory; `bytes` is not copied as a whole and must not change while the store is in use. */
  static parse(bytes: Uint8Array, name = 'safetensors'): SafetensorsFile {
    return SafetensorsFile.#from(memoryRange(name, bytes));
  }

  static #from(range: ByteRange): SafetensorsFile {
    try {
      if (endianness() !== 'LE')
        throw new TidemergeError('ERR_UNSUPPORTED', `${range.name}: safetensors needs a little-endian machine`);
      const prefix = range.read(0, Math.min(LENGTH_BYTES, range.size), 'header length');
      const length = readHeaderLength(range.name, prefix, range.size);
      const dataStart = LENGTH_BYTES + length;
      const json = range.read(LENGTH_BYTES, length, 'header');
      return new SafetensorsFile(range, parseHeader(range.name, json, range.size - dataStart), dataStart);
    } catch (error) {
      range.close();
      throw error;
    }
  }

  names(): string[] {
    return [...this.#entries.keys()];
  }

  info(name: string): TensorInfo | undefined {
    const entry = this.#entries.get(name);
    return entry && { name, dtype: entry.dtype, shape: entry.shape, byteLength: entry.end - entry.begin };
  }

  read(name: string): RawTensor {
    const entry = this.#entries.get(name);
    if (entry === undefined) throw noSuchTensor(this, name);
    const { dtype, shape, begin, end } = entry;
    const bytes = this.#range.read(this.#dataStart + begin, end - begin, `tensor ${quote(name)}`);
    return { name, dtype, shape, byteLength: end - begin, data: new (arrayFor(dtype))(bytes.buffer) };
  }

  readFloat32(name: string): Float32Array<ArrayBuffer> {
    return toFloat32(this.source, this.read(name));
  }

  close(): void {
    this.#range.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** F64, F32, F16 and BF16 as float32. The data of an F32 tensor is handed on, not copied. */
export function toFloat32(source: string, tensor: RawTensor): Float32Array<ArrayBuffer> {
  const { dtype, data } = tensor;
  if (dtype === 'F32') return data as Float32Array<ArrayBuffer>;
  if (dtype === 'F64') return new Float32Array(data as Float64Array);
  if (dtype === 'F16') return float16ToFloat32(data as Uint16Array);
  if (dtype === 'BF16') return bfloat16ToFloat32(data as Uint16Array);
  throw new TidemergeError(
    'ERR_INVALID_DTYPE',
    `${source}: tensor ${quote(tensor.name)}: expected F64, F32, F16 or BF16, got ${dtype}`,
  );
}

export function noSuchTensor(store: TensorStore, name: string): TidemergeError {
  const last = name.slice(name.lastIndexOf('.') + 1);
  const alike = store.names().filter((other) => other.endsWith(last));
  const hint = alike.length > 0 ? `; tensors ending alike: ${quoteList(alike, 5)}` : '';
  return new TidemergeError('ERR_BAD_MODEL', `${store.source}: expected a tensor ${quote(name)}, got none${hint}`);
}
