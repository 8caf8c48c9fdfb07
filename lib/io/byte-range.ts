import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { TidemergeError } from '../errors.js';
import { reason, systemCode } from './bounded-file.js';
import { badSafetensors } from './safetensors-header.js';

/** Random access to the bytes of a model file or of memory. */
export interface ByteRange {
  readonly name: string;
  readonly size: number;
  /** A fresh buffer of exactly `length` bytes from `offset`; never fewer. */
  read(offset: number, length: number, what: string): Uint8Array<ArrayBuffer>;
  close(): void;
}

/** Largest single read: Linux refuses to move more than 2^31 - 4096 bytes at once. */
const MAX_READ = 2 ** 30;

/** The error for a file that is not what it should be. */
export type FileError = (file: string, problem: string) => TidemergeError;

export function memoryRange(name: string, bytes: Uint8Array, bad: FileError = badSafetensors): ByteRange {
  let open = true;
  return {
    name,
    size: bytes.byteLength,
    read(offset, length, what) {
      if (!open) throw closed(name);
      if (offset + length > bytes.byteLength)
        throw bad(name, truncated(what, length, Math.max(0, bytes.byteLength - offset)));
      const copy = allocate(name, length, what);
      copy.set(bytes.subarray(offset, offset + length));
      return copy;
    },
    close() {
      open = false;
    },
  };
}

/** Opens a regular file for positional reads; nothing is read yet. */
export function fileRange(path: string, bad: FileError = badSafetensors): ByteRange {
  let descriptor: number | undefined;
  let size: number;
  try {
    // Looked at before opening, because opening a pipe without a writer blocks for ever.
    if (!statSync(path).isFile()) throw bad(path, 'expected a regular file');
    descriptor = openSync(path, 'r');
    size = fstatSync(descriptor).size;
  } catch (error) {
    if (descriptor !== undefined) closeSync(descriptor);
    if (error instanceof TidemergeError) throw error;
    const code = systemCode(error) === 'ENOENT' ? 'ERR_MODEL_NOT_FOUND' : 'ERR_FILE_ACCESS';
    throw new TidemergeError(code, `${path}: cannot be opened: ${reason(error)}`, { cause: error });
  }
  return {
    name: path,
    size,
    read(offset, length, what) {
      if (descriptor === undefined) throw closed(path);
      const bytes = allocate(path, length, what);
      const done = readFully(path, descriptor, bytes, offset, what);
      if (done < length) throw bad(path, truncated(what, length, done));
      return bytes;
    },
    close() {
      if (descriptor !== undefined) closeSync(descriptor);
      descriptor = undefined;
    },
  };
}

/** How many bytes there were. */
function readFully(path: string, descriptor: number, bytes: Uint8Array, offset: number, what: string): number {
  let done = 0;
  while (done < bytes.length) {
    let count: number;
    try {
      count = readSync(descriptor, bytes, done, Math.min(bytes.length - done, MAX_READ), offset + done);
    } catch (error) {
      throw new TidemergeError('ERR_FILE_ACCESS', `${path}: ${what}: cannot be read: ${reason(error)}`, {
        cause: error,
      });
    }
    if (count === 0) break;
    done += count;
  }
  return done;
}

function allocate(name: string, length: number, what: string): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(new ArrayBuffer(length));
  } catch (error) {
    throw new TidemergeError('ERR_OUT_OF_MEMORY', `${name}: ${what}: ${length} bytes cannot be allocated`, {
      cause: error,
    });
  }
}

function truncated(what: string, expected: number, got: number): string {
  return `${what}: expected ${expected} bytes, got ${got} (the file became shorter after it was opened)`;
}

function closed(name: string): TidemergeError {
  return new TidemergeError('ERR_DISPOSED', `${name}: read after close`);
}
