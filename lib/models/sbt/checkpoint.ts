import type { Weight, WeightScope } from '../../io/weight-scope.js';
import { type AlphaRule, binarize, keepLargest } from './binarize.js';
import type { SbtConfig } from './config.js';
import { asBadModel, badTensor, finite, positive } from './model-checks.js';
import { isSinusoidal, POSITION_TABLE } from './positions.js';
import type { SbtActivationMasks, SbtLayerWeights, SbtLinear, SbtMatrix, SbtNorm, SbtWeights } from './weights.js';

export interface CheckpointOptions {
  /** How a matrix's scale follows from weights and scores. Default: its stored `alpha`, and 'mask' where it has none. */
  readonly alphaRule?: AlphaRule | undefined;
  /** Share of the entries that a LayerNorm with scores keeps. Default 0.5, as the paper. */
  readonly normKeepRatio?: number | undefined;
}

/**
 * Turns a training checkpoint (weights, scores, biases and norms under the published names) into the weights of the
 * forward pass: matrices binarized, running statistics of BatchNorm folded in, dropped entries of a pruned LayerNorm at
 * scale 0 (its shift stays dense). Dense checkpoints have no scores. `weights.unused()` afterwards names what was not read.
 *
 * Throws ERR_BAD_MODEL with file and tensor.
 */
export function sbtFromCheckpoint(
  config: SbtConfig,
  weights: WeightScope,
  options: CheckpointOptions = {},
): SbtWeights {
  const { numVariables, dModel, outputSize, numLayers } = config;
  const reader = new CheckpointReader(config, options);
  const encoder = weights.scope('transformer_encoder');
  return {
    embedding: reader.linear(weights, 'embedding', dModel, numVariables),
    layers: Array.from({ length: numLayers }, (_, i) => reader.layer(encoder.scope(`layers.${i}`))),
    decoder: reader.linear(weights, 'decoder', outputSize, dModel),
    positions: reader.positions(weights),
  };
}

class CheckpointReader {
  readonly #config: SbtConfig;
  readonly #options: CheckpointOptions;

  constructor(config: SbtConfig, options: CheckpointOptions) {
    this.#config = config;
    this.#options = options;
  }

