import type { WeightHandle } from '../../backend/backend.js';
import type { WeightScope } from '../../io/weight-scope.js';
import type { BiasedLinearWeights } from '../../layers/residual-block.js';
import type { StackWeights } from '../mamba/backbone.js';
import { loadStack, mambaBlocks } from '../mamba/weights.js';
import type { LevelWeights } from '../quantile-programs.js';
import type { WeightLoader } from '../weight-loader.js';
import type { MambaForecasterConfig } from './config.js';

export interface MambaForecasterWeights extends LevelWeights {
  /** [hidden, 2 · patchLength]: the scaled values, then which of them were observed. */
  readonly input: BiasedLinearWeights;
  readonly stack: StackWeights;
  /** [quantiles · predictionLength, hidden]: all steps of the lowest level first. */
  readonly head: BiasedLinearWeights;
  /** [hidden, 2]: zeros, see `lastRows`. */
  readonly taps: WeightHandle;
}

export async function loadMambaForecasterWeights(
  loader: WeightLoader,
  scope: WeightScope,
  config: MambaForecasterConfig,
): Promise<MambaForecasterWeights> {
  const { hiddenSize, patchLength, predictionLength, quantileLevels } = config;
  const levels = quantileLevels.length;
  return {
    input: await loader.linear(scope.scope('input_projection'), hiddenSize, 2 * patchLength),
    stack: await loadStack(loader, scope.scope('backbone'), config, mambaBlocks(loader, config)),
    head: await loader.linear(scope.scope('head'), levels * predictionLength, hiddenSize),
    levels: await loader.values('quantiles', Float32Array.from(quantileLevels), [levels, 1]),
    taps: await loader.values('last row', new Float32Array(2 * hiddenSize), [hiddenSize, 2]),
  };
}
