import { squaredErrors } from '../models/sbt/forward.js';
import type { SbtModel } from '../models/sbt/model.js';
import type { StepRows } from './multivariate.js';

/*
 * Scores of every step of a long series: windows one step after the other, many in a run, so that memory does not grow
 * with the series.
 */

/** Steps of all windows of a run: what is computed of them stays in the caches. */
const MAX_ROWS = 2048;
/** So many times that where past steps are computed once for all windows: only keys and values are as many then. */
const SHARED_FACTOR = 8;

export interface WindowScores {
  /** [length]: the score of the window that ends at a step; NaN where there is none. */
  readonly score: Float64Array;
  /** Windows without a score because they hold a missing value. */
  readonly missing: number;
}

export interface ScoreOptions {
  /** Rejects with the signal's reason, before or during the run. */
  readonly signal?: AbortSignal | undefined;
  /** Called after every run of windows of a series, with those of the series that are done and all of them. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** The mean squared error at the newest step of every window, standardised. */
export async function scoreWindows(
  model: SbtModel,
  { values, length }: StepRows,
  { signal, onProgress }: ScoreOptions,
): Promise<WindowScores> {
  const { numVariables, windowLength } = model.config;
  const score = new Float64Array(length).fill(NaN);
  const ends = completeWindows(values, length, windowLength, numVariables);
  const total = Math.max(0, length - windowLength + 1);
  const most = Math.max(1, Math.floor((MAX_ROWS * (model.sharesPast ? SHARED_FACTOR : 1)) / windowLength));
  for (let at = 0; at < ends.length; ) {
    signal?.throwIfAborted();
    const first = ends[at]! - windowLength + 1;
    // Windows of a run lie within a stretch of the series, however many of them are left out.
    let to = at + 1;
    while (to < ends.length && ends[to]! - ends[at]! < most) to++;
    const run = ends.subarray(at, to);
    const stretch = values.subarray(first * numVariables, (run.at(-1)! + 1) * numVariables);
    // Values that belong to windows that are left out.
    const samples = model.standardize(stretch).map((value) => (Number.isNaN(value) ? 0 : value));
    const newest = run.map((end) => end - first);
    const starts = newest.map((row) => row - windowLength + 1);
    const decoded = await model.newest(samples, { starts, newest, length: windowLength }, signal);
    const errors = squaredErrors(decoded, samples, newest, numVariables);
    for (const [b, end] of run.entries()) score[end] = errors[b]!;
    at = to;
    onProgress?.(at, ends.length);
  }
  return { score, missing: total - ends.length };
}

/** The last steps of all windows that hold no missing value. */
function completeWindows(values: StepRows['values'], length: number, window: number, variables: number): Int32Array {
  const ends: number[] = [];
  let complete = 0;
  for (let t = 0; t < length; t++) {
    let observed = true;
    for (let v = t * variables; v < (t + 1) * variables; v++) if (Number.isNaN(values[v]!)) observed = false;
    complete = observed ? complete + 1 : 0;
    if (complete >= window) ends.push(t);
  }
  return Int32Array.from(ends);
}
