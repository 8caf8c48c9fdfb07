import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll } from 'vitest';
import type { ErrorCode } from '../../../lib/errors.js';
import { TidemergeError } from '../../../lib/errors.js';

/** A directory that lives as long as the test file. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'tidemerge-io-'));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

export function write(directory: string, name: string, content: string | Uint8Array): string {
  const path = join(directory, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  return path;
}

/** The error that `run` throws; fails when it throws none or another kind. */
export function caught(run: () => unknown): TidemergeError {
  try {
    run();
  } catch (error) {
    if (error instanceof TidemergeError) return error;
    throw error;
  }
  throw new Error('expected a TidemergeError, nothing was thrown');
}

export async function rejected(run: () => Promise<unknown>): Promise<TidemergeError> {
  try {
    await run();
  } catch (error) {
    if (error instanceof TidemergeError) return error;
    throw error;
  }
  throw new Error('expected a TidemergeError, nothing was thrown');
}

/** `{ code, message }` for toMatchObject, the message by pattern. */
export function matches(error: TidemergeError, code: ErrorCode, pattern: RegExp): void {
  if (error.code !== code || !pattern.test(error.message)) {
    throw new Error(`expected ${code} ${pattern}, got ${error.code} ${error.message}`);
  }
}

/** A small generator with a seed (xorshift32): the same cases on every run. */
export function randomInts(seed: number): (below: number) => number {
  let state = seed >>> 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state % below;
  };
}

export async function* chunksOf(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < bytes.length; i += size) yield bytes.subarray(i, i + size);
}
