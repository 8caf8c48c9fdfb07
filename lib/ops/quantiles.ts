import type { SymbolicTensor } from '../backend/program.js';
import { expectDType, expectInteger, expectMatrix, expectVector } from './record.js';

/**
 * Forecasts at any quantile levels from those at the trained ones, by Chronos-Bolt's rule: torch.quantile over the
 * trained predictions with the outermost ones doubled.
 *
 * x float32 [batch, trained · horizon], horizon being the faster index; levels [n] and trained [q] float32 or float64
 * → float32 [batch · horizon, n]
 */
export function interpolateQuantiles(
  x: SymbolicTensor,
  levels: SymbolicTensor,
  trained: SymbolicTensor,
  { horizon }: { readonly horizon: number },
): SymbolicTensor {
  const op = 'interpolate_quantiles';
  expectDType(op, 'x', x, 'float32');
  expectMatrix(op, 'levels', levels, 1, 'float32', 'float64');
  expectMatrix(op, 'trained', trained, 1, 'float32', 'float64');
  expectInteger(op, 'horizon', horizon);
  const columns = levels.weight?.shape[0];
  const [y] = x.builder.apply(op, [x, levels, trained], { horizon }, [{ dtype: 'float32', columns }]);
  return y!;
}

/*
 * Statistics over the samples of every series. samples float32 [batch · numSamples, horizon], a series' samples one
 * after the other; numSamples int32 [1].
 */

/**
 * torch.quantile (linear interpolation) over a series' samples at every step: levels float32 or float64 [n]
 * → float32 [batch · horizon, n]. A NaN among the samples makes NaN.
 */
export function sampleQuantiles(
  samples: SymbolicTensor,
  levels: SymbolicTensor,
  numSamples: SymbolicTensor,
): SymbolicTensor {
  const op = 'sample_quantiles';
  expectDType(op, 'samples', samples, 'float32');
  expectMatrix(op, 'levels', levels, 1, 'float32', 'float64');
  expectVector(op, 'numSamples', numSamples, 'int32');
  const columns = levels.weight?.shape[0];
  const [y] = samples.builder.apply(op, [samples, levels, numSamples], {}, [{ dtype: 'float32', columns }]);
  return y!;
}

/** The mean over a series' samples, summed in double precision: float32 [batch, horizon]. */
export function sampleMean(samples: SymbolicTensor, numSamples: SymbolicTensor): SymbolicTensor {
  return statistic('sample_mean', samples, numSamples);
}

/** The median over a series' samples, the lower of two (torch.median): float32 [batch, horizon]. */
export function sampleMedian(samples: SymbolicTensor, numSamples: SymbolicTensor): SymbolicTensor {
  return statistic('sample_median', samples, numSamples);
}

function statistic(op: string, samples: SymbolicTensor, numSamples: SymbolicTensor): SymbolicTensor {
  expectDType(op, 'samples', samples, 'float32');
  expectVector(op, 'numSamples', numSamples, 'int32');
  const [y] = samples.builder.apply(op, [samples, numSamples], {}, [{ dtype: 'float32', columns: samples.columns }]);
  return y!;
}
