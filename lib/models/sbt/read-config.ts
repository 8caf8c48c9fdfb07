import type { ModelConfig } from '../../io/model-config.js';
import type { SbtConfig, SbtTask } from './config.js';

/** `model_type` of config.json. */
export const SBT_MODEL_TYPE = 'sparse_binary_transformer';
const TASKS = ['classification', 'anomaly-detection', 'forecasting'] as const satisfies readonly SbtTask[];

/** A matrix then has at most 2^30 entries, and its inputs fit into 16 bits. */
export const SIZE = { min: 1, max: 2 ** 15 };
/** Of one window in all layers; bounds what a small hostile file can ask for. */
const MAX_ACTIVATIONS = 2 ** 28;
const WINDOW = { min: 1, max: 2 ** 20 };
const LAYERS = { min: 1, max: 1024 };
const RATIO = { min: 0, max: 1 };

/** What models of the paper have unless their configuration says otherwise. */
export function paperDefaults(task: SbtTask, weights: SbtConfig['weights']) {
  const sparse = weights === 'sparse-binary';
  const norms = {
    classification: 'batch',
    'anomaly-detection': sparse ? 'none' : 'time',
    forecasting: 'time',
  } as const;
  return {
    keepRatio: sparse ? (task === 'anomaly-detection' ? 0.25 : 0.5) : 1,
    attention: sparse && task !== 'classification' ? 'step-t' : 'full',
    norm: norms[task],
    positionCode: !sparse && task === 'classification' ? 'table' : 'sinusoidal',
    numLayers: 2,
    numHeads: 2,
    feedForwardSize: 256,
    normEpsilon: 1e-5,
  } as const;
}

/**
 * Reads config.json: the fields of `SbtConfig` in snake_case. Sizes of the data and the model are required, everything
 * else is by default as the paper has it for the task (arXiv 2308.04637). ERR_BAD_MODEL names the key.
 */
export function readSbtConfig(config: ModelConfig): SbtConfig {
  config.requireOneOf('model_type', [SBT_MODEL_TYPE]);
  const task = config.requireOneOf('task', TASKS);
  const weights = config.has('weights') ? config.requireOneOf('weights', ['sparse-binary', 'dense']) : 'sparse-binary';
  const defaults = paperDefaults(task, weights);
  const choice = <const T extends string>(key: string, choices: readonly T[], fallback: T): T =>
    config.has(key) ? config.requireOneOf(key, choices) : fallback;
  const numVariables = config.requireInteger('num_variables', SIZE);
  const read: SbtConfig = {
    task,
    numVariables,
    windowLength: config.requireInteger('window_length', WINDOW),
    dModel: config.requireInteger('d_model', SIZE),
    numLayers: config.optionalInteger('num_layers', defaults.numLayers, LAYERS),
    numHeads: config.optionalInteger('num_heads', defaults.numHeads, SIZE),
    feedForwardSize: config.optionalInteger('feed_forward_size', defaults.feedForwardSize, SIZE),
    outputSize:
      task === 'classification'
        ? config.requireInteger('output_size', SIZE)
        : config.optionalInteger('output_size', numVariables, SIZE),
    weights,
    keepRatio: config.optionalNumber('keep_ratio', defaults.keepRatio, RATIO),
    attention: choice('attention', ['full', 'step-t'], defaults.attention),
    norm: choice('norm', ['none', 'batch', 'time'], defaults.norm),
    normEpsilon: config.optionalNumber('norm_epsilon', defaults.normEpsilon, { min: 0, max: 1 }),
    positionCode: choice('position_code', ['sinusoidal', 'table', 'none'], defaults.positionCode),
    ...(config.has('labels') && { labels: config.requireStrings('labels') }),
    ...(config.has('threshold') && { threshold: readThreshold(config.requireSection('threshold')) }),
  };
  checkSbtConfig(config, read);
  return read;
}

function readThreshold(section: ModelConfig): { value: number; level: number } {
  return { value: section.requireNumber('value', { min: 0 }), level: section.requireNumber('level', RATIO) };
}

/** The rules between fields; `keys` are the keys of the file, for the messages. */
export function checkSbtConfig(file: ModelConfig, config: SbtConfig, keys: Partial<Record<string, string>> = {}): void {
  const fail = (key: string, expected: string) => file.error(keys[key] ?? key, expected);
  const { task, dModel, numHeads, numVariables, outputSize, labels } = config;
  if (dModel % numHeads !== 0) throw fail('num_heads', `a divisor of d_model ${dModel}`);
  if (config.windowLength * dModel * config.numLayers > MAX_ACTIVATIONS) {
    throw fail('window_length', `an integer with window_length · d_model ${dModel} · layers at most 2^28`);
  }
  if (config.positionCode === 'sinusoidal' && dModel % 2 !== 0) throw fail('d_model', 'an even number, for sinusoids');
  if (task !== 'classification' && outputSize !== numVariables) {
    throw fail('output_size', `num_variables ${numVariables} for ${task}`);
  }
  if (config.weights === 'dense' && config.keepRatio !== 1) throw fail('keep_ratio', '1 for dense weights');
  if (config.keepRatio === 0) throw fail('keep_ratio', 'a number above 0 and at most 1');
  if (config.attention === 'step-t') {
    if (task === 'classification') throw fail('attention', '"full" for classification');
    if (config.windowLength < 2) throw fail('window_length', 'an integer >= 2 for step-t attention');
  }
  if (config.norm !== 'none' && config.normEpsilon === 0) throw fail('norm_epsilon', 'a number above 0');
  if (labels) {
    if (task !== 'classification') throw fail('labels', `none for ${task}`);
    if (labels.length !== outputSize) throw fail('labels', `${outputSize} names, as many as output_size says`);
    if (new Set(labels).size !== labels.length) throw fail('labels', 'names that differ');
  }
  if (config.threshold && task !== 'anomaly-detection') throw fail('threshold', `none for ${task}`);
}

/** The object of config.json. */
export function sbtConfigObject(config: SbtConfig): Record<string, unknown> {
  const snake = (key: string) => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  const fields = Object.entries(config).filter(([, value]) => value !== undefined);
  return { model_type: SBT_MODEL_TYPE, ...Object.fromEntries(fields.map(([key, value]) => [snake(key), value])) };
}
