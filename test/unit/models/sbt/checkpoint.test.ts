import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ModelConfig, openSafetensors, WeightScope } from '../../../../lib/io/index.js';
import { binarize } from '../../../../lib/models/sbt/binarize.js';
import { type CheckpointOptions, sbtFromCheckpoint } from '../../../../lib/models/sbt/checkpoint.js';
import { readCheckpointConfig } from '../../../../lib/models/sbt/checkpoint-config.js';
import type { SbtConfig } from '../../../../lib/models/sbt/config.js';
import { sinusoids } from '../../../../lib/models/sbt/positions.js';
import type { SbtMatrix, SbtWeights } from '../../../../lib/models/sbt/weights.js';
import { denseFromSparseBinary } from '../../../../lib/tensor/sparse-binary.js';
import { readGoldenFile, sharedFolder } from '../../../models/goldens.js';
import { checkpointTensors, DENSE, FORECAST, SPARSE, scopeOf, type Tensors } from './synthetic.js';

const LINEARS = {
  query: 'self_attn.linear_Q',
  key: 'self_attn.linear_K',
  value: 'self_attn.linear_V',
  output: 'self_attn.out_proj',
  expand: 'linear1',
  contract: 'linear2',
} as const;

/** Every matrix under its published name. */
function matricesOf(weights: SbtWeights): Map<string, SbtMatrix> {
  const matrices = new Map([['embedding', weights.embedding.weight]]);
  for (const [i, layer] of weights.layers.entries()) {
    for (const [key, name] of Object.entries(LINEARS)) {
      matrices.set(`transformer_encoder.layers.${i}.${name}`, layer[key as keyof typeof LINEARS].weight);
    }
  }
  return matrices.set('decoder', weights.decoder.weight);
}

function read(config: SbtConfig, edit: (tensors: Tensors) => void = () => {}, options: CheckpointOptions = {}) {
  const tensors = checkpointTensors(config);
  edit(tensors);
  const scope = scopeOf(tensors);
  const weights = sbtFromCheckpoint(config, scope, options);
  const floats = (name: string) => tensors.get(name)?.data as Float32Array;
  return { tensors, scope, weights, floats };
}

