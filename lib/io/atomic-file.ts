import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { TidemergeError } from '../errors.js';
import { reason } from './bounded-file.js';

/** Largest single write: Linux refuses to move more than 2^31 - 4096 bytes at once. */
const MAX_WRITE = 2 ** 30;

/**
 * Writes a file so that a reader sees the old content or the new one, never a part: into a temporary file of the same
 * directory (a rename across file systems is not atomic), flushed, then renamed. Leaves nothing behind on failure.
 */
export function writeFileAtomic(path: string, chunks: Iterable<Uint8Array>): void {
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.${randomBytes(6).toString('hex')}.tmp`);
  let descriptor: number | undefined;
  try {
    descriptor = openSync(temporary, 'wx');
    for (const chunk of chunks) writeFully(descriptor, chunk);
    fsyncSync(descriptor);
    closeSync(descriptor);
    descriptor = undefined;
    renameSync(temporary, path);
  } catch (error) {
    if (descriptor !== undefined) closeSync(descriptor);
    rmSync(temporary, { force: true });
    if (error instanceof TidemergeError) throw error;
    throw new TidemergeError('ERR_FILE_ACCESS', `${path}: cannot be written: ${reason(error)}`, { cause: error });
  }
}

function writeFully(descriptor: number, chunk: Uint8Array): void {
  let done = 0;
  while (done < chunk.length) done += writeSync(descriptor, chunk, done, Math.min(chunk.length - done, MAX_WRITE));
}
