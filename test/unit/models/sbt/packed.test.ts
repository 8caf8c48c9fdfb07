import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { TidemergeError } from '../../../../lib/errors.js';
import { ModelConfig, openSafetensors, WeightScope } from '../../../../lib/io/index.js';
import { SafetensorsFile, serializeSafetensors, type TensorToWrite } from '../../../../lib/io/safetensors.js';
import { checkSbtWeights } from '../../../../lib/models/sbt/check-weights.js';
import { sbtFromCheckpoint } from '../../../../lib/models/sbt/checkpoint.js';
import type { SbtConfig } from '../../../../lib/models/sbt/config.js';
import { packSbt, writeSbtModel } from '../../../../lib/models/sbt/pack.js';
import { readSbtConfig } from '../../../../lib/models/sbt/read-config.js';
import { readSbtWeights } from '../../../../lib/models/sbt/unpack.js';
import type { SbtWeights } from '../../../../lib/models/sbt/weights.js';
import { checkpointTensors, DENSE, FORECAST, numbers, SPARSE, scopeOf } from './synthetic.js';

const standardization = { mean: Float32Array.of(1, -2, 3), scale: Float32Array.of(0.5, 1, 2) };

function modelOf(config: SbtConfig): SbtWeights {
  return { ...sbtFromCheckpoint(config, scopeOf(checkpointTensors(config))), standardization };
}

/** Writes, edits, reads. */
function reread(config: SbtConfig, weights: SbtWeights, edit: (file: Edited) => void = () => {}): SbtWeights {
  const { tensors, metadata } = packSbt(config, weights);
  const file = { tensors: new Map(tensors.map((tensor) => [tensor.name, tensor])), metadata: { ...metadata } };
  edit(file);
  const bytes = serializeSafetensors(file.tensors.values(), file.metadata);
  return readSbtWeights(config, new WeightScope(SafetensorsFile.parse(bytes, 'model.safetensors')));
}
interface Edited {
  readonly tensors: Map<string, TensorToWrite>;
  readonly metadata: Record<string, string>;
}

describe('packed models', () => {
  it.each([
    ['classification', SPARSE],
    ['forecasting', FORECAST],
    ['dense', DENSE],
  ])('come back bit by bit: %s', (_, config) => {
    const weights = modelOf(config);
    expect(reread(config, weights)).toEqual(weights);
    expect(reread(config, { ...weights, standardization: undefined }).standardization).toBeUndefined();
  });

  it('come back from a folder', () => {
    const folder = join(mkdtempSync(join(tmpdir(), 'sbt-')), 'new', 'model');
    try {
      const config = { ...SPARSE, labels: ['up', 'down', 'left', 'right'] };
      const weights = modelOf(config);
      for (let i = 0; i < 2; i++) writeSbtModel(folder, config, weights);
      expect(readdirSync(folder).sort()).toEqual(['config.json', 'model.safetensors']);
      const read = readSbtConfig(ModelConfig.read(join(folder, 'config.json')));
      expect(read).toEqual(config);
      const store = openSafetensors(join(folder, 'model.safetensors'));
      expect(readSbtWeights(read, new WeightScope(store))).toEqual(weights);
      expect(store.names().length).toBe(8);
      store.close();
    } finally {
      rmSync(join(folder, '..', '..'), { recursive: true });
    }
  });

  it('store masks of activations once, by channel, where that says all', () => {
    const weights = modelOf(SPARSE);
    const bytes = (value: number) => new Uint8Array(5).fill(value);
    const set = { query: bytes(0x0f), key: bytes(0xaa), value: bytes(1) };
    const masked = (sets: readonly (typeof set)[]) => ({
      ...weights,
      layers: weights.layers.map((layer, i) => ({ ...layer, activationMasks: sets[i] })),
    });
    const shapeOf = (sets: readonly (typeof set)[]) => {
      expect(reread(SPARSE, masked(sets))).toEqual(masked(sets));
      return packSbt(SPARSE, masked(sets)).tensors.find(({ name }) => name === 'activation_masks')?.shape;
    };
    expect(shapeOf([set, set])).toEqual([1, 3, 1]);
    expect(shapeOf([set, { ...set, key: bytes(0) }])).toEqual([2, 3, 1]);
    const scattered = { ...set, value: Uint8Array.of(1, 1, 1, 1, 3) };
    expect(shapeOf([scattered, scattered])).toEqual([1, 3, 5]);
  });

  it('account for kept weights that are 0', () => {
    const tensors = checkpointTensors(SPARSE);
    const [weight, scores] = ['weight', 'scores'].map((part) => tensors.get(`decoder.${part}`)!.data as Float32Array);
    for (const at of [3, 17]) {
      weight![at] = 0;
      scores![at] = 9;
    }
    const weights = sbtFromCheckpoint(SPARSE, scopeOf(tensors));
    const zeros = packSbt(SPARSE, weights).tensors.find(({ name }) => name === 'zero_weights');
    expect(zeros?.data).toEqual(Int32Array.of(...Array(13).fill(0), 2));
    expect(reread(SPARSE, weights)).toEqual(weights);
  });
});

