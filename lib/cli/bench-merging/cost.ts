import { decoderFlops, encoderFlops, residualBlockFlops } from '../../analysis/t5-flops.js';
import { findModelFiles, ModelConfig } from '../../io/index.js';
import { readChronosBoltConfig } from '../../models/chronos-bolt/config.js';
import { readChronosT5Config } from '../../models/chronos-t5/config.js';
import { resolveModel } from '../../tasks/embedded.js';
import type { SweptMerging } from './settings.js';

export interface CostOptions {
  readonly horizon: number;
  /** Sampled paths; undefined: the model's own number. */
  readonly numSamples: number | undefined;
}

/**
 * Floating-point operations of one whole forecast, from the tokens that enter each encoder layer and those that leave the
 * last one; undefined for a model whose cost is not known here.
 */
export type Cost = (tokens: readonly number[], merging: SweptMerging | false) => number;

export function forecastCost(model: string, directory: string, options: CostOptions): Cost | undefined {
  const config = ModelConfig.read(findModelFiles(resolveModel(directory)).config);
  if (model === 'chronos-bolt') return boltCost(config);
  if (model === 'chronos-t5') return t5Cost(config, options);
  return undefined;
}

const shapeOf = (merging: SweptMerging | false) =>
  merging ? { k: merging.k === 'global' ? 0 : merging.k } : undefined;

function boltCost(config: ModelConfig): Cost {
  const { t5, patchLength, quantileLevels, predictionLength } = readChronosBoltConfig(config);
  return (tokens, merging) =>
    residualBlockFlops(tokens[0]!, 2 * patchLength, t5.dFf, t5.dModel) +
    encoderFlops(tokens, t5, shapeOf(merging)) +
    decoderFlops(t5.numDecoderLayers, tokens.at(-1)!, 1, 1, t5) +
    residualBlockFlops(1, t5.dModel, t5.dFf, quantileLevels.length * predictionLength);
}

function t5Cost(config: ModelConfig, { horizon, numSamples }: CostOptions): Cost {
  const { t5, numSamples: own } = readChronosT5Config(config);
  const paths = numSamples ?? own;
  return (tokens, merging) =>
    encoderFlops(tokens, t5, shapeOf(merging)) +
    decoderFlops(t5.numDecoderLayers, tokens.at(-1)!, horizon, paths, t5) +
    2 * horizon * paths * t5.dModel * t5.vocabSize;
}
