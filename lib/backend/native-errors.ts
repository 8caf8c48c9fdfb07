import { ERROR_CODES, type ErrorCode, TidemergeError } from '../errors.js';
import { CANCELLED } from './addon.js';

export function isCancelled(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === CANCELLED;
}

/** Errors of the addon are plain ones that carry one of our codes. */
export function toTidemergeError(error: unknown): unknown {
  if (error instanceof TidemergeError || !(error instanceof Error) || !('code' in error)) return error;
  const code = ERROR_CODES.find((known) => known === error.code) satisfies ErrorCode | undefined;
  return code ? new TidemergeError(code, error.message, { cause: error }) : error;
}

/** Runs a call into the addon; its errors leave as ours. */
export function translated<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw toTidemergeError(error);
  }
}
