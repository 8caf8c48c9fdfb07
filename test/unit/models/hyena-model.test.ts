import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createBackend } from '../../../lib/backend/select.js';
import { ModelConfig, openSafetensors, WeightScope } from '../../../lib/io/index.js';
import type { TensorToWrite } from '../../../lib/io/safetensors.js';
import { readHyenaConfig } from '../../../lib/models/hyena/config.js';
import { loadHyenaWeights } from '../../../lib/models/hyena/weights.js';
import { HyenaModel } from '../../../lib/models/index.js';
import { poolScores } from '../../../lib/models/pooled-scores.js';
import { WeightLoader } from '../../../lib/models/weight-loader.js';
import { type Edits, withEditedModel } from '../../models/edited-model.js';
import { expectRows, fixture, readGoldens } from '../../models/goldens.js';

const TINY = fixture('hyena', 'tiny');
const options = { backend: 'js' } as const;
const ids = (...data: number[]) => ({ data: Int32Array.from(data), shape: [1, data.length] });

type Rename = (name: string) => string;
const renamed = (rename: Rename) => (tensors: TensorToWrite[]) =>
  tensors.map((tensor) => ({ ...tensor, name: rename(tensor.name) }));

/** The published forms of the same tensors. */
const SCHEMES: [string, (tensors: TensorToWrite[]) => TensorToWrite[]][] = [
  ['standalone', (tensors) => tensors],
  // safetensors stores the shared frequencies once, under any of their names.
  [
    'huggingface',
    (tensors) => {
      const once = tensors.filter(({ name }) => !/implicit_filter\.[13]\.freq/.test(name) && !name.startsWith('head.'));
      const named = renamed((name) => `hyena.${name}`)(once);
      const embedding = named.find(({ name }) => name.endsWith('word_embeddings.weight'))!;
      return [...named, { ...embedding, name: 'lm_head.weight' }];
    },
  ],
  ['checkpoint', renamed((name) => `model.${name}`)],
  ['checkpointed mixer', renamed((name) => `model.${name.replace(/\.(mixer|mlp)\./, '.$1.layer.')}`)],
];

describe('weights under published names', () => {
  it.each(SCHEMES)('%s: the same result, and no tensor is left', async (_, weights) => {
    const golden = readGoldens('hyena', 'tiny', 'cases.safetensors');
    await withEditedModel(TINY, { weights }, async (directory) => {
      const model = await HyenaModel.load(directory, options);
      const inputIds = golden.integers('len17.input_ids');
      const { logits } = await model.forward({ inputIds, head: 'lm' });
      model.dispose();
      for (const [i, value] of golden.floats('len17.lm_logits').data.entries()) {
        expect(Math.abs(logits!.data[i]! - value)).toBeLessThanOrEqual(1e-3);
      }
      const store = openSafetensors(`${directory}/model.safetensors`);
      const scope = new WeightScope(store);
      const loader = new WeightLoader(await createBackend(options), { dtype: 'float32' });
      await loadHyenaWeights(loader, scope, readHyenaConfig(ModelConfig.read(`${directory}/config.json`)));
      loader.dispose();
      store.close();
      expect(scope.unused()).toEqual([]);
    });
  });

  it('keeps matrices in bfloat16 when asked, which changes results a little', async () => {
    const golden = readGoldens('hyena', 'tiny', 'cases.safetensors');
    const model = await HyenaModel.load(TINY, { ...options, dtype: 'bfloat16' });
    const inputIds = golden.integers('len17.input_ids');
    const { lastHiddenState } = await model.forward({ inputIds, lastHiddenState: true });
    model.dispose();
    const expected = golden.floats('len17.hidden').data;
    // Weights are rounded by at most 2^-9; a few roundings add up in nine matrices one behind the other.
    const worst = expectRows('hidden', lastHiddenState!.data, expected, expected.length, 9 * 2 ** -9);
    expect(worst).toBeGreaterThan(1e-4);
  });

  it('a classifier of transformers reads the last token', async () => {
    const weights = (tensors: TensorToWrite[]) => [
      ...tensors
        .filter(({ name }) => !name.startsWith('head.'))
        .map((tensor) => ({ ...tensor, name: `hyena.${tensor.name}` })),
      { name: 'score.weight', dtype: 'F32', shape: [1, 32], data: new Float32Array(32).fill(1) } as TensorToWrite,
    ];
    await withEditedModel(TINY, { weights }, async (directory) => {
      const model = await HyenaModel.load(directory, options);
      const { logits, lastHiddenState } = await model.forward({ inputIds: ids(7, 8, 9), lastHiddenState: true });
      model.dispose();
      const sum = lastHiddenState!.data.subarray(64).reduce((total, value) => total + value, 0);
      expect(logits!.shape).toEqual([1, 1]);
      expect(logits!.data[0]).toBeCloseTo(sum, 3);
    });
  });
});

