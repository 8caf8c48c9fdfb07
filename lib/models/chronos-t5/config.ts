import { TidemergeError } from '../../errors.js';
import type { ModelConfig } from '../../io/model-config.js';
import type { WeightScope } from '../../io/weight-scope.js';
import type { SamplingSettings } from '../forecast-model.js';
import { checkT5Config, checkVocabSize, readT5Config, type T5Config } from '../t5/config.js';
import type { TokenizerConfig } from './tokenizer.js';

export interface ChronosT5Config {
  readonly t5: T5Config;
  readonly tokenizer: TokenizerConfig;
  readonly contextLength: number;
  readonly predictionLength: number;
  readonly numSamples: number;
  readonly sampling: SamplingSettings;
  /** The output layer is the embedding table. */
  readonly tiedEmbeddings: boolean;
  /** Multiplies the decoder's output in front of the output layer. */
  readonly outputFactor: number;
}

const LENGTH = { min: 1, max: 2 ** 20 };
/** Where the embedding table may be; the first one that is there is used, the others are copies of it. */
export const EMBEDDINGS = ['shared.weight', 'encoder.embed_tokens.weight', 'decoder.embed_tokens.weight'] as const;

export function readChronosT5Config(config: ModelConfig): ChronosT5Config {
  const section = config.requireSection('chronos_config');
  const kind = section.optionalString('model_type', 'seq2seq');
  if (kind !== 'seq2seq') throw unsupported(section, 'model_type', '"seq2seq"');
  if (section.optionalString('tokenizer_class', 'MeanScaleUniformBins') !== 'MeanScaleUniformBins') {
    throw unsupported(section, 'tokenizer_class', '"MeanScaleUniformBins"');
  }
  const t5 = readT5Config(config);
  const tiedEmbeddings = config.optionalBoolean('tie_word_embeddings', true);
  return {
    t5,
    tokenizer: readTokenizer(section, t5),
    contextLength: section.requireInteger('context_length', LENGTH),
    predictionLength: section.requireInteger('prediction_length', LENGTH),
    numSamples: section.optionalInteger('num_samples', 20, LENGTH),
    sampling: {
      temperature: section.optionalNumber('temperature', 1, { min: Number.MIN_VALUE }),
      topK: section.optionalInteger('top_k', 50, { min: 0, max: 2 ** 20 }),
      topP: section.optionalNumber('top_p', 1, { min: Number.MIN_VALUE, max: 1 }),
    },
    tiedEmbeddings,
    outputFactor: config.optionalBoolean('scale_decoder_outputs', tiedEmbeddings) ? t5.dModel ** -0.5 : 1,
  };
}

function readTokenizer(section: ModelConfig, t5: T5Config): TokenizerConfig {
  const limits = section.requireSection('tokenizer_kwargs');
  const numSpecialTokens = section.requireInteger('n_special_tokens', { min: 1, max: t5.vocabSize - 1 });
  const lowLimit = limits.requireNumber('low_limit');
  const special = { min: 0, max: numSpecialTokens - 1 };
  const tokenizer: TokenizerConfig = {
    lowLimit,
    highLimit: limits.requireNumber('high_limit'),
    // Every token needs an embedding; a vocabulary may be padded beyond them.
    numTokens: section.requireInteger('n_tokens', { min: numSpecialTokens + 3, max: t5.vocabSize }),
    numSpecialTokens,
    padTokenId: section.requireInteger('pad_token_id', special),
    eosTokenId: section.requireInteger('eos_token_id', special),
    useEosToken: section.requireBoolean('use_eos_token'),
    contextLength: section.requireInteger('context_length', LENGTH),
  };
  if (!(tokenizer.highLimit > lowLimit)) throw limits.error('high_limit', `a number above low_limit (${lowLimit})`);
  return tokenizer;
}

/** Compares the configuration with the shapes of the tensors. */
export function checkChronosT5Config(config: ModelConfig, chronos: ChronosT5Config, weights: WeightScope): void {
  const table = EMBEDDINGS.find((name) => weights.has(name));
  if (table) checkVocabSize(config, chronos.t5, weights.info(table)?.shape[0], table);
  checkT5Config(config, chronos.t5, weights);
  if (!chronos.tiedEmbeddings && !weights.has('lm_head.weight')) {
    throw config.error('tie_word_embeddings', 'true, as there is no tensor lm_head.weight');
  }
}

function unsupported(section: ModelConfig, key: string, expected: string): TidemergeError {
  return new TidemergeError('ERR_UNSUPPORTED', section.error(key, expected).message);
}
