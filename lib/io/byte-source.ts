import { createReadStream } from 'node:fs';
import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { TidemergeError } from '../errors.js';
import { reason, systemCode } from './bounded-file.js';

/** A path, '-' for standard input, or the bytes themselves. Gzip is recognised by its first bytes, not by a name. */
export type ByteInput = string | Uint8Array | AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

export interface ByteSource {
  /** For messages. */
  readonly name: string;
  readonly chunks: AsyncIterable<Uint8Array>;
}

const CHUNK_BYTES = 2 ** 18;

/** Nothing is opened before the chunks are iterated; leaving the loop early closes the file. */
export function openBytes(input: ByteInput, name = nameOf(input)): ByteSource {
  return { name, chunks: unpack(name, rawChunks(name, input)) };
}

function nameOf(input: ByteInput): string {
  if (typeof input !== 'string') return 'input';
  return input === '-' ? 'standard input' : input;
}

async function* rawChunks(name: string, input: ByteInput): AsyncGenerator<Uint8Array> {
  try {
    if (input instanceof Uint8Array) yield input;
    else if (input === '-') yield* process.stdin as AsyncIterable<Buffer>;
    else if (typeof input === 'string')
      yield* createReadStream(input, { highWaterMark: CHUNK_BYTES }) as AsyncIterable<Buffer>;
    else yield* input;
  } catch (error) {
    if (systemCode(error) === undefined || error instanceof TidemergeError) throw error;
    throw new TidemergeError('ERR_FILE_ACCESS', `${name}: cannot be read: ${reason(error)}`, { cause: error });
  }
}

async function* unpack(name: string, chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const { head, all } = await peek(chunks, 2);
  if (head[0] !== 0x1f || head[1] !== 0x8b) {
    yield* all;
    return;
  }
  const gunzip = createGunzip({ chunkSize: CHUNK_BYTES });
  // The callback keeps a failure from being unhandled; the loop below meets the same error.
  pipeline(Readable.from(all, { objectMode: false }), gunzip, () => {});
  try {
    yield* gunzip as AsyncIterable<Buffer>;
  } catch (error) {
    if (systemCode(error)?.startsWith('Z_') !== true) throw error;
    throw new TidemergeError('ERR_BAD_DATA', `${name}: invalid gzip data: ${reason(error)}`, { cause: error });
  }
}

export interface Peeked {
  readonly head: Uint8Array;
  readonly all: AsyncIterable<Uint8Array>;
  /** For who has seen enough and will not iterate `all`. */
  close(): Promise<void>;
}

/** The first `count` bytes (fewer at the end of the data), and all bytes again from the beginning. */
export async function peek(chunks: AsyncIterable<Uint8Array>, count: number): Promise<Peeked> {
  const iterator = chunks[Symbol.asyncIterator]();
  const taken: Uint8Array[] = [];
  let length = 0;
  while (length < count) {
    const next = await iterator.next();
    if (next.done === true) break;
    taken.push(next.value);
    length += next.value.length;
  }
  const close = async () => {
    await iterator.return?.();
  };
  return { head: Buffer.concat(taken), all: rest(taken, iterator), close };
}

async function* rest(taken: readonly Uint8Array[], iterator: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* taken;
    for (;;) {
      const next = await iterator.next();
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    await iterator.return?.();
  }
}
