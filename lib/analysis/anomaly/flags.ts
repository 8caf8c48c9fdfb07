import { TidemergeError } from '../../errors.js';

/** A yes or no for every time step: booleans, or numbers that are 0 or 1. */
export type Flags = ArrayLike<boolean> | ArrayLike<number>;

/** The half-open range [start, end) of steps. */
export interface Segment {
  readonly start: number;
  readonly end: number;
}

/** @returns 0 or 1 for every step. ERR_INVALID_ARGUMENT for any other value. */
export function checkedFlags(who: string, name: string, flags: Flags): Uint8Array {
  return Uint8Array.from(flags as ArrayLike<number | boolean>, (value, i) => {
    if (value !== true && value !== false && value !== 0 && value !== 1) {
      throw new TidemergeError('ERR_INVALID_ARGUMENT', `${who}: ${name}: expected 0 or 1, got ${value} at ${i}`);
    }
    return Number(value);
  });
}

/** Predictions and labels of the same steps. ERR_INVALID_SHAPE unless there are as many of each. */
export function checkedPair(who: string, predicted: Flags, labels: Flags): readonly [Uint8Array, Uint8Array] {
  if (predicted.length !== labels.length) {
    throw new TidemergeError(
      'ERR_INVALID_SHAPE',
      `${who}: labels: expected ${predicted.length} as there are predictions, got ${labels.length}`,
    );
  }
  return [checkedFlags(who, 'predicted', predicted), checkedFlags(who, 'labels', labels)];
}

/** Runs of ones, in order. */
export function segmentsOf(flags: Uint8Array): Segment[] {
  const segments: Segment[] = [];
  for (let start = flags.indexOf(1); start >= 0; ) {
    const zero = flags.indexOf(0, start);
    const end = zero < 0 ? flags.length : zero;
    segments.push({ start, end });
    start = flags.indexOf(1, end);
  }
  return segments;
}
