import type { TidemergeError } from '../errors.js';
import type { ForecastModel } from '../models/forecast-model.js';
import { gatherPass, type Pass, type PassSize, passEnd } from './batching.js';
import { type BatchOutcome, ForecastWarning } from './forecasts.js';
import type { SeriesSet } from './inputs.js';
import type { BatchRequest, ForecastRequest } from './options.js';

/**
 * Runs a call pass by pass: `end` says where the pass that begins at a series ends. Gives the series in which nothing
 * was observed.
 */
export async function runPasses(
  set: SeriesSet,
  { throwErrors, signal, onProgress }: BatchRequest,
  end: (from: number) => number,
  compute: (pass: Pass) => Promise<void>,
): Promise<number[]> {
  const unobserved: number[] = [];
  for (let from = 0; from < set.count; ) {
    signal?.throwIfAborted();
    const to = end(from);
    const pass = gatherPass(set, from, to);
    if (throwErrors) throwFirst(set.errors);
    for (const i of pass.unobserved) unobserved.push(i);
    if (pass.indices.length > 0) await compute(pass);
    from = to;
    onProgress?.({ done: from, total: set.count });
  }
  return unobserved;
}

/** The same in passes as large as suits the model. */
export function runModel(
  model: ForecastModel,
  set: SeriesSet,
  request: ForecastRequest,
  compute: (pass: Pass) => Promise<void>,
): Promise<number[]> {
  const size = passSize(model, request);
  const end = (from: number) => passEnd(set, from, model, request.batchSize, size);
  return runPasses(set, request, end, compute);
}

function passSize(model: ForecastModel, { horizon, numSamples }: ForecastRequest): PassSize {
  const block = Math.min(horizon, model.predictionLength);
  if (model.kind === 'samples') {
    return { pathsPerSeries: numSamples, bytesPerPath: model.bytesPerPath(block), encodePaths: false };
  }
  const paths = horizon > block ? model.quantileLevels.length : 1;
  return { pathsPerSeries: paths, bytesPerPath: 0, encodePaths: true };
}

function throwFirst(errors: ReadonlyMap<number, TidemergeError>): void {
  if (errors.size === 0) return;
  throw errors.get(Math.min(...errors.keys()));
}

/** Makes the results of failed series NaN, and puts errors and warnings together. */
export function outcome(
  { count, errors }: SeriesSet,
  unobserved: readonly number[],
  warnings: readonly ForecastWarning[],
  tables: readonly { invalidate(series: number): void }[],
): BatchOutcome {
  const list = new Array<TidemergeError | undefined>(count).fill(undefined);
  for (const [i, error] of errors) {
    list[i] = error;
    for (const table of tables) table.invalidate(i);
  }
  if (unobserved.length === 0) return { warnings, errors: list };
  const message = `nothing is observed in ${unobserved.length === 1 ? `series ${unobserved[0]}` : `${unobserved.length} series, the first of them series ${unobserved[0]}`}: the forecast is what the model makes of no information`;
  return { warnings: [...warnings, new ForecastWarning('WARN_NOTHING_OBSERVED', message, unobserved)], errors: list };
}