describe('poolScores', () => {
  it('counts a token by its size, or takes the last', () => {
    const scores = Float32Array.of(1, 2, 4, 8, 5, 5);
    const offsets = Int32Array.of(0, 2, 3);
    const pooled = (pooling: 'mean' | 'last', sizes?: Float32Array) => [
      ...poolScores(scores, offsets, sizes, { pooling, labels: 2 }).data,
    ];
    expect(pooled('mean')).toEqual([2.5, 5, 5, 5]);
    expect(pooled('mean', Float32Array.of(3, 1, 2))).toEqual([1.75, 3.5, 5, 5]);
    expect(pooled('last', Float32Array.of(3, 1, 2))).toEqual([4, 8, 5, 5]);
  });
});

async function refused(edits: Edits): Promise<{ code: string; message: string }> {
  return withEditedModel(TINY, edits, async (directory) => {
    try {
      (await HyenaModel.load(directory, options)).dispose();
    } catch (error) {
      return error as { code: string; message: string };
    }
    throw new Error('it was loaded');
  });
}

describe('a directory that is no HyenaDNA', () => {
  const set = (key: string, value: unknown) => (config: Record<string, unknown>) => {
    config[key] = value;
  };
  it.each<[string, Edits, RegExp]>([
    ['layers', { config: set('n_layer', 3) }, /n_layer: expected 2, the number of layers of the tensors, got 3/],
    ['width', { config: set('d_model', 64) }, /word_embeddings.weight": expected shape \[16, 64\], got \[16, 32\]/],
    [
      'length',
      { config: (c) => set('l_max', 99)(c.layer) },
      /pos_emb.z": expected shape \[1, 99, 5\], got \[1, 1026, 5\]/,
    ],
    [
      'classes',
      { config: set('architectures', ['MambaForCausalLM']) },
      /architectures: expected \["HyenaDNAForCausalLM"\]/,
    ],
    ['tensors', { weights: renamed((name) => name.replace('mixer', 'mix')) }, /expected the tensors of hyena/],
    ['frequency', { weights: (all) => all.filter(({ name }) => !name.endsWith('freq')) }, /implicit_filter.1.freq/],
  ])('%s', async (_, edits, message) => {
    expect(await refused(edits)).toMatchObject({ code: 'ERR_BAD_MODEL', message: expect.stringMatching(message) });
  });

  it('takes a classifier for what it is', async () => {
    await withEditedModel(
      TINY,
      { config: set('architectures', ['HyenaDNAForSequenceClassification']) },
      async (path) => {
        (await HyenaModel.load(path, options)).dispose();
      },
    );
  });
});

describe('bad input', () => {
  let model: HyenaModel;
  beforeAll(async () => {
    model = await HyenaModel.load(TINY, options);
  });
  afterAll(() => model.dispose());

  it.each<[string, object, string, RegExp]>([
    ['an id outside', { inputIds: ids(7, 16) }, 'ERR_INVALID_ARGUMENT', /embedding: .*16/],
    ['an id below 0', { inputIds: ids(-1) }, 'ERR_INVALID_ARGUMENT', /embedding: .*-1/],
    ['neither', {}, 'ERR_INVALID_ARGUMENT', /either inputIds or inputsEmbeds, got neither/],
    ['letters', { inputIds: 'ACGT' }, 'ERR_INVALID_ARGUMENT', /inputIds: expected \{ data, shape \}/],
    [
      'a rank',
      { inputIds: { data: Int32Array.of(7), shape: [1] } },
      'ERR_INVALID_SHAPE',
      /expected shape \[any, any\]/,
    ],
    [
      'a width',
      { inputsEmbeds: { data: new Float32Array(8), shape: [1, 1, 8] } },
      'ERR_INVALID_SHAPE',
      /\[any, any, 32\], got \[1, 1, 8\]/,
    ],
    ['no token', { inputIds: ids() }, 'ERR_INVALID_ARGUMENT', /series 0: expected at least 1 for a classifier, got 0/],
    [
      'too many',
      { inputIds: ids(...new Array(1027).fill(7)) },
      'ERR_INVALID_ARGUMENT',
      /series 0: expected at most 1026, the length of its filters, got 1027/,
    ],
    ['a head', { inputIds: ids(7), head: 'tail' }, 'ERR_INVALID_ARGUMENT', /'lm', 'classifier' or 'none', got "tail"/],
    ['proportional', { inputIds: ids(7), merging: { r: 1, proportional: true } }, 'ERR_UNSUPPORTED', /no attention/],
    ['a decoder', { inputIds: ids(7), merging: { r: 1, where: 'decoder' } }, 'ERR_UNSUPPORTED', /one stack of blocks/],
  ])('%s', async (_, inputs, code, message) => {
    await expect(model.forward(inputs)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });

  it('has no logits of nothing', async () => {
    const { logits } = await model.forward({ inputIds: ids(), head: 'lm' });
    expect(logits).toEqual({ data: new Float32Array(0), shape: [1, 0, 16] });
  });

  it('leaves places of padding where they are, with nothing merged', async () => {
    const inputIds = { data: Int32Array.of(7, 8, 9, 10, 7, 7, 8, 9), shape: [2, 4] };
    const attentionMask = { data: Int32Array.of(1, 1, 1, 1, 0, 1, 1, 1), shape: [2, 4] };
    const inputs = { inputIds, attentionMask, lastHiddenState: true, head: 'lm' } as const;
    const asked = await model.forward({ ...inputs, unmerge: false });
    expect(asked.logits!.data.length).toBe(2 * 4 * 16);
    expect(asked).toEqual(await model.forward(inputs));
  });

  it('cannot stream, and says why', () => {
    expect(() => model.stream()).toThrow(
      expect.objectContaining({ code: 'ERR_UNSUPPORTED', message: expect.stringMatching(/no state of constant size/) }),
    );
  });

  it('a checkpoint without a classifier says so', async () => {
    const weights = (all: TensorToWrite[]) => all.filter(({ name }) => !name.startsWith('head.'));
    await withEditedModel(TINY, { weights }, async (directory) => {
      const bare = await HyenaModel.load(directory, options);
      expect([bare.labels, model.labels]).toEqual([undefined, 2]);
      const forward = bare.forward({ inputIds: ids(7), head: 'classifier' });
      await expect(forward).rejects.toMatchObject({ code: 'ERR_UNSUPPORTED' });
      // It still has to evaluate its filters.
      const begun = bare.forward({ inputIds: ids(7) });
      bare.dispose();
      bare.dispose();
      expect((await begun).logits!.shape).toEqual([1, 1, 16]);
      await expect(bare.forward({ inputIds: ids(7) })).rejects.toMatchObject({ code: 'ERR_DISPOSED' });
    });
  });

  it('an abort ends the evaluation of the filters, and the next call is unharmed', async () => {
    const fresh = await HyenaModel.load(TINY, options);
    const controller = new AbortController();
    const reason = new Error('enough');
    const stopped = fresh.forward({ inputIds: ids(7, 8) }, { signal: controller.signal });
    controller.abort(reason);
    const longer = fresh.forward({ inputIds: ids(7, 8, 9) });
    await expect(stopped).rejects.toBe(reason);
    expect((await longer).logits!.data.every(Number.isFinite)).toBe(true);
    fresh.dispose();
  });
});
