/**
 * Every code an error of this library can carry. docs/reference/errors.md has one section per code;
 * a test holds the two together.
 */
export const ERROR_CODES = [
  'ERR_INVALID_ARGUMENT',
  'ERR_INVALID_SHAPE',
  'ERR_INVALID_DTYPE',
  'ERR_DETACHED_BUFFER',
  'ERR_UNSUPPORTED',
  'ERR_OUT_OF_MEMORY',
  'ERR_DISPOSED',
  'ERR_MODEL_NOT_FOUND',
  'ERR_BAD_MODEL',
  'ERR_BAD_SAFETENSORS',
  'ERR_BAD_DATA',
  'ERR_FILE_ACCESS',
  'ERR_ADDON_NOT_FOUND',
  'ERR_INVALID_ISA',
  'ERR_UNSUPPORTED_ISA',
  'ERR_INTERNAL',
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

/** The one error class of the library. `message` says who complains, what was expected and what came. */
export class TidemergeError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'TidemergeError';
    this.code = code;
  }
}
