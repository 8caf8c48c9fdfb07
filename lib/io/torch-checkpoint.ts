import { endianness } from 'node:os';
import { TidemergeError } from '../errors.js';
import type { ByteRange } from './byte-range.js';
import { fileRange, memoryRange } from './byte-range.js';
import { describe, isKind, type TorchDict, type TorchTensor, type TorchValue } from './pickle-machine.js';
import { quote, quoteList } from './quote.js';
import { arrayFor, elementBytes } from './safetensors-dtype.js';
import { noSuchTensor, toFloat32 } from './safetensors-reader.js';
import { readZipDirectory, readZipEntry, type ZipEntry } from './stored-zip.js';
import type { RawTensor, TensorInfo, TensorStore } from './tensor-store.js';
import { readTorchPickle } from './torch-pickle.js';

/** About 50 000 tensors. */
const MAX_PICKLE_BYTES = 2 ** 23;
/** Where training scripts put the tensors beside epochs and optimizers. */
const NESTED = ['state_dict', 'model_state_dict'];

/**
 * The tensors of a file that `torch.save` of PyTorch 1.6 and later wrote of a state dictionary. Nothing in it is
 * executed: the pickle is read by a machine that knows dictionaries and tensors and refuses everything else by name.
 * Opening reads names and shapes and checks them against the sizes of the archive's entries; tensors are read when asked for.
 *
 * Errors: ERR_MODEL_NOT_FOUND no such file; ERR_BAD_MODEL broken, or not only tensors, the message says where;
 * ERR_UNSUPPORTED what is not read on purpose (compression, big-endian, older formats); ERR_FILE_ACCESS; ERR_DISPOSED.
 */
export class TorchCheckpoint implements TensorStore {
  readonly source: string;
  readonly metadata: ReadonlyMap<string, string> = new Map();
  readonly #range: ByteRange;
  readonly #storages: ReadonlyMap<string, ZipEntry>;
  readonly #tensors: ReadonlyMap<string, TorchTensor>;

  private constructor(range: ByteRange) {
    this.source = range.name;
    this.#range = range;
    checkStart(range);
    const entries = readZipDirectory(range);
    const folder = findFolder(range.name, entries);
    checkByteOrder(range, entries.get(`${folder}byteorder`));
    const pickle = entries.get(`${folder}data.pkl`) as ZipEntry;
    if (pickle.size > MAX_PICKLE_BYTES) {
      throw bad(range.name, `data.pkl: expected at most ${MAX_PICKLE_BYTES} bytes, got ${pickle.size}`);
    }
    this.#tensors = stateDictionary(range.name, readTorchPickle(range.name, readZipEntry(range, pickle)));
    this.#storages = findStorages(range.name, this.#tensors, entries, folder);
  }

  static open(path: string): TorchCheckpoint {
    return TorchCheckpoint.#from(fileRange(path, bad));
  }

  /** Reads from memory; `bytes` is not copied as a whole and must not change while the store is in use. */
  static parse(bytes: Uint8Array, name = 'checkpoint'): TorchCheckpoint {
    return TorchCheckpoint.#from(memoryRange(name, bytes, bad));
  }

