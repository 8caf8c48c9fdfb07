import type { ModelConfig } from '../../io/model-config.js';
import type { WeightScope } from '../../io/weight-scope.js';
import { checkT5Config, readT5Config, type T5Config } from '../t5/config.js';

export interface ChronosBoltConfig {
  readonly t5: T5Config;
  readonly contextLength: number;
  readonly predictionLength: number;
  readonly patchLength: number;
  readonly patchStride: number;
  /** The levels the model was trained for, ascending. */
  readonly quantileLevels: readonly number[];
  /** A learnt token behind the patches of every series. */
  readonly useRegToken: boolean;
}

const LENGTH = { min: 1, max: 2 ** 20 };

export function readChronosBoltConfig(config: ModelConfig): ChronosBoltConfig {
  const section = config.requireSection('chronos_config');
  const useRegToken = section.optionalBoolean('use_reg_token', false);
  const bolt: ChronosBoltConfig = {
    // The published class overrules the key vocab_size: the decoder's start token and, if used, the register token.
    t5: readT5Config(config, useRegToken ? 2 : 1),
    contextLength: section.requireInteger('context_length', LENGTH),
    predictionLength: section.requireInteger('prediction_length', LENGTH),
    patchLength: section.requireInteger('input_patch_size', LENGTH),
    patchStride: section.requireInteger('input_patch_stride', LENGTH),
    quantileLevels: section.requireNumbers('quantiles'),
    useRegToken,
  };
  const levels = [0, ...bolt.quantileLevels, 1];
  if (levels.length === 2 || levels.some((level, i) => i > 0 && !(level > (levels[i - 1] as number)))) {
    throw section.error('quantiles', 'ascending numbers between 0 and 1');
  }
  return bolt;
}

/** Compares the configuration with the shapes of the tensors. */
export function checkChronosBoltConfig(config: ModelConfig, bolt: ChronosBoltConfig, weights: WeightScope): void {
  checkT5Config(config, bolt.t5, weights);
  const section = config.requireSection('chronos_config');
  const input = 'input_patch_embedding.hidden_layer.weight';
  const patch = weights.info(input)?.shape[1];
  if (patch !== undefined && patch !== 2 * bolt.patchLength) {
    throw section.error('input_patch_size', `${patch / 2}, half the width of tensor ${input}`);
  }
  const output = 'output_patch_embedding.output_layer.bias';
  const outputs = weights.info(output)?.shape[0];
  const count = bolt.quantileLevels.length;
  if (outputs !== undefined && outputs !== count * bolt.predictionLength) {
    const [key, expected] =
      outputs % count === 0
        ? ([
            'prediction_length',
            `${outputs / count}, the size of tensor ${output} (${outputs}) / ${count} quantiles`,
          ] as const)
        : (['quantiles', `a count that divides ${outputs}, the size of tensor ${output}`] as const);
    throw section.error(key, expected);
  }
  const embeddings = weights.info('shared.weight')?.shape[0];
  if (embeddings !== undefined && embeddings !== bolt.t5.vocabSize) {
    throw section.error('use_reg_token', `${!bolt.useRegToken}, as tensor shared.weight has ${embeddings} rows`);
  }
}
