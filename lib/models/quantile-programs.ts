import type { WeightHandle } from '../backend/backend.js';
import type { ProgramBuilder, SymbolicTensor } from '../backend/program.js';
import { interpolateQuantiles, sampleQuantiles } from '../ops/quantiles.js';
import { matrix } from '../tensor/tensor.js';
import type { LevelForecasts } from './forecast-model.js';
import type { Outputs } from './model-host.js';

/*
 * From quantiles at trained levels to those at any levels, and from many paths back to trained levels. b series, Q trained
 * quantiles, H the model's horizon.
 */

export interface QuantileHead {
  readonly predictionLength: number;
  /** The levels the model was trained for, ascending. */
  readonly quantileLevels: readonly number[];
}

export interface LevelWeights {
  /** [levels]: the trained quantile levels. */
  readonly levels: WeightHandle;
}

/** The input `middle` of the programs below. */
export const MIDDLE = matrix(Float32Array.of(0.5));

/** predictions [b, Q · H] and the inputs levels [n], middle [1] → quantiles [b · H, n], median [b · H]. */
export function outputLevels(
  predictions: SymbolicTensor,
  { predictionLength }: QuantileHead,
  weights: LevelWeights,
): void {
  const { builder } = predictions;
  const trained = builder.weight(weights.levels);
  const at = (levels: SymbolicTensor) =>
    interpolateQuantiles(predictions, levels, trained, { horizon: predictionLength });
  builder.output('quantiles', at(builder.input('levels', 'float32', 1)));
  // On its own: whether levels are interpolated depends on all levels of a request.
  builder.output('median', at(builder.input('middle', 'float32', 1)));
}

/** predictions [b, Q · H], levels [n], middle [1] → quantiles [b · H, n], median [b · H]. */
export function recordLevels(builder: ProgramBuilder, head: QuantileHead, weights: LevelWeights): void {
  const columns = head.quantileLevels.length * head.predictionLength;
  outputLevels(builder.input('predictions', 'float32', columns), head, weights);
}

/** paths [b · count, H], count → the trained quantiles over a series' paths, [b · H, Q]. */
export function recordReduce(builder: ProgramBuilder, head: QuantileHead, weights: LevelWeights): void {
  const paths = builder.input('paths', 'float32', head.predictionLength);
  const count = builder.input('count', 'int32', 1);
  builder.output('quantiles', sampleQuantiles(paths, builder.weight(weights.levels), count));
}

export function levelForecasts(out: Outputs): LevelForecasts {
  return { quantiles: out.quantiles!.data as Float32Array, median: out.median!.data as Float32Array };
}
