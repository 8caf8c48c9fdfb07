import type { ModelConfig } from '../../io/model-config.js';
import { LAYERS, paddedVocabSize, SIZE } from '../config-sizes.js';

/** What the blocks of both versions have. */
export interface BlockSizes {
  /** Width of the residual stream. */
  readonly hiddenSize: number;
  readonly numLayers: number;
  readonly convKernel: number;
  readonly normEpsilon: number;
  /** Biases of the projections into and out of the mixer. */
  readonly useBias: boolean;
  readonly useConvBias: boolean;
}

/** Sizes of the blocks of a Mamba (first version). */
export interface MambaSizes extends BlockSizes {
  /** Channels of the mixer. */
  readonly dInner: number;
  /** State values of one channel. */
  readonly dState: number;
  /** Width of the bottleneck in front of the step sizes. */
  readonly dtRank: number;
}

/** Those of a language model. */
export interface MambaConfig extends MambaSizes {
  readonly model: 'mamba';
  readonly vocabSize: number;
}

/** Reads the configuration of transformers (`hidden_size`) or of state-spaces/mamba (`d_model`). */
export function readMambaConfig(config: ModelConfig): MambaConfig {
  return isStateSpaces(config) ? readStateSpaces(config) : readTransformers(config);
}

/** Converted models have the keys of both; those of transformers then say how they are to be read. */
export function isStateSpaces(config: ModelConfig): boolean {
  return config.has('d_model') && !config.has('hidden_size');
}

/** Of both versions, under the keys of transformers. */
export function readTransformersBlock(config: ModelConfig): BlockSizes {
  if (config.has('hidden_act')) config.requireOneOf('hidden_act', ['silu']);
  return {
    hiddenSize: config.requireInteger('hidden_size', SIZE),
    numLayers: config.requireInteger('num_hidden_layers', LAYERS),
    convKernel: config.optionalInteger('conv_kernel', 4, SIZE),
    normEpsilon: config.optionalNumber('layer_norm_epsilon', 1e-5, { min: 0 }),
    useBias: config.optionalBoolean('use_bias', false),
    useConvBias: config.optionalBoolean('use_conv_bias', true),
  };
}

/** Of both versions, under the keys of state-spaces/mamba; `mixer` is `ssm_cfg`. */
export function readStateSpacesBlock(
  config: ModelConfig,
  mixer: ModelConfig | undefined,
): BlockSizes & { readonly vocabSize: number } {
  if (!config.optionalBoolean('rms_norm', true)) throw config.error('rms_norm', 'true');
  return {
    vocabSize: paddedVocabSize(config, 8),
    hiddenSize: config.requireInteger('d_model', SIZE),
    numLayers: config.requireInteger('n_layer', LAYERS),
    convKernel: mixer?.optionalInteger('d_conv', 4, SIZE) ?? 4,
    normEpsilon: 1e-5,
    useBias: mixer?.optionalBoolean('bias', false) ?? false,
    useConvBias: mixer?.optionalBoolean('conv_bias', true) ?? true,
  };
}

function readTransformers(config: ModelConfig): MambaConfig {
  config.requireOneOf('model_type', ['mamba']);
  return { model: 'mamba', vocabSize: config.requireInteger('vocab_size', SIZE), ...readMambaSizes(config) };
}

/** Under the keys of transformers. */
export function readMambaSizes(config: ModelConfig): MambaSizes {
  const block = readTransformersBlock(config);
  return {
    ...block,
    dInner: innerSize(config, block),
    dState: config.optionalInteger('state_size', 16, SIZE),
    dtRank: rank(config, 'time_step_rank', block),
  };
}

function readStateSpaces(config: ModelConfig): MambaConfig {
  const mixer = config.optionalSection('ssm_cfg');
  if (mixer?.has('layer')) mixer.requireOneOf('layer', ['Mamba1']);
  const block = readStateSpacesBlock(config, mixer);
  return {
    ...block,
    model: 'mamba',
    dInner: innerSize(mixer, block),
    dState: mixer?.optionalInteger('d_state', 16, SIZE) ?? 16,
    dtRank: rank(mixer, 'dt_rank', block),
  };
}

/** Channels of the mixer: the factor need not be whole, the published classes cut the product. */
export function expandedSize(config: ModelConfig | undefined, { hiddenSize }: BlockSizes): number {
  return Math.trunc((config?.optionalNumber('expand', 2, { min: 0, max: 1024 }) ?? 2) * hiddenSize);
}

function innerSize(config: ModelConfig | undefined, block: BlockSizes): number {
  const inner = expandedSize(config, block);
  if (config && inner < 1)
    throw config.error('expand', `a factor that leaves at least one of ${block.hiddenSize} channels`);
  return inner;
}

function rank(config: ModelConfig | undefined, key: string, { hiddenSize }: BlockSizes): number {
  if (!config?.has(key) || config.raw(key) === 'auto') return Math.ceil(hiddenSize / 16);
  return config.requireInteger(key, SIZE);
}
