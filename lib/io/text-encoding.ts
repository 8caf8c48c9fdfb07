import { TidemergeError } from '../errors.js';
import type { ByteSource } from './byte-source.js';
import { peek } from './byte-source.js';

/** The encoding of a text without a byte order mark; a mark (UTF-8, UTF-16) always decides. */
export type TextEncodingName = 'utf-8' | 'latin1';

/**
 * The same text as UTF-8 without a byte order mark, so that the scanners look at bytes of one encoding. UTF-8 is passed
 * on unchecked: a scanner that turns a field into a string checks it there, where it can name the line.
 */
export async function* utf8Chunks(
  { name, chunks }: ByteSource,
  encoding: TextEncodingName = 'utf-8',
): AsyncGenerator<Uint8Array> {
  const { head, all, close } = await peek(chunks, 64);
  if (head[0] === 0xff && head[1] === 0xfe) yield* transcode(name, all, 'utf-16le');
  else if (head[0] === 0xfe && head[1] === 0xff) yield* transcode(name, all, 'utf-16be');
  else if (head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf) yield* skip(all, 3);
  else if (head.includes(0)) {
    await close();
    // UTF-16 without its mark, a spreadsheet, a Parquet file …
    throw new TidemergeError(
      'ERR_BAD_DATA',
      `${name}: expected text, got binary data (a zero byte at ${head.indexOf(0)})`,
    );
  } else if (encoding === 'latin1') yield* latin1(all);
  else yield* all;
}

async function* transcode(name: string, chunks: AsyncIterable<Uint8Array>, from: string): AsyncGenerator<Uint8Array> {
  const decoder = new TextDecoder(from, { fatal: true });
  const encoder = new TextEncoder();
  try {
    for await (const chunk of chunks) yield encoder.encode(decoder.decode(chunk, { stream: true }));
    yield encoder.encode(decoder.decode());
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new TidemergeError('ERR_BAD_DATA', `${name}: expected ${from} text as its byte order mark says`, {
      cause: error,
    });
  }
}

async function* latin1(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  // Not TextDecoder('latin1'): by the encoding standard that label means windows-1252.
  for await (const chunk of chunks) {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    yield Buffer.from(bytes.toString('latin1'), 'utf8');
  }
}

async function* skip(chunks: AsyncIterable<Uint8Array>, count: number): AsyncGenerator<Uint8Array> {
  let left = count;
  for await (const chunk of chunks) {
    const drop = Math.min(left, chunk.length);
    left -= drop;
    if (drop < chunk.length) yield drop === 0 ? chunk : chunk.subarray(drop);
  }
}