  static #from(range: ByteRange): TorchCheckpoint {
    try {
      return new TorchCheckpoint(range);
    } catch (error) {
      range.close();
      throw error;
    }
  }

  names(): string[] {
    return [...this.#tensors.keys()];
  }

  info(name: string): TensorInfo | undefined {
    const tensor = this.#tensors.get(name);
    if (!tensor) return undefined;
    const { dtype } = tensor.storage;
    return { name, dtype, shape: tensor.shape, byteLength: elements(tensor) * elementBytes(dtype) };
  }

  read(name: string): RawTensor {
    const tensor = this.#tensors.get(name);
    const info = this.info(name);
    if (!tensor || !info) throw noSuchTensor(this, name);
    const { key, dtype } = tensor.storage;
    const bytes = readZipEntry(this.#range, this.#storages.get(key) as ZipEntry);
    const array = arrayFor(dtype);
    if (info.byteLength === bytes.length && isContiguous(tensor)) {
      return { ...info, data: new array(bytes.buffer) };
    }
    return { ...info, data: new array(gather(bytes, tensor, elementBytes(dtype))) };
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

function bad(file: string, problem: string): TidemergeError {
  return new TidemergeError('ERR_BAD_MODEL', `${file}: ${problem}`);
}

/** A file that is no zip is most likely a checkpoint of an older PyTorch, which is a pickle alone. */
function checkStart(range: ByteRange): void {
  if (endianness() !== 'LE') {
    throw new TidemergeError('ERR_UNSUPPORTED', `${range.name}: PyTorch checkpoints need a little-endian machine`);
  }
  const start = range.read(0, Math.min(2, range.size), 'first bytes');
  if (start[0] === 0x50 && start[1] === 0x4b) return;
  if (start[0] !== 0x80) throw bad(range.name, 'expected a checkpoint of PyTorch (a zip archive), got something else');
  const advice = 'save it again with PyTorch 1.6 or later, or as safetensors';
  throw new TidemergeError('ERR_UNSUPPORTED', `${range.name}: expected a zip archive, got a plain pickle: ${advice}`);
}

/** Every name in the archive begins with the same folder. */
function findFolder(file: string, entries: ReadonlyMap<string, ZipEntry>): string {
  const pickles = [...entries.keys()].filter((name) => /^[^/]+\/data\.pkl$/.test(name));
  const [only] = pickles;
  if (only === undefined || pickles.length > 1) {
    throw bad(file, `expected one data.pkl, got ${pickles.length === 0 ? 'none' : quoteList(pickles, 3)}`);
  }
  return only.slice(0, only.indexOf('/') + 1);
}

function checkByteOrder(range: ByteRange, entry: ZipEntry | undefined): void {
  if (!entry) return;
  const order = entry.size > 16 ? '' : Buffer.from(readZipEntry(range, entry)).toString('latin1');
  if (order === 'little') return;
  const text = `${range.name}: byteorder: expected "little", got ${quote(order)}`;
  throw new TidemergeError('ERR_UNSUPPORTED', text);
}

function stateDictionary(file: string, root: TorchValue): Map<string, TorchTensor> {
  if (!(root instanceof Map)) throw bad(file, `expected a dictionary of tensors, got ${describe(root)}`);
  const nested = NESTED.map((name) => root.get(name)).find((value): value is TorchDict => value instanceof Map);
  const tensors = new Map<string, TorchTensor>();
  for (const [name, value] of nested ?? root) {
    if (typeof name !== 'string') throw bad(file, `expected names of tensors, got ${describe(name)}`);
    if (!isKind(value, 'tensor')) throw bad(file, `${quote(name)}: expected a tensor, got ${describe(value)}`);
    checkBounds(file, name, value);
    tensors.set(name, value);
  }
  return tensors;
}

/** No element outside the storage, and not more elements than it has: a view that repeats some could be of any size. */
function checkBounds(file: string, name: string, tensor: TorchTensor): void {
  const { offset, shape, strides, storage } = tensor;
  const count = elements(tensor);
  const last = shape.reduce((at, size, axis) => at + (size - 1) * (strides[axis] as number), offset);
  if (count <= storage.length && (count === 0 || last < storage.length)) return;
  const text = `shape [${shape}], strides [${strides}], offset ${offset} within ${storage.length} stored elements`;
  throw bad(file, `${quote(name)}: expected a view that repeats nothing and stays in its storage, got ${text}`);
}

function findStorages(
  file: string,
  tensors: ReadonlyMap<string, TorchTensor>,
  entries: ReadonlyMap<string, ZipEntry>,
  folder: string,
): Map<string, ZipEntry> {
  const storages = new Map<string, ZipEntry>();
  for (const [name, { storage }] of tensors) {
    const entry = entries.get(`${folder}data/${storage.key}`);
    const expected = storage.length * elementBytes(storage.dtype);
    if (entry?.size !== expected) {
      const got = entry ? `${entry.size} bytes` : 'no such entry';
      throw bad(file, `${quote(name)}: expected ${expected} bytes in data/${quote(storage.key)}, got ${got}`);
    }
    storages.set(storage.key, entry);
  }
  return storages;
}

function elements({ shape }: TorchTensor): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** Row by row without gaps. Axes of size 1 may have any stride. */
function isContiguous({ shape, strides }: TorchTensor): boolean {
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && strides[axis] !== expected) return false;
    expected *= shape[axis] as number;
  }
  return true;
}

/** The elements of a view, row by row. */
function gather(bytes: Uint8Array, tensor: TorchTensor, width: number): ArrayBuffer {
  const { shape, strides, offset } = tensor;
  const target = new Uint8Array(elements(tensor) * width);
  const index = shape.map(() => 0);
  let from = offset;
  for (let to = 0; to < target.length; to += width) {
    target.set(bytes.subarray(from * width, (from + 1) * width), to);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis] as number;
      index[axis] = (index[axis] as number) + 1;
      if (index[axis] !== shape[axis]) break;
      from -= (strides[axis] as number) * (shape[axis] as number);
      index[axis] = 0;
    }
  }
  return target.buffer;
}
