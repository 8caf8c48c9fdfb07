import { sample } from './seeded.js';
import type { Part } from './split.js';

/** A place in a series: the values before `start` are the context, those from `start` on the target. */
export interface Window {
  readonly series: number;
  readonly start: number;
}

export interface WindowOptions {
  /** Values of context; they may lie in the part before. */
  readonly context: number;
  /** Values of target; all of them lie in the part. */
  readonly horizon: number;
  /** From a start to the next one of the same series. `horizon` for targets that do not overlap. */
  readonly stride: number;
  /** At most that many windows, drawn by `seed` when there are more. */
  readonly limit: number;
  readonly seed: number;
}

/**
 * The windows of a part, ordered by series and start. A window without an observed value in its context, or without
 * one in its target, is left out.
 */
export function windowsOf(series: readonly Float64Array[], part: Part, options: WindowOptions): Window[] {
  const { context, horizon, stride, limit, seed } = options;
  const first = Math.max(part.begin, context);
  const windows: Window[] = [];
  for (const [i, values] of series.entries()) {
    for (let start = first; start + horizon <= Math.min(part.end, values.length); start += stride) {
      if (observed(values, start - context, start) && observed(values, start, start + horizon)) {
        windows.push({ series: i, start });
      }
    }
  }
  return sample(windows, limit, seed);
}

function observed(values: Float64Array, begin: number, end: number): boolean {
  for (let i = begin; i < end; i++) if (!Number.isNaN(values[i])) return true;
  return false;
}
