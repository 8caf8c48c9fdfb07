import { WeightScope } from '../../../../lib/io/index.js';
import { SafetensorsFile, serializeSafetensors, type TensorToWrite } from '../../../../lib/io/safetensors.js';
import type { SbtConfig } from '../../../../lib/models/sbt/config.js';

/** Small made-up models: as training checkpoints under the published names. */

export const SPARSE: SbtConfig = {
  task: 'classification',
  numVariables: 3,
  windowLength: 5,
  dModel: 8,
  numLayers: 2,
  numHeads: 2,
  feedForwardSize: 6,
  outputSize: 4,
  weights: 'sparse-binary',
  keepRatio: 0.5,
  attention: 'full',
  norm: 'batch',
  normEpsilon: 1e-5,
  positionCode: 'sinusoidal',
};

export const FORECAST: SbtConfig = {
  ...SPARSE,
  task: 'forecasting',
  outputSize: 3,
  keepRatio: 0.3,
  attention: 'step-t',
  norm: 'time',
};

export const DENSE: SbtConfig = {
  ...FORECAST,
  task: 'anomaly-detection',
  weights: 'dense',
  keepRatio: 1,
  attention: 'full',
  positionCode: 'table',
};

/** Numbers that are neither regular nor random: every test sees the same. */
export function numbers(count: number, seed: number): Float32Array {
  let state = (seed * 2654435761 + 12345) >>> 0;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1 || 0.5;
  });
}

export type Tensors = Map<string, TensorToWrite>;

export function checkpointTensors(config: SbtConfig): Tensors {
  const { numVariables, windowLength, dModel, feedForwardSize, outputSize, norm } = config;
  const tensors: Tensors = new Map();
  const add = (name: string, ...shape: number[]) => {
    const data = numbers(
      shape.reduce((a, b) => a * b, 1),
      tensors.size + 1,
    );
    tensors.set(name, { name, dtype: 'F32', shape, data });
    return data;
  };
  const linear = (name: string, out: number, inner: number, bias: boolean) => {
    add(`${name}.weight`, out, inner);
    if (config.weights === 'sparse-binary') add(`${name}.scores`, out, inner);
    if (bias || config.weights === 'dense') add(`${name}.bias`, out);
  };
  linear('embedding', dModel, numVariables, false);
  for (let i = 0; i < config.numLayers; i++) {
    const layer = `transformer_encoder.layers.${i}`;
    add(`${layer}.self_attn.in_proj_weight`, 3 * dModel, dModel);
    for (const name of ['linear_Q', 'linear_K', 'linear_V', 'out_proj']) {
      linear(`${layer}.self_attn.${name}`, dModel, dModel, true);
    }
    linear(`${layer}.linear1`, feedForwardSize, dModel, false);
    linear(`${layer}.linear2`, dModel, feedForwardSize, false);
    for (const n of [1, 2]) {
      const name = `${layer}.${norm === 'batch' ? 'bn' : 'norm'}${n}`;
      const size = norm === 'batch' ? dModel : windowLength;
      if (norm === 'none') continue;
      add(`${name}.weight`, size);
      add(`${name}.bias`, size);
      if (norm === 'time' && config.weights === 'sparse-binary') add(`${name}.scores`, size);
      if (norm !== 'batch') continue;
      add(`${name}.running_mean`, size);
      const variance = add(`${name}.running_var`, size);
      for (const [at, value] of variance.entries()) variance[at] = Math.abs(value);
    }
    if (config.task === 'classification') {
      for (const [at, letter] of [...'qkv'].entries()) {
        const name = `${layer}.self_attn.${letter}_act_mask`;
        const data = BigInt64Array.from([...Array(20).keys()], (j) =>
          BigInt((j * 2 + at + i) % (windowLength * dModel)),
        );
        tensors.set(name, { name, dtype: 'I64', shape: [20], data });
      }
    }
  }
  if (config.positionCode === 'table') add('pos_encoder.pe', windowLength + 3, 1, dModel);
  linear('decoder', outputSize, dModel, false);
  return tensors;
}

export function scopeOf(tensors: Tensors): WeightScope {
  return new WeightScope(SafetensorsFile.parse(serializeSafetensors(tensors.values()), 'model.safetensors'));
}
