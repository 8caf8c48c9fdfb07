import { TidemergeError } from '../errors.js';
import type { PointModel } from '../models/forecast-model.js';
import type { PointForecasts } from './forecasts.js';
import { copyOne, expectComplete, listed, type MultivariateInputs } from './multivariate.js';
import type { BatchOptions, ForecastOptions } from './options.js';

/** Steps that are run together: what is computed of them stays in the caches. */
const MAX_ROWS = 2048;

/** A batch for a point model: what is known of every series, or why it cannot be forecast. */
export interface PointBatch {
  /** By series: [contextLength · variables] */
  readonly contexts: readonly (Float32Array | Float64Array | undefined)[];
  readonly errors: readonly (TidemergeError | undefined)[];
}

/** Copies the last steps of every series, all of which the model needs. */
export function copyContexts(inputs: MultivariateInputs, model: PointModel, throwErrors: boolean): PointBatch {
  const errors: (TidemergeError | undefined)[] = [];
  const contexts = listed(inputs).map(({ series, who }) => {
    try {
      const context = contextOf(series, who, model);
      errors.push(undefined);
      return context;
    } catch (error) {
      if (throwErrors || !(error instanceof TidemergeError)) throw error;
      errors.push(error);
      return undefined;
    }
  });
  return { contexts, errors };
}

function contextOf(series: unknown, who: string, { contextLength, numVariables }: PointModel) {
  const rows = copyOne(series, who, numVariables);
  if (rows.length < contextLength) {
    const message = `${who}: expected at least ${contextLength} steps, which is what the model needs, got ${rows.length}`;
    throw new TidemergeError('ERR_INVALID_SHAPE', message);
  }
  expectComplete(rows, who, numVariables, rows.length - contextLength);
  return rows.values.subarray((rows.length - contextLength) * numVariables);
}

/** The next step of every series; NaN for those that cannot be forecast. */
export async function predictPoints(
  model: PointModel,
  { contexts, errors }: PointBatch,
  { batchSize, signal, onProgress }: Pick<ForecastOptions, 'signal' | 'onProgress'> & Pick<BatchOptions, 'batchSize'>,
): Promise<PointForecasts> {
  const { contextLength, numVariables } = model;
  const data = new Float32Array(contexts.length * numVariables).fill(NaN);
  const size = typeof batchSize === 'number' ? batchSize : Math.max(1, Math.floor(MAX_ROWS / contextLength));
  for (let from = 0; from < contexts.length; from += size) {
    signal?.throwIfAborted();
    const known = [...contexts.slice(from, from + size).entries()].filter(([, context]) => context);
    const values = new Float64Array(known.length * contextLength * numVariables);
    for (const [row, [, context]] of known.entries()) values.set(context!, row * contextLength * numVariables);
    const next = await model.nextStep(values, signal);
    for (const [row, [b]] of known.entries()) {
      data.set(next.subarray(row * numVariables, (row + 1) * numVariables), (from + b) * numVariables);
    }
    onProgress?.({ done: Math.min(from + size, contexts.length), total: contexts.length });
  }
  return { kind: 'points', data, shape: [contexts.length, numVariables, 1], warnings: [], errors };
}