describe('sbtFromCheckpoint', () => {
  it('binarizes every matrix of its own weights and scores', () => {
    const { tensors, scope, weights, floats } = read(SPARSE, () => {}, { alphaRule: 'score' });
    const matrices = matricesOf(weights);
    expect(matrices.size).toBe(14);
    for (const [name, matrix] of matrices) {
      const shape = tensors.get(`${name}.weight`)?.shape as number[];
      const [weight, scores] = ['weight', 'scores'].map((part) => ({ data: floats(`${name}.${part}`), shape }));
      expect(matrix).toEqual({
        kind: 'sparse-binary',
        matrix: binarize(weight!, scores!, { keepRatio: 0.5, alpha: 'score' }),
      });
    }
    expect(weights.layers[1]!.key.bias).toEqual(floats('transformer_encoder.layers.1.self_attn.linear_K.bias'));
    expect(weights.embedding.bias ?? weights.layers[0]!.expand.bias).toBeUndefined();
    expect(scope.unused()).toEqual([]);
  });

  it('folds the statistics of BatchNorm in', () => {
    const { weights, floats } = read(SPARSE);
    const at = (name: string) => floats(`transformer_encoder.layers.1.bn2.${name}`)[3] as number;
    const [, { scale, shift }] = weights.layers[1]!.norms!;
    for (const x of [0, 1, -2.5]) {
      const expected = ((x - at('running_mean')) / Math.sqrt(at('running_var') + 1e-5)) * at('weight') + at('bias');
      // one float32 rounding each of scale and shift
      const bound = 2 ** -23 * (Math.abs(x * scale[3]!) + Math.abs(shift[3]!));
      expect(Math.abs(x * scale[3]! + shift[3]! - expected)).toBeLessThanOrEqual(bound);
    }
  });

  it('drops entries of a pruned LayerNorm, not of its shift', () => {
    const name = 'transformer_encoder.layers.0.norm1';
    const edit = (tensors: Tensors) => tensors.get(`${name}.scores`)!.data.set([5, -1, 3, 0.5, -4] as never);
    const norm = (normKeepRatio?: number) => {
      const { weights, floats } = read(FORECAST, edit, { normKeepRatio });
      expect(weights.layers[0]!.norms![0].shift).toEqual(floats(`${name}.bias`));
      return Array.from(weights.layers[0]!.norms![0].scale, (value, i) => value === floats(`${name}.weight`)[i]);
    };
    expect(norm()).toEqual([true, false, true, false, true]); // int(0.5 · 5) = 2 dropped
    expect(norm(0.2)).toEqual([true, false, false, false, false]);
    expect(norm(1)).toEqual([true, true, true, true, true]);
  });

  it('reads the fixed masks of activations', () => {
    const { activationMasks } = read(SPARSE).weights.layers[0]!;
    expect([...activationMasks!.query]).toEqual([0x55, 0x55, 0x55, 0x55, 0x55]);
    expect([...activationMasks!.key]).toEqual([0xaa, 0xaa, 0xaa, 0xaa, 0xaa]);
    expect(read(FORECAST).weights.layers[0]!.activationMasks).toBeUndefined();
  });

  it('takes a stored alpha unless a rule is asked for', () => {
    const stored = (tensors: Tensors) =>
      tensors.set('decoder.alpha', { name: 'decoder.alpha', dtype: 'F32', shape: [1], data: Float32Array.of(0.25) });
    const alpha = (options: CheckpointOptions) =>
      (read(SPARSE, stored, options).weights.decoder.weight as { matrix: { alpha: number } }).matrix.alpha;
    expect(alpha({})).toBe(0.25);
    expect(alpha({ alphaRule: 'mask' })).not.toBe(0.25);
  });

  it('reads dense models with biases and the rows of their position table that a window has', () => {
    const { scope, weights, floats } = read(DENSE);
    expect(matricesOf(weights).get('transformer_encoder.layers.1.linear1')).toEqual({
      kind: 'dense',
      shape: [6, 8],
      data: floats('transformer_encoder.layers.1.linear1.weight'),
    });
    expect(weights.embedding.bias).toEqual(floats('embedding.bias'));
    expect(weights.positions).toEqual(floats('pos_encoder.pe').slice(0, 40));
    expect(scope.unused()).toEqual([]);
  });

  const set = (name: string, at: number, value: number) => (tensors: Tensors) => {
    tensors.get(name)!.data[at] = value;
  };
  const layer = 'transformer_encoder.layers.1';
  it.each([
    ['a missing tensor', SPARSE, (t: Tensors) => t.delete('decoder.scores'), 'a tensor "decoder.scores", got none'],
    ['another size', { ...SPARSE, feedForwardSize: 7 }, null, 'linear1.weight": expected shape \\[7, 8\\]'],
    ['a score of NaN', SPARSE, set(`${layer}.linear2.scores`, 3, NaN), `matrix ${layer}.linear2: scores: .*NaN at 3`],
    ['a weight of infinity', SPARSE, set('decoder.weight', 1, Infinity), '"decoder.weight": .*Infinity at 1'],
    ['a negative variance', SPARSE, set(`${layer}.bn1.running_var`, 2, -1), 'bn1.running_var": .*at 2'],
    ['a mask beyond the window', { ...SPARSE, windowLength: 4 }, null, 'q_act_mask": expected positions below 32'],
    [
      'scores of a dense model',
      { ...SPARSE, weights: 'dense', keepRatio: 1 },
      null,
      '"embedding.scores": .*none beside',
    ],
    ['a short position table', { ...DENSE, windowLength: 9, norm: 'none' }, null, 'expected shape \\[9, 1, 8\\]'],
    ['a learned table for sinusoids', { ...DENSE, positionCode: 'sinusoidal' }, null, 'expected the sinusoids'],
  ])('refuses %s', (_, config, edit, message) => {
    const tensors = checkpointTensors({
      ...(config as SbtConfig),
      ...(edit === null && pristine(config as SbtConfig)),
    });
    edit?.(tensors);
    const run = () => sbtFromCheckpoint(config as SbtConfig, scopeOf(tensors));
    expect(run).toThrow(
      expect.objectContaining({
        code: 'ERR_BAD_MODEL',
        message: expect.stringMatching(`^model.safetensors: .*${message}`),
      }),
    );
  });

  /** Tensors of another configuration than the one they are read with. */
  function pristine({ task }: SbtConfig): SbtConfig {
    return { classification: SPARSE, forecasting: FORECAST, 'anomaly-detection': DENSE }[task];
  }
});

