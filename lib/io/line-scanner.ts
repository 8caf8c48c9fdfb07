import { TidemergeError } from '../errors.js';

/** One line can be a whole series: about 3 million numbers. */
export const MAX_LINE_BYTES = 64 * 2 ** 20;

/**
 * Calls `onLine` for every line of UTF-8 chunks, its number from 1, without the LF that ends it; yields after every
 * chunk, so that the caller sets the pace. The bytes are valid during the call only. ERR_BAD_DATA for a line longer than
 * `maxLineBytes`, before it has all been taken into memory.
 */
export async function* scanLines(
  name: string,
  chunks: AsyncIterable<Uint8Array>,
  onLine: (bytes: Buffer, line: number) => void,
  maxLineBytes = MAX_LINE_BYTES,
): AsyncGenerator<void> {
  let line = 0;
  const take = (bytes: Buffer) => {
    line++;
    if (bytes.length > maxLineBytes) throw tooLong(name, line, maxLineBytes);
    onLine(bytes, line);
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

/** ERR_BAD_DATA where the line is not UTF-8. */
export function decodeLine(name: string, line: number, bytes: Uint8Array): string {
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

function tooLong(name: string, line: number, limit: number): TidemergeError {
  return new TidemergeError('ERR_BAD_DATA', `${name}: line ${line}: expected at most ${limit} bytes`);
}
