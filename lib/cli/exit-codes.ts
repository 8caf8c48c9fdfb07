import { type ErrorCode, TidemergeError } from '../errors.js';

/** What the process answers its caller. */
export const EXIT = {
  ok: 0,
  internal: 1,
  usage: 2,
  badData: 3,
  modelNotFound: 4,
  someSeriesFailed: 5,
  interrupted: 130,
} as const;

const BY_CODE: Partial<Record<ErrorCode, number>> = {
  ERR_INVALID_ARGUMENT: EXIT.usage,
  ERR_INVALID_ISA: EXIT.usage,
  ERR_UNSUPPORTED_ISA: EXIT.usage,
  ERR_UNSUPPORTED: EXIT.usage,
  ERR_BAD_DATA: EXIT.badData,
  ERR_FILE_ACCESS: EXIT.badData,
  ERR_MODEL_NOT_FOUND: EXIT.modelNotFound,
  ERR_BAD_MODEL: EXIT.badData,
  ERR_BAD_SAFETENSORS: EXIT.badData,
};

/** Thrown by a command that was stopped by SIGINT. */
export class Interrupted extends Error {}

export function exitCodeOf(error: unknown): number {
  if (error instanceof Interrupted) return EXIT.interrupted;
  if (error instanceof TidemergeError) return BY_CODE[error.code] ?? EXIT.internal;
  return EXIT.internal;
}

/** One line for people: typed errors speak for themselves, anything else is a defect and shows its stack. */
export function describe(error: unknown): string {
  if (error instanceof Interrupted) return 'interrupted';
  if (error instanceof TidemergeError) return `${error.message} [${error.code}]`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
