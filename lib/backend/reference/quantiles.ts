import type { Call } from './call.js';
import type { ReferenceOperator } from './operator.js';
import { float32 } from './value.js';

/*
 * The definitions, with their float32 rounding steps, are in native/ops/quantiles.h.
 */

/** torch.quantile with linear interpolation. */
export function quantile(values: Float64Array, level: number): number {
  if (values.some(Number.isNaN)) return NaN;
  const sorted = values.toSorted();
  const rank = Math.fround(Math.fround(level) * (sorted.length - 1));
  const below = Math.floor(rank);
  const weight = rank - below;
  const low = sorted[below]!;
  return weight === 0 ? low : Math.fround(low + weight * (sorted[below + 1]! - low));
}

/** The samples of every (series, step), as rows series · steps + step. */
function sampleSets(call: Call, numSamples: number) {
  const samples = call.input(0, 'samples', 'float32');
  const batch = samples.rows / numSamples;
  if (!Number.isInteger(batch)) {
    throw call.error('ERR_INVALID_SHAPE', 'samples', `a multiple of ${numSamples} rows`, samples.rows);
  }
  const horizon = samples.cols;
  const sets = Array.from({ length: batch * horizon }, (_, row) => {
    const first = Math.floor(row / horizon) * numSamples;
    const step = row % horizon;
    return new Float64Array(numSamples).map((_, s) => samples.data[(first + s) * horizon + step]!);
  });
  return { sets, batch, horizon };
}

function levelsOf(call: Call, i: number, name: string): number[] {
  const levels = call.vector(i, name, 'float32', 'float64').data;
  for (const level of levels) {
    if (!(level >= 0 && level <= 1)) throw call.error('ERR_INVALID_ARGUMENT', name, 'levels in [0, 1]', level);
  }
  return Array.from(levels, (level) => Math.fround(level));
}

export const sampleQuantiles: ReferenceOperator = {
  inputs: [3, 3],
  outputs: 1,
  run(call) {
    const levels = levelsOf(call, 1, 'levels');
    const numSamples = call.scalar(2, 'numSamples', 1);
    const { sets } = sampleSets(call, numSamples);
    const y = sets.flatMap((values) => levels.map((level) => quantile(values, level)));
    return [float32(sets.length, levels.length, Float64Array.from(y))];
  },
};

function statistic(reduce: (values: Float64Array) => number): ReferenceOperator {
  return {
    inputs: [2, 2],
    outputs: 1,
    run(call) {
      const { sets, batch, horizon } = sampleSets(call, call.scalar(1, 'numSamples', 1));
      return [float32(batch, horizon, Float64Array.from(sets, reduce))];
    },
  };
}

export const sampleMean = statistic((values) => Math.fround(values.reduce((a, b) => a + b, 0) / values.length));

export const sampleMedian = statistic((values) =>
  values.some(Number.isNaN) ? NaN : values.toSorted()[Math.floor((values.length - 1) / 2)]!,
);

export const interpolateQuantiles: ReferenceOperator = {
  inputs: [3, 3],
  outputs: 1,
  attributes: { horizon: 'integer' },
  run(call) {
    const x = call.input(0, 'x', 'float32');
    const levels = levelsOf(call, 1, 'levels');
    const trained = levelsOf(call, 2, 'trained');
    const horizon = call.number('horizon');
    if (trained.length === 0) throw call.error('ERR_INVALID_SHAPE', 'trained', 'at least one row', '[0, 1]');
    if (x.cols !== trained.length * horizon) {
      throw call.error('ERR_INVALID_SHAPE', 'x', `${trained.length * horizon} columns`, x.cols);
    }
    const allTrained = levels.every((level) => trained.includes(level));
    const y = float32(x.rows * horizon, levels.length);
    for (let b = 0; b < x.rows; b++) {
      for (let h = 0; h < horizon; h++) {
        const path = Float64Array.from(trained, (_, q) => x.data[b * x.cols + q * horizon + h]!);
        const augmented = Float64Array.of(path[0]!, ...path, path.at(-1)!);
        levels.forEach((level, l) => {
          y.data[(b * horizon + h) * levels.length + l] = allTrained
            ? path[trained.indexOf(level)]!
            : quantile(augmented, level);
        });
      }
    }
    return [y];
  },
};