describe('readCheckpointConfig', () => {
  const short = { task: 'forecast', m: 3, w: 5, d: 8, heads: 2, ffn: 6, lin_prune_rate: 0.3 };
  const of = (object: object, tensors: Tensors) =>
    readCheckpointConfig(ModelConfig.parse(JSON.stringify(object)), scopeOf(tensors));

  it('reads the short form, and from the tensors what it does not say', () => {
    expect(of(short, checkpointTensors(FORECAST))).toEqual({
      config: FORECAST,
      normKeepRatio: 0.5,
      standardization: undefined,
    });
    const classes = { ...short, task: 'classification', classes: 4, lin_prune_rate: 0.5, layer_norm_prune_rate: 1 };
    expect(of(classes, checkpointTensors(SPARSE))).toMatchObject({ config: SPARSE, normKeepRatio: 1 });
    expect(of({ ...short, task: 'anomaly' }, checkpointTensors(DENSE)).config).toEqual(DENSE);
  });

  it('knows a stored table of sinusoids', () => {
    const tensors = checkpointTensors(DENSE);
    tensors.get('pos_encoder.pe')!.data.set(sinusoids(8, 8) as never);
    expect(of({ ...short, task: 'anomaly' }, tensors).config.positionCode).toBe('sinusoidal');
  });

  it('reads mean and scale of the data', () => {
    const { standardization } = of({ ...short, mean: [0, 1, 2], scale: [1, 0.5, 3] }, checkpointTensors(FORECAST));
    expect(standardization).toEqual({ mean: Float32Array.of(0, 1, 2), scale: Float32Array.of(1, 0.5, 3) });
  });

  it.each([
    [{ ...short, mean: [0, 1, 2] }, /scale: expected an array/],
    [{ ...short, mean: [0, 1], scale: [1, 1, 1] }, /mean: expected 3 numbers/],
    [{ ...short, mean: [0, 1, 2], scale: [1, 1, 0] }, /scale: expected numbers > 0/],
    [{ ...short, heads: 3 }, /heads: expected a divisor of d_model 8, got 3/],
    [{ ...short, lin_prune_rate: 0 }, /lin_prune_rate: expected a number above 0/],
    [{ ...short, task: 'detect' }, /task: expected one of/],
    [{ ...short, m: undefined }, /m: expected an integer/],
    [{ ...short, layer_norm_prune_rate: 0 }, /layer_norm_prune_rate: expected/],
  ])('refuses %j', (object, message) => {
    expect(() => of(object, checkpointTensors(FORECAST))).toThrow(message);
  });
});

const shared = sharedFolder('checkpoints of sparse binary transformers');
if (!shared) it.skip('checkpoints of sparse binary transformers: the folder is not there', () => {});
else {
  const golden = join(shared, 'golden', 'sbt');
  const names = readdirSync(golden).filter((name) => /^(cls|anomaly|forecast)_/.test(name));
  describe.each(names)('golden %s', (name) => {
    const derived = readGoldenFile(join(golden, name, 'derived.safetensors'));
    it.each([
      ['mask', 'alpha_published'],
      ['score', 'alpha_paper_era'],
    ] as const)('alpha by %s', (alphaRule, alphaName) => {
      const scope = new WeightScope(openSafetensors(join(golden, name, 'model.safetensors')));
      const { config, normKeepRatio } = readCheckpointConfig(
        ModelConfig.read(join(golden, name, 'config.json')),
        scope,
      );
      const weights = sbtFromCheckpoint(config, scope, { alphaRule, normKeepRatio });
      expect(scope.unused()).toEqual([]);
      for (const [matrixName, matrix] of matricesOf(weights)) {
        if (matrix.kind !== 'sparse-binary') throw new Error(`${matrixName} is dense`);
        const signs = Array.from(denseFromSparseBinary(matrix.matrix), Math.sign);
        if (derived.has(`${matrixName}.signed_mask`)) {
          expect(signs).toEqual(Array.from(derived.get(`${matrixName}.signed_mask`).data, (sign) => sign || 0));
        } else {
          const [mask, sign] = ['mask', 'sign'].map((part) => derived.floats(`${matrixName}.${part}`).data);
          expect(signs).toEqual(Array.from(mask!, (kept, i) => kept * sign![i]! || 0));
        }
        const [alpha] = derived.floats(`${matrixName}.${alphaName}`).data as unknown as [number];
        expect(Math.abs(matrix.matrix.alpha - alpha)).toBeLessThan(1e-5 * alpha);
      }
      const code = derived.floats('position_code').data;
      const differences = sinusoids(config.windowLength, config.dModel).map((value, i) => Math.abs(value - code[i]!));
      // a float32 frequency and a float32 angle at most the window's length
      expect(Math.max(...differences)).toBeLessThan(config.windowLength * 2 ** -22);
    });
  });
}
