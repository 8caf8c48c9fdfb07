import { mkdirSync, writeFileSync } from 'node:fs';
import { serializeSafetensors, type TensorToWrite } from '../../lib/io/safetensors.js';
import { numbers } from '../unit/models/sbt/synthetic.js';

/** The made-up forecasters of test/fixtures/mamba-forecaster: weights of a small generator, the same everywhere. */

const COMMON = {
  architectures: ['MambaForecaster'],
  model_type: 'mamba_forecaster',
  hidden_size: 8,
  num_hidden_layers: 2,
  state_size: 4,
  conv_kernel: 3,
  time_step_rank: 2,
};

export const FORECASTERS = {
  patches: {
    ...COMMON,
    context_length: 64,
    prediction_length: 6,
    quantiles: [0.1, 0.25, 0.5, 0.75, 0.9],
    patch_length: 4,
    use_bias: true,
  },
  points: { ...COMMON, context_length: 40, prediction_length: 3, quantiles: [0.2, 0.5, 0.8], use_conv_bias: false },
} as const;

export type ForecasterName = keyof typeof FORECASTERS;

export function forecasterFiles(name: ForecasterName): { readonly config: string; readonly weights: Uint8Array } {
  const config = FORECASTERS[name];
  return { config: `${JSON.stringify(config, null, 2)}\n`, weights: serializeSafetensors(tensorsOf(config)) };
}

export function writeForecaster(name: ForecasterName, directory: string): void {
  const { config, weights } = forecasterFiles(name);
  mkdirSync(directory, { recursive: true });
  writeFileSync(`${directory}/config.json`, config);
  writeFileSync(`${directory}/model.safetensors`, weights);
}

function tensorsOf(config: (typeof FORECASTERS)[ForecasterName]): TensorToWrite[] {
  const { hidden_size: hidden, state_size: states, conv_kernel: width, time_step_rank: rank } = config;
  const { quantiles, prediction_length: horizon } = config;
  const inner = 2 * hidden;
  const tensors: TensorToWrite[] = [];
  const add = (name: string, shape: number[], value: (x: number, i: number) => number) => {
    const data = numbers(
      shape.reduce((a, b) => a * b, 1),
      tensors.length + 1,
    ).map(value);
    tensors.push({ name, dtype: 'F32', shape, data });
  };
  const around = (middle: number, spread: number) => (x: number) => middle + spread * x;
  const linear = (name: string, out: number, input: number, bias: boolean) => {
    add(`${name}.weight`, [out, input], around(0, 1.5 / Math.sqrt(input)));
    if (bias) add(`${name}.bias`, [out], around(0, 0.3));
  };
  linear('input_projection', hidden, 2 * ('patch_length' in config ? config.patch_length : 1), true);
  for (let i = 0; i < config.num_hidden_layers; i++) {
    const layer = `backbone.layers.${i}`;
    const mixer = `${layer}.mixer`;
    const biases = 'use_bias' in config;
    add(`${layer}.norm.weight`, [hidden], around(1, 0.3));
    linear(`${mixer}.in_proj`, 2 * inner, hidden, biases);
    add(`${mixer}.conv1d.weight`, [inner, 1, width], around(0, 0.8));
    if (!('use_conv_bias' in config)) add(`${mixer}.conv1d.bias`, [inner], around(0, 0.3));
    linear(`${mixer}.x_proj`, rank + 2 * states, inner, false);
    linear(`${mixer}.dt_proj`, inner, rank, true);
    add(`${mixer}.A_log`, [inner, states], around(0, 1));
    add(`${mixer}.D`, [inner], around(1, 0.5));
    linear(`${mixer}.out_proj`, hidden, inner, biases);
  }
  add('backbone.norm_f.weight', [hidden], around(1, 0.3));
  // What differs between the levels is less than how far the biases of the levels are apart: quantiles ascend.
  add('head.weight', [quantiles.length * horizon, hidden], around(0, 0.02));
  add(
    'head.bias',
    [quantiles.length * horizon],
    (x, i) => Math.floor(i / horizon) + 0.1 * x - (quantiles.length - 1) / 2,
  );
  return tensors;
}
