import type { ModelConfig } from '../../io/model-config.js';

/** Sizes of the blocks of a Mamba (first version). */
export interface MambaSizes {
  /** Width of the residual stream. */
  readonly hiddenSize: number;
  readonly numLayers: number;
  /** Channels of the mixer. */
  readonly dInner: number;
  /** State values of one channel. */
  readonly dState: number;
  readonly convKernel: number;
  /** Width of the bottleneck in front of the step sizes. */
  readonly dtRank: number;
  readonly normEpsilon: number;
  /** Biases of the projections into and out of the mixer. */
  readonly useBias: boolean;
  readonly useConvBias: boolean;
}

/** Those of a language model. */
export interface MambaConfig extends MambaSizes {
  readonly model: 'mamba';
  readonly vocabSize: number;
}

const SIZE = { min: 1, max: 2 ** 20 };
const LAYERS = { min: 1, max: 4096 };

/** Reads the configuration of transformers (`hidden_size`) or of state-spaces/mamba (`d_model`). */
export function readMambaConfig(config: ModelConfig): MambaConfig {
  return isStateSpaces(config) ? readStateSpaces(config) : readTransformers(config);
}

/** Converted models have the keys of both; those of transformers then say how they are to be read. */
export function isStateSpaces(config: ModelConfig): boolean {
  return config.has('d_model') && !config.has('hidden_size');
}

function readTransformers(config: ModelConfig): MambaConfig {
  config.requireOneOf('model_type', ['mamba']);
  return { model: 'mamba', vocabSize: config.requireInteger('vocab_size', SIZE), ...readMambaSizes(config) };
}

/** Under the keys of transformers. */
export function readMambaSizes(config: ModelConfig): MambaSizes {
  if (config.has('hidden_act')) config.requireOneOf('hidden_act', ['silu']);
  const hiddenSize = config.requireInteger('hidden_size', SIZE);
  return {
    hiddenSize,
    numLayers: config.requireInteger('num_hidden_layers', LAYERS),
    dInner: innerSize(config, hiddenSize),
    dState: config.optionalInteger('state_size', 16, SIZE),
    convKernel: config.optionalInteger('conv_kernel', 4, SIZE),
    dtRank: rank(config, 'time_step_rank', hiddenSize),
    normEpsilon: config.optionalNumber('layer_norm_epsilon', 1e-5, { min: 0 }),
    useBias: config.optionalBoolean('use_bias', false),
    useConvBias: config.optionalBoolean('use_conv_bias', true),
  };
}

function readStateSpaces(config: ModelConfig): MambaConfig {
  const hiddenSize = config.requireInteger('d_model', SIZE);
  const mixer = config.optionalSection('ssm_cfg');
  if (mixer?.has('layer')) mixer.requireOneOf('layer', ['Mamba1']);
  if (!config.optionalBoolean('rms_norm', true)) throw config.error('rms_norm', 'true');
  // The embedding is rounded up to a multiple when the published class makes it.
  const multiple = config.optionalInteger('pad_vocab_size_multiple', 8, SIZE);
  return {
    model: 'mamba',
    vocabSize: Math.ceil(config.requireInteger('vocab_size', SIZE) / multiple) * multiple,
    hiddenSize,
    numLayers: config.requireInteger('n_layer', LAYERS),
    dInner: mixer === undefined ? 2 * hiddenSize : innerSize(mixer, hiddenSize),
    dState: mixer?.optionalInteger('d_state', 16, SIZE) ?? 16,
    convKernel: mixer?.optionalInteger('d_conv', 4, SIZE) ?? 4,
    dtRank: mixer === undefined ? Math.ceil(hiddenSize / 16) : rank(mixer, 'dt_rank', hiddenSize),
    normEpsilon: 1e-5,
    useBias: mixer?.optionalBoolean('bias', false) ?? false,
    useConvBias: mixer?.optionalBoolean('conv_bias', true) ?? true,
  };
}

/** The factor need not be whole; the published classes cut the product. */
function innerSize(config: ModelConfig, hiddenSize: number): number {
  const inner = Math.trunc(config.optionalNumber('expand', 2, { min: 0, max: 1024 }) * hiddenSize);
  if (inner < 1) throw config.error('expand', `a factor that leaves at least one of ${hiddenSize} channels`);
  return inner;
}

function rank(config: ModelConfig, key: string, hiddenSize: number): number {
  const automatic = !config.has(key) || config.raw(key) === 'auto';
  return automatic ? Math.ceil(hiddenSize / 16) : config.requireInteger(key, SIZE);
}