const data = (file: Edited, name: string) => file.tensors.get(name)!.data as Uint8Array;
const replace = (file: Edited, name: string, change: Partial<TensorToWrite>) =>
  file.tensors.set(name, { ...file.tensors.get(name)!, ...change });
const cut = (file: Edited, name: string, length: number) =>
  replace(file, name, { shape: [length], data: data(file, name).slice(0, length) });

describe('readSbtWeights', () => {
  // the embedding has 24 entries, 12 kept; query of layer 0 begins at byte 3 of the masks
  it.each<[string, SbtConfig, (file: Edited) => unknown, string, string]>([
    ['a bit more', SPARSE, (f) => (data(f, 'mask')[0] = 0xff), '"mask": matrix embedding: expected 12 ones', ''],
    ['a bit moved', SPARSE, (f) => data(f, 'mask').set([0, 0xff, 0xff]), 'matrix embedding: expected 12 ones', ''],
    ['another ratio', SPARSE, (f) => data(f, 'mask').fill(0, 3, 11), 'matrix layers.0.query: expected 32 ones', ''],
    [
      'a short mask',
      SPARSE,
      (f) => cut(f, 'mask', 90),
      '"mask": matrix "layers.1.contract": expected bytes 85 to 91',
      '',
    ],
    ['a long mask', SPARSE, (f) => replace(f, 'mask', { shape: [200], data: long(f, 'mask', 200) }), 'got 200', ''],
    ['short signs', SPARSE, (f) => cut(f, 'signs', 3), '"signs": matrix "layers.0.query": expected bytes 2 to 6', ''],
    [
      'bits behind the signs',
      SPARSE,
      (f) => (data(f, 'signs')[1]! |= 0x80),
      'embedding: signs: .*zeros behind bit 12',
      '',
    ],
    ['an alpha of 0', SPARSE, (f) => (data(f, 'alpha')[2] = 0), '"alpha": expected numbers > 0, got 0 at 2', ''],
    [
      'an alpha of NaN',
      SPARSE,
      (f) => (data(f, 'alpha')[13] = NaN),
      '"alpha": expected finite numbers, got NaN at 13',
      '',
    ],
    [
      'too few alphas',
      SPARSE,
      (f) => replace(f, 'alpha', { shape: [2], data: Float32Array.of(1, 1) }),
      'shape \\[14\\]',
      '',
    ],
    ['a strange flag', SPARSE, (f) => (data(f, 'biased')[1] = 2), '"biased": expected 0 or 1, got 2 at 1', ''],
    ['biases without flags', SPARSE, (f) => f.tensors.delete('biased'), '"bias": expected no tensor of this name', ''],
    ['another flag', SPARSE, (f) => (data(f, 'biased')[1] = 0), '"bias": expected shape \\[56\\], got \\[64\\]', ''],
    ['a bias of infinity', SPARSE, (f) => (data(f, 'bias')[5] = -Infinity), '"bias": expected finite', ''],
    [
      'masks as floats',
      SPARSE,
      (f) => replace(f, 'mask', { dtype: 'F32', shape: [2], data: numbers(2, 1) }),
      'U8, got F32',
      '',
    ],
    [
      'bits behind activations',
      { ...SPARSE, windowLength: 1, dModel: 6, feedForwardSize: 8 },
      (f) => (data(f, 'activation_masks')[0]! |= 0x80),
      'layers.0.query: expected zeros behind bit 6',
      '',
    ],
    [
      'no activation masks',
      SPARSE,
      (f) => f.tensors.delete('activation_masks'),
      'a tensor "activation_masks", got none',
      '',
    ],
    ['a scale of 0', SPARSE, (f) => (data(f, 'standardization')[4] = 0), 'scale: .* > 0, got 0 at variable 1', ''],
    ['a norm of NaN', FORECAST, (f) => (data(f, 'norms')[0] = NaN), '"norms": expected finite', ''],
    [
      'another tensor',
      SPARSE,
      (f) => f.tensors.set('extra', { ...f.tensors.get('alpha')!, name: 'extra' }),
      '"extra": expected no',
      '',
    ],
    [
      'a missing dense matrix',
      DENSE,
      (f) => f.tensors.delete('layers.1.key.weight'),
      '"layers.1.key.weight", got none',
      '',
    ],
    ['no version', SPARSE, (f) => delete f.metadata['sbt.version'], 'expected metadata "sbt.version", got none', ''],
    ['no field', SPARSE, (f) => delete f.metadata['sbt.signs'], 'expected metadata "sbt.signs", got none', ''],
    [
      'dense weights',
      SPARSE,
      (f) => (f.metadata['sbt.matrices'] = 'dense'),
      '"sbt.matrices": expected "mask-signs"',
      '',
    ],
    [
      'a newer version',
      SPARSE,
      (f) => (f.metadata['sbt.version'] = '2'),
      '"sbt.version": expected "1", got "2"',
      'ERR_UNSUPPORTED',
    ],
    [
      'signs of a seed',
      SPARSE,
      (f) => (f.metadata['sbt.signs'] = 'seed'),
      '"sbt.signs": .* got "seed"',
      'ERR_UNSUPPORTED',
    ],
    [
      'a new field',
      SPARSE,
      (f) => (f.metadata['sbt.tiles'] = '4'),
      '"sbt.tiles": expected no such field',
      'ERR_UNSUPPORTED',
    ],
  ])('refuses %s', (_, config, edit, message, code) => {
    const run = () => reread(config, modelOf(config), edit);
    expect(run).toThrow(
      expect.objectContaining({
        code: code || 'ERR_BAD_MODEL',
        message: expect.stringMatching(`^model.safetensors: .*${message}`),
      }),
    );
  });

  function long(file: Edited, name: string, length: number): Uint8Array {
    const longer = new Uint8Array(length);
    longer.set(data(file, name));
    return longer;
  }
});