  linear(parent: WeightScope, name: string, out: number, inner: number): SbtLinear {
    const scope = parent.scope(name);
    const bias = scope.takeOptional('bias', [out]);
    return { weight: this.#matrix(scope, out, inner), bias: bias && finite(scope, bias) };
  }

  layer(scope: WeightScope): SbtLayerWeights {
    const { dModel, feedForwardSize } = this.#config;
    const attention = scope.scope('self_attn');
    // The class it derives from has them; its own forward pass never reads them.
    attention.ignore('in_proj_weight', 'in_proj_bias');
    return {
      query: this.linear(attention, 'linear_Q', dModel, dModel),
      key: this.linear(attention, 'linear_K', dModel, dModel),
      value: this.linear(attention, 'linear_V', dModel, dModel),
      output: this.linear(attention, 'out_proj', dModel, dModel),
      expand: this.linear(scope, 'linear1', feedForwardSize, dModel),
      contract: this.linear(scope, 'linear2', dModel, feedForwardSize),
      norms: this.#norms(scope),
      activationMasks: this.#activationMasks(attention),
    };
  }

  /** [windowLength, dModel]: the first rows of the published table. */
  positions(scope: WeightScope): Float32Array | undefined {
    const { positionCode, windowLength, dModel } = this.#config;
    if (positionCode === 'none') return undefined;
    const stored = scope.info(POSITION_TABLE);
    if (positionCode === 'sinusoidal' && !stored) return undefined;
    const rows = Math.max(stored?.shape[0] ?? windowLength, windowLength);
    const table = scope.take(POSITION_TABLE, [rows, 1, dModel]);
    if (positionCode === 'table') return finite(scope, table).slice(0, windowLength * dModel);
    if (!isSinusoidal(table)) {
      throw badTensor(scope, POSITION_TABLE, 'expected the sinusoids of position_code "sinusoidal", got other numbers');
    }
    return undefined;
  }

  #matrix(scope: WeightScope, out: number, inner: number): SbtMatrix {
    const shape = [out, inner] as const;
    const weight = scope.take('weight', shape);
    const data = finite(scope, weight);
    if (this.#config.weights === 'dense') {
      if (scope.has('scores')) throw badTensor(scope, `${scope.prefix}scores`, 'expected none beside dense weights');
      return { kind: 'dense', shape, data };
    }
    const scores = { data: scope.take('scores', shape).load(), shape };
    const { alphaRule } = this.#options;
    const alpha = scope.takeOptional('alpha', scope.info('alpha')?.shape.length === 0 ? [] : [1]);
    const matrix = asBadModel(() =>
      binarize(
        { data, shape },
        scores,
        { keepRatio: this.#config.keepRatio, alpha: alphaRule },
        `${scope.source}: matrix ${scope.prefix.slice(0, -1)}`,
      ),
    );
    if (!alpha || alphaRule) return { kind: 'sparse-binary', matrix };
    return { kind: 'sparse-binary', matrix: { ...matrix, alpha: positive(scope, alpha)[0] as number } };
  }

  #norms(scope: WeightScope): readonly [SbtNorm, SbtNorm] | undefined {
    const { norm } = this.#config;
    if (norm === 'none') return undefined;
    const [first, second] = norm === 'batch' ? ['bn1', 'bn2'] : ['norm1', 'norm2'];
    const read = (name: string) => (norm === 'batch' ? this.#batchNorm : this.#timeNorm).call(this, scope.scope(name));
    return [read(first as string), read(second as string)];
  }

  /** (x - mean) / sqrt(variance + epsilon) · weight + bias as one product and one sum. */
  #batchNorm(scope: WeightScope): SbtNorm {
    const { dModel, normEpsilon } = this.#config;
    const take = (name: string) => finite(scope, scope.take(name, [dModel]));
    const [weight, bias, mean, variance] = [take('weight'), take('bias'), take('running_mean'), take('running_var')];
    scope.ignore('num_batches_tracked');
    const negative = variance.findIndex((value) => value < 0);
    if (negative >= 0) {
      throw badTensor(scope, `${scope.prefix}running_var`, `expected no negative variance, got one at ${negative}`);
    }
    const scale = Float64Array.from(weight, (value, i) => value / Math.sqrt((variance[i] as number) + normEpsilon));
    const shift = bias.map((value, i) => value - (mean[i] as number) * (scale[i] as number));
    return { scale: Float32Array.from(scale), shift };
  }

  #timeNorm(scope: WeightScope): SbtNorm {
    const { windowLength } = this.#config;
    const scale = finite(scope, scope.take('weight', [windowLength]));
    const shift = finite(scope, scope.take('bias', [windowLength]));
    const scores = scope.takeOptional('scores', [windowLength])?.load();
    if (!scores) return { scale, shift };
    const { normKeepRatio = 0.5 } = this.#options;
    const who = `${scope.source}: norm ${scope.prefix.slice(0, -1)}: scores`;
    const kept = asBadModel(() => keepLargest(scores, normKeepRatio, who));
    return { scale: scale.map((value, i) => (kept[i] === 1 ? value : 0)), shift };
  }

  #activationMasks(scope: WeightScope): SbtActivationMasks | undefined {
    const names = ['q_act_mask', 'k_act_mask', 'v_act_mask'];
    if (!names.some((name) => scope.has(name))) return undefined;
    const [query, key, value] = names.map((name) => {
      const weight = scope.take(name, scope.info(name)?.shape.slice(0, 1) ?? []);
      return this.#bitmap(scope, weight);
    });
    return { query: query!, key: key!, value: value! };
  }

  /** Flat positions step · dModel + channel as a bitmap [windowLength, dModel]. */
  #bitmap(scope: WeightScope, weight: Weight): Uint8Array {
    const { windowLength, dModel } = this.#config;
    const count = windowLength * dModel;
    const { data } = weight.loadRaw();
    if (!(data instanceof BigInt64Array || data instanceof Int32Array)) {
      throw badTensor(scope, weight.name, `expected I64 or I32 positions, got ${weight.dtype}`);
    }
    const bits = new Uint8Array(Math.ceil(count / 8));
    for (const position of data) {
      if (position < 0 || position >= count) {
        throw badTensor(scope, weight.name, `expected positions below ${count}, got ${position}`);
      }
      const at = Number(position);
      bits[at >> 3]! |= 1 << (at & 7);
    }
    return bits;
  }
}
