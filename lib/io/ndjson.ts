import { TidemergeError } from '../errors.js';
import { quote } from './quote.js';
import type { JsonValue } from './strict-json.js';
import { parseStrictJson } from './strict-json.js';

/** One line can be a whole series: about 3 million numbers. */
export const MAX_LINE_BYTES = 64 * 2 ** 20;

export type NdjsonObject = Readonly<Record<string, unknown>>;

/**
 * Calls `onObject` for every JSON object of a text with one object per line (UTF-8 chunks, lines end with LF or CRLF,
 * blank lines are skipped); yields after every chunk. The NaN and Infinity of Python's json module are understood.
 * ERR_BAD_DATA names the line.
 */
export async function* scanNdjson(
  name: string,
  chunks: AsyncIterable<Uint8Array>,
  onObject: (object: NdjsonObject, line: number) => void,
  maxLineBytes = MAX_LINE_BYTES,
): AsyncGenerator<void> {
  let line = 0;
  const take = (bytes: Buffer) => {
    line++;
    if (bytes.length > maxLineBytes) throw tooLong(name, line, maxLineBytes);
    const text = decode(name, line, bytes).trim();
    if (text !== '') onObject(parseObject(name, line, text), line);
  };
  // Pieces of the unfinished line are joined once, when its end comes: a long line costs no repeated copying.
  let pieces: Buffer[] = [];
  let pieceBytes = 0;
  for await (const chunk of chunks) {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let start = 0;
    for (let end = bytes.indexOf(0x0a); end !== -1; end = bytes.indexOf(0x0a, start)) {
      const rest = bytes.subarray(start, end);
      take(pieces.length === 0 ? rest : Buffer.concat([...pieces, rest]));
      pieces = [];
      pieceBytes = 0;
      start = end + 1;
    }
    if (start < bytes.length) {
      // Copied, because a caller may reuse its chunk.
      pieces.push(Buffer.from(bytes.subarray(start)));
      pieceBytes += bytes.length - start;
      if (pieceBytes > maxLineBytes) throw tooLong(name, line + 1, maxLineBytes);
    }
    yield;
  }
  if (pieces.length > 0) take(Buffer.concat(pieces));
  yield;
}

function decode(name: string, line: number, bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new TidemergeError(
      'ERR_BAD_DATA',
      `${name}: line ${line}: expected UTF-8 text; if the file is Latin-1, pass encoding: 'latin1'`,
      { cause: error },
    );
  }
}

function parseObject(name: string, line: number, text: string): NdjsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The strict parser is slower, but it knows NaN and says where the text goes wrong.
    value = plain(
      parseStrictJson(text, {
        who: `${name}: line ${line}`,
        code: 'ERR_BAD_DATA',
        allowNonFinite: true,
        maxValues: MAX_LINE_BYTES,
      }),
    );
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TidemergeError('ERR_BAD_DATA', `${name}: line ${line}: expected a JSON object, got ${quote(text)}`);
  }
  return value as NdjsonObject;
}

function plain(value: JsonValue): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, member]) => [key, plain(member)]));
  return value;
}

function tooLong(name: string, line: number, limit: number): TidemergeError {
  return new TidemergeError('ERR_BAD_DATA', `${name}: line ${line}: expected at most ${limit} bytes`);
}
