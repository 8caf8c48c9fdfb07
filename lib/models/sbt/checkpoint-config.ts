import type { ModelConfig } from '../../io/model-config.js';
import type { WeightScope } from '../../io/weight-scope.js';
import type { SbtConfig } from './config.js';
import { isSinusoidal, POSITION_TABLE } from './positions.js';
import { checkSbtConfig, paperDefaults, readSbtConfig, SIZE } from './read-config.js';
import type { SbtWeights } from './weights.js';

/** What a checkpoint needs to be read and config.json does not say. */
export interface CheckpointConfig {
  readonly config: SbtConfig;
  /** Share of the entries that a pruned LayerNorm keeps. */
  readonly normKeepRatio: number;
  /** Of the training data, which checkpoints do not hold: `mean` and `scale`, a number per variable. */
  readonly standardization?: SbtWeights['standardization'];
}

const TASKS = { classification: 'classification', anomaly: 'anomaly-detection', forecast: 'forecasting' } as const;
const KEYS = {
  num_heads: 'heads',
  d_model: 'd',
  window_length: 'w',
  output_size: 'classes',
  keep_ratio: 'lin_prune_rate',
};

/**
 * Reads the configuration that goes with a published checkpoint: either our own config.json, or the short form with the
 * names of the paper and its code (task, m, w, d, layers, heads, ffn, classes, lin_prune_rate, layer_norm_prune_rate).
 * A "prune rate" there is the share kept. Whether weights are dense, the kind of norm and the position code are taken
 * from the tensors where the short form does not say (`norm`, `attention`, `position_code`). Either may say `mean` and
 * `scale` of the training data.
 */
export function readCheckpointConfig(file: ModelConfig, weights: WeightScope): CheckpointConfig {
  const normKeepRatio = file.optionalNumber('layer_norm_prune_rate', 0.5, { min: 0, max: 1 });
  if (normKeepRatio === 0) throw file.error('layer_norm_prune_rate', 'a number above 0 and at most 1');
  const config = file.has('model_type') ? readSbtConfig(file) : readShortForm(file, weights);
  return { config, normKeepRatio, standardization: readStandardization(file, config.numVariables) };
}

function readStandardization(file: ModelConfig, numVariables: number): SbtWeights['standardization'] {
  if (!file.has('mean') && !file.has('scale')) return undefined;
  const [mean, scale] = ['mean', 'scale'].map((key) => {
    const values = Float32Array.from(file.requireNumbers(key));
    if (values.length === numVariables && values.every(Number.isFinite)) return values;
    throw file.error(key, `${numVariables} numbers within float32, one per variable`);
  }) as [Float32Array, Float32Array];
  if (scale.some((value) => value <= 0)) throw file.error('scale', 'numbers > 0');
  return { mean, scale };
}

function readShortForm(file: ModelConfig, weights: WeightScope): SbtConfig {
  const task = TASKS[file.requireOneOf('task', ['classification', 'anomaly', 'forecast'])];
  const kind = weights.has('embedding.scores') ? 'sparse-binary' : 'dense';
  const defaults = paperDefaults(task, kind);
  const numVariables = file.requireInteger('m', SIZE);
  const config: SbtConfig = {
    task,
    numVariables,
    windowLength: file.requireInteger('w', { min: 1, max: 2 ** 20 }),
    dModel: file.requireInteger('d', SIZE),
    numLayers: file.optionalInteger('layers', defaults.numLayers, { min: 1, max: 1024 }),
    numHeads: file.optionalInteger('heads', defaults.numHeads, SIZE),
    feedForwardSize: file.optionalInteger('ffn', defaults.feedForwardSize, SIZE),
    outputSize: task === 'classification' ? file.requireInteger('classes', SIZE) : numVariables,
    weights: kind,
    keepRatio: kind === 'dense' ? 1 : file.optionalNumber('lin_prune_rate', defaults.keepRatio, { min: 0, max: 1 }),
    attention: file.has('attention') ? file.requireOneOf('attention', ['full', 'step-t']) : defaults.attention,
    norm: file.has('norm') ? file.requireOneOf('norm', ['none', 'batch', 'time']) : normOf(weights),
    normEpsilon: defaults.normEpsilon,
    positionCode: file.has('position_code')
      ? file.requireOneOf('position_code', ['sinusoidal', 'table', 'none'])
      : positionCodeOf(weights),
  };
  checkSbtConfig(file, config, KEYS);
  return config;
}

function normOf(weights: WeightScope): SbtConfig['norm'] {
  const layer = weights.scope('transformer_encoder.layers.0');
  if (layer.has('bn1.weight')) return 'batch';
  return layer.has('norm1.weight') ? 'time' : 'none';
}

/** Fixed sinusoids are stored like a learned table. */
function positionCodeOf(weights: WeightScope): SbtConfig['positionCode'] {
  const info = weights.info(POSITION_TABLE);
  return info && !isSinusoidal(weights.take(POSITION_TABLE, info.shape)) ? 'table' : 'sinusoidal';
}
