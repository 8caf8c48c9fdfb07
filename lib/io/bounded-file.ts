import { readFileSync, statSync } from 'node:fs';
import type { ErrorCode } from '../errors.js';
import { TidemergeError } from '../errors.js';

/** The text of an error thrown by node:fs, without the stack. */
export function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The `code` of an error thrown by node:fs, such as ENOENT. */
export function systemCode(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : undefined;
}

/**
 * A whole small text file. Refuses, before reading, anything that is not a regular file (a pipe would block for ever) or
 * is longer than `maxBytes`, and text that is not UTF-8. A missing file has `missing` as its code.
 */
export function readBoundedText(path: string, maxBytes: number, code: ErrorCode, missing: ErrorCode): string {
  let bytes: Uint8Array;
  try {
    const stat = statSync(path);
    if (!stat.isFile()) throw new TidemergeError(code, `${path}: expected a regular file`);
    if (stat.size > maxBytes) {
      throw new TidemergeError(code, `${path}: expected at most ${maxBytes} bytes, got ${stat.size}`);
    }
    bytes = readFileSync(path);
  } catch (error) {
    if (error instanceof TidemergeError) throw error;
    const absent = systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR';
    throw new TidemergeError(absent ? missing : 'ERR_FILE_ACCESS', `${path}: cannot be read: ${reason(error)}`, {
      cause: error,
    });
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new TidemergeError(code, `${path}: expected UTF-8 text`, { cause: error });
  }
}
