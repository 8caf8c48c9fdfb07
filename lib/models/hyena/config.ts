import type { ModelConfig } from '../../io/model-config.js';
import { LAYERS, paddedVocabSize, SIZE } from '../config-sizes.js';

/** Sizes of a HyenaDNA (Nguyen et al. 2023, arXiv 2306.15794): Hyena operators of order 2. */
export interface HyenaConfig {
  /** Rows of the embedding: the vocabulary rounded up to a multiple. */
  readonly vocabSize: number;
  /** Width of the residual stream, and channels of the operator. */
  readonly dModel: number;
  readonly numLayers: number;
  /** Width of the MLP of a block. */
  readonly dInner: number;
  /** Tokens the filters were made for: no sequence may be longer. */
  readonly maxLength: number;
  readonly filter: HyenaFilterConfig;
  /** Of the norms inside blocks and of the last one. */
  readonly blockEpsilon: number;
  readonly finalEpsilon: number;
}

/** The network that a filter is evaluated from, position by position. */
export interface HyenaFilterConfig {
  /** Inputs: time, and a cosine and a sine for every band. */
  readonly embDim: number;
  readonly order: number;
  /** Layers between the first and the last. */
  readonly innerLayers: number;
  /** Frequency of the sines; undefined: trained, a tensor of the file. */
  readonly frequency: number | undefined;
  /** h · (exp(-t |delta|) + shift); undefined: h as it is. */
  readonly modulation: { readonly shift: number } | undefined;
}

const LENGTH = { min: 1, max: 2 ** 24 };
/** Both publications have it as a default that no configuration changes. */
const SHIFT = 0.05;
const EPSILON = 1e-5;

/** Reads the configuration of LongSafari/hyenadna-*-hf (`max_seq_len`) or of HazyResearch/hyena-dna (`layer`). */
export function readHyenaConfig(config: ModelConfig): HyenaConfig {
  return config.has('layer') && !config.has('max_seq_len') ? readStandalone(config) : readHuggingFace(config);
}

function readHuggingFace(config: ModelConfig): HyenaConfig {
  config.requireOneOf('model_type', ['hyenadna']);
  if (config.optionalInteger('hyena_order', 2) !== 2) throw config.error('hyena_order', '2');
  if (config.optionalInteger('short_filter_order', 3) !== 3) throw config.error('short_filter_order', '3');
  return {
    ...readSizes(config, 8),
    maxLength: config.requireInteger('max_seq_len', LENGTH),
    filter: {
      ...readFilter(config),
      frequency: config.optionalBoolean('train_freq', true) ? undefined : config.requireNumber('activation_freq'),
      modulation: { shift: SHIFT },
    },
    blockEpsilon: EPSILON,
    finalEpsilon: config.optionalNumber('layer_norm_epsilon', EPSILON, { min: 0 }),
  };
}

function readStandalone(config: ModelConfig): HyenaConfig {
  const layer = config.requireSection('layer');
  layer.requireOneOf('_name_', ['hyena']);
  if (layer.optionalInteger('order', 2) !== 2) throw layer.error('order', '2');
  if (config.has('attn_layer_idx') && config.requireIntegers('attn_layer_idx').length > 0) {
    throw config.error('attn_layer_idx', 'no layers of attention');
  }
  if (config.optionalInteger('max_position_embeddings', 0) > 0) {
    throw config.error('max_position_embeddings', '0 (no position embeddings)');
  }
  const epsilon = config.optionalNumber('layer_norm_epsilon', EPSILON, { min: 0 });
  const modulate = layer.optionalBoolean('modulate', true);
  return {
    ...readSizes(config, 1),
    maxLength: layer.requireInteger('l_max', LENGTH),
    filter: {
      ...readFilter(layer),
      frequency: undefined,
      modulation: modulate ? { shift: layer.optionalNumber('shift', SHIFT) } : undefined,
    },
    blockEpsilon: epsilon,
    finalEpsilon: epsilon,
  };
}

function readSizes(
  config: ModelConfig,
  multipleByDefault: number,
): Pick<HyenaConfig, 'vocabSize' | 'dModel' | 'numLayers' | 'dInner'> {
  const dModel = config.requireInteger('d_model', SIZE);
  return {
    vocabSize: paddedVocabSize(config, multipleByDefault),
    dModel,
    numLayers: config.requireInteger('n_layer', LAYERS),
    dInner: config.optionalInteger('d_inner', 4 * dModel, SIZE),
  };
}

function readFilter(section: ModelConfig): Pick<HyenaFilterConfig, 'embDim' | 'order' | 'innerLayers'> {
  const embDim = section.optionalInteger('emb_dim', 3, { min: 3, max: 1025 });
  if (embDim % 2 === 0) throw section.error('emb_dim', 'an odd number: time, and a cosine and a sine for every band');
  return {
    embDim,
    order: section.optionalInteger('filter_order', 64, SIZE),
    innerLayers: section.optionalInteger('num_inner_mlps', 2, { min: 0, max: 64 }),
  };
}
