import { TidemergeError } from '../errors.js';
import { decodeLine, MAX_LINE_BYTES, scanLines } from './line-scanner.js';
import { quote } from './quote.js';
import type { JsonValue } from './strict-json.js';
import { parseStrictJson } from './strict-json.js';

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
  const take = (bytes: Buffer, line: number) => {
    const text = decodeLine(name, line, bytes).trim();
    if (text !== '') onObject(parseObject(name, line, text), line);
  };
  yield* scanLines(name, chunks, take, maxLineBytes);
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
