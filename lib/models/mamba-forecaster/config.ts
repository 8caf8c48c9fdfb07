import type { ModelConfig } from '../../io/model-config.js';
import type { WeightScope } from '../../io/weight-scope.js';
import { type MambaSizes, readMambaSizes } from '../mamba/config.js';
import type { QuantileHead } from '../quantile-programs.js';

export interface MambaForecasterConfig extends MambaSizes, QuantileHead {
  readonly contextLength: number;
  /** Values of a token: 1 for a token per step. Patches do not overlap. */
  readonly patchLength: number;
}

const LENGTH = { min: 1, max: 2 ** 20 };

export function readMambaForecasterConfig(config: ModelConfig): MambaForecasterConfig {
  config.requireOneOf('model_type', ['mamba_forecaster']);
  const quantileLevels = config.requireNumbers('quantiles');
  const levels = [0, ...quantileLevels, 1];
  if (levels.length === 2 || levels.some((level, i) => i > 0 && !(level > (levels[i - 1] as number)))) {
    throw config.error('quantiles', 'ascending numbers between 0 and 1');
  }
  return {
    ...readMambaSizes(config),
    contextLength: config.requireInteger('context_length', LENGTH),
    predictionLength: config.requireInteger('prediction_length', LENGTH),
    patchLength: config.optionalInteger('patch_length', 1, LENGTH),
    quantileLevels,
  };
}

/** Where the configuration and the shapes of the tensors differ, names the key. */
export function checkMambaForecasterConfig(
  config: ModelConfig,
  { patchLength, predictionLength, quantileLevels }: MambaForecasterConfig,
  weights: WeightScope,
): void {
  const input = 'input_projection.weight';
  const width = weights.info(input)?.shape[1];
  if (width !== undefined && width !== 2 * patchLength) {
    throw config.error('patch_length', `${width / 2}, half the width of tensor ${input}`);
  }
  const head = 'head.weight';
  const outputs = weights.info(head)?.shape[0];
  const count = quantileLevels.length;
  if (outputs !== undefined && outputs !== count * predictionLength) {
    throw config.error(
      'prediction_length',
      `${outputs / count}, the rows of tensor ${head} (${outputs}) / ${count} quantiles`,
    );
  }
}