it('broken files are read whole or refused with a typed error', () => {
  let state = 7;
  const random = (below: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const count = { read: 0, refused: 0 };
  for (const config of [SPARSE, DENSE]) {
    const { tensors, metadata } = packSbt(config, modelOf(config));
    const whole = serializeSafetensors(tensors, metadata);
    for (let i = 0; i < 400; i++) {
      const bytes = whole.slice();
      // Every other time only the data, where the header's own checks see nothing.
      const from = i % 2 === 0 ? 0 : 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true));
      for (let changes = 1 + random(2); changes > 0; changes--) {
        bytes[from + random(bytes.length - from)]! ^= 1 << random(8);
      }
      try {
        const scope = new WeightScope(SafetensorsFile.parse(bytes, 'model.safetensors'));
        checkSbtWeights('read', config, readSbtWeights(config, scope));
        count.read++;
      } catch (error) {
        if (!(error instanceof TidemergeError) || error.message.startsWith('read: ')) throw error;
        count.refused++;
      }
    }
  }
  expect(Math.min(count.read, count.refused)).toBeGreaterThan(100);
});

describe('packSbt', () => {
  const weights = modelOf(SPARSE);
  it.each<[string, SbtConfig, SbtWeights, string]>([
    ['missing layers', SPARSE, { ...weights, layers: [] }, 'expected 2 layers, got 0'],
    ['weights of another kind', { ...SPARSE, weights: 'dense' }, weights, 'matrix embedding: expected dense weights'],
    ['matrices that keep more', { ...SPARSE, keepRatio: 0.25 }, weights, 'matrix embedding: expected at most 6 kept'],
    ['another size', { ...SPARSE, outputSize: 5 }, weights, 'matrix decoder: expected shape \\[5, 8\\], got \\[4,8\\]'],
    ['norms that nobody asked for', { ...SPARSE, norm: 'none' }, weights, 'layers.0: norms: expected none'],
    ['no positions', { ...SPARSE, positionCode: 'table' }, weights, 'positions: expected some'],
    [
      'masks in one layer',
      SPARSE,
      { ...weights, layers: [weights.layers[0]!, { ...weights.layers[1]!, activationMasks: undefined }] },
      'in all layers or in none, got 1 of 2',
    ],
    [
      'a short mean',
      SPARSE,
      { ...weights, standardization: { ...standardization, mean: new Float32Array(2) } },
      'mean: expected 3 numbers, got 2',
    ],
    [
      'a scale of 0',
      SPARSE,
      { ...weights, standardization: { ...standardization, scale: new Float32Array(3) } },
      'scale: expected numbers > 0, got 0',
    ],
  ])('refuses %s', (_, config, model, message) => {
    expect(() => packSbt(config, model)).toThrow(
      expect.objectContaining({ message: expect.stringMatching(`packSbt: .*${message}`) }),
    );
  });
});
