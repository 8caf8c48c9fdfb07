import type { ModelConfig } from '../io/model-config.js';

/* What configurations of several models say in the same way. */

export const SIZE = { min: 1, max: 2 ** 20 };
export const LAYERS = { min: 1, max: 4096 };

/** Published classes round the embedding up to a multiple when they make it. */
export function paddedVocabSize(config: ModelConfig, multipleByDefault: number): number {
  const multiple = config.optionalInteger('pad_vocab_size_multiple', multipleByDefault, SIZE);
  return Math.ceil(config.requireInteger('vocab_size', SIZE) / multiple) * multiple;
}
