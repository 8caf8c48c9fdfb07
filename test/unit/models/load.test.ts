import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Forecaster, type LoadProgress } from '../../../lib/index.js';
import type { TensorToWrite } from '../../../lib/io/safetensors.js';
import { ChronosBoltModel, ChronosT5Model } from '../../../lib/models/index.js';
import { type Edits, withEditedModel } from '../../models/edited-model.js';
import { expectRows, fixture, readGoldens } from '../../models/goldens.js';

const BOLT = fixture('chronos-bolt', 'random-bolt');
const TIED = fixture('chronos-t5', 'random-512');
const UNTIED = fixture('chronos-t5', 'random-untied');
const options = { backend: 'js' } as const;

async function refused(source: string, edits: Edits): Promise<{ code: string; message: string }> {
  return withEditedModel(source, edits, async (directory) => {
    try {
      await (await Forecaster.fromPretrained(directory, options)).dispose();
    } catch (error) {
      return error as { code: string; message: string };
    }
    throw new Error('it was loaded');
  });
}

async function loads(source: string, edits: Edits): Promise<string> {
  return withEditedModel(source, edits, async (directory) => {
    const forecaster = await Forecaster.fromPretrained(directory, options);
    await forecaster.predict([1, 2, 3], { predictionLength: 1, numSamples: 1 });
    await forecaster.dispose();
    return forecaster.modelName;
  });
}

function renamed(from: string, to: string) {
  return (tensors: TensorToWrite[]) => tensors.map((tensor) => ({ ...tensor, name: tensor.name.replace(from, to) }));
}

function without(...names: string[]) {
  return (tensors: TensorToWrite[]) => tensors.filter(({ name }) => !names.some((part) => name.includes(part)));
}

describe('a configuration that contradicts the weights', () => {
  // key in config.json, value there, what the message expects
  const bolt: [key: string, value: unknown, expected: RegExp][] = [
    ['d_model', 64, /32, the size of tensor encoder.final_layer_norm.weight, got 64/],
    ['d_kv', 16, /32 \/ num_heads \(4\), the size of .*, got 16/],
    ['num_heads', 8, /4, the size of tensor .*relative_attention_bias.weight, got 8/],
    ['d_ff', 65, /64, the size of .*wo.weight, got 65/],
    ['num_layers', 3, /2, the number of encoder.block tensors, got 3/],
    ['num_decoder_layers', 1, /2, the number of decoder.block tensors, got 1/],
    ['relative_attention_num_buckets', 16, /32, the size of .*, got 16/],
    ['relative_attention_max_distance', 16, /more than half of relative_attention_num_buckets \(32\), got 16/],
    ['is_gated_act', true, /feed_forward_proj: expected a plain activation/],
    ['dense_act_fn', 'mish', /an activation out of relu, .*, got "mish"/],
    ['layer_norm_epsilon', 'small', /a finite number from 0 to 1, got "small"/],
    ['d_model', 32.5, /an integer from 1 to 1048576, got 32.5/],
    [
      'architectures',
      ['T5ForConditionalGeneration'],
      /\["ChronosBoltModelForForecasting"\], as the tensors are those of chronos-bolt, got/,
    ],
    ['chronos_pipeline_class', 'ChronosPipeline', /"ChronosBoltPipeline", as the tensors .*, got "ChronosPipeline"/],
    ['chronos_config', undefined, /an object, got nothing/],
    ['chronos_config.prediction_length', 32, /64, the size of tensor .* \(576\) \/ 9 quantiles, got 32/],
    ['chronos_config.quantiles', [0.1, 0.5, 0.6, 0.7, 0.9], /a count that divides 576/],
    ['chronos_config.quantiles', [0.5, 0.1, 0.9], /ascending numbers between 0 and 1/],
    ['chronos_config.quantiles', [], /ascending numbers between 0 and 1/],
    ['chronos_config.input_patch_size', 8, /16, half the width of .*, got 8/],
    ['chronos_config.use_reg_token', false, /true, as tensor shared.weight has 2 rows, got false/],
    ['chronos_config.context_length', 0, /an integer from 1 to 1048576, got 0/],
  ];
  const t5: typeof bolt = [
    ['vocab_size', 600, /512, the size of tensor shared.weight, got 600/],
    ['tie_word_embeddings', false, /true, as there is no tensor lm_head.weight, got false/],
    ['decoder_start_token_id', 512, /an integer from 0 to 511, got 512/],
    ['architectures', ['ChronosBoltModelForForecasting'], /\["T5ForConditionalGeneration"\]/],
    ['chronos_config', undefined, /an object, got nothing/],
    ['chronos_config.n_tokens', 513, /from 5 to 512, got 513/],
    ['chronos_config.eos_token_id', 2, /from 0 to 1, got 2/],
    ['chronos_config.tokenizer_kwargs.high_limit', -20, /a number above low_limit \(-15\), got -20/],
    ['chronos_config.top_p', 2, /top_p: expected a finite number/],
  ];
  const edit = (path: string, value: unknown) => (config: Record<string, never>) => {
    const keys = path.split('.');
    const last = keys.pop() as string;
    const section = keys.reduce((object, key) => object[key] as never, config);
    section[last] = value as never;
  };

  it.each(bolt)('chronos-bolt: %s = %o', async (key, value, expected) => {
    const { code, message } = await refused(BOLT, { config: edit(key, value) });
    expect([code, message]).toEqual(['ERR_BAD_MODEL', expect.stringMatching(expected)]);
    if (key !== 'is_gated_act') expect(message).toContain(`config.json: ${key}: expected `);
  });

  it.each(t5)('chronos-t5: %s = %o', async (key, value, expected) => {
    const { code, message } = await refused(TIED, { config: edit(key, value) });
    expect([code, message]).toEqual(['ERR_BAD_MODEL', expect.stringMatching(expected)]);
    expect(message).toContain(`config.json: ${key}: expected `);
  });

  it('other kinds of Chronos are refused by name', async () => {
    for (const [key, value] of [
      ['model_type', 'causal'],
      ['tokenizer_class', 'Quantiles'],
    ]) {
      const { code, message } = await refused(TIED, { config: edit(`chronos_config.${key}`, value) });
      expect([code, message]).toEqual(['ERR_UNSUPPORTED', expect.stringContaining(`${key}: expected `)]);
    }
  });
});

describe('which model it is', () => {
  it('is told by the tensors, whatever names are missing in the configuration', async () => {
    const config = (all: Record<string, unknown>) => {
      delete all.architectures;
      delete all.chronos_pipeline_class;
    };
    expect(await loads(BOLT, { config })).toBe('chronos-bolt');
    expect(await loads(UNTIED, { config })).toBe('chronos-t5');
  });

  it('another model is refused with what the configuration says of it', async () => {
    const { code, message } = await refused(BOLT, {
      config: (config) => {
        config.architectures = ['Chronos2Model'];
      },
      weights: without('decoder.'),
    });
    expect([code, message]).toEqual([
      'ERR_UNSUPPORTED',
      expect.stringMatching(/chronos-t5 .* chronos-bolt .*got \["Chronos2Model"\]/),
    ]);
  });

  it('the class of one model refuses the other', async () => {
    await expect(ChronosBoltModel.load(TIED, options)).rejects.toMatchObject({ code: 'ERR_BAD_MODEL' });
    await expect(ChronosT5Model.load(BOLT, options)).rejects.toMatchObject({ code: 'ERR_BAD_MODEL' });
  });
});

describe('weights', () => {
  it('a missing or misshapen tensor is named', async () => {
    const name = 'encoder.block.1.layer.0.SelfAttention.k.weight';
    const missing = await refused(BOLT, { weights: without(name) });
    expect(missing).toMatchObject({
      code: 'ERR_BAD_MODEL',
      message: expect.stringMatching(`model.safetensors: expected a tensor "${name}"`),
    });
    const narrow = (tensors: TensorToWrite[]) =>
      tensors.map((tensor) => (tensor.name === name ? { ...tensor, shape: [16, 64] } : tensor));
    const misshapen = await refused(BOLT, { weights: narrow });
    expect(misshapen).toMatchObject({
      code: 'ERR_BAD_MODEL',
      message: expect.stringMatching(`"${name}": expected shape \\[32, 32\\], got \\[16, 64\\]`),
    });
  });

  it('the embedding table may have another of its published names, and copies of it are no matter', async () => {
    expect(await loads(TIED, { weights: renamed('shared.weight', 'encoder.embed_tokens.weight') })).toBe('chronos-t5');
    const copy = (tensors: TensorToWrite[]) => [
      ...tensors,
      ...tensors
        .filter(({ name }) => name === 'shared.weight')
        .map((tensor) => ({ ...tensor, name: 'lm_head.weight' })),
    ];
    expect(await loads(TIED, { weights: copy })).toBe('chronos-t5');
  });

  it('files that are cut short, hostile or pickled are refused', async () => {
    await withEditedModel(BOLT, {}, async (directory) => {
      const file = join(directory, 'model.safetensors');
      truncateSync(file, 200_000);
      await expect(Forecaster.fromPretrained(directory, options)).rejects.toMatchObject({
        code: 'ERR_BAD_SAFETENSORS',
      });
      writeFileSync(file, Buffer.from('ffffffffffffff7f7b7d', 'hex'));
      await expect(Forecaster.fromPretrained(directory, options)).rejects.toMatchObject({
        code: 'ERR_BAD_SAFETENSORS',
      });
      writeFileSync(join(directory, 'config.json'), '{"d_model": ');
      await expect(Forecaster.fromPretrained(directory, options)).rejects.toMatchObject({
        code: expect.stringMatching(/^ERR_BAD_/),
      });
    });
  });
});

describe('loading', () => {
  it('reports its progress', async () => {
    const seen: LoadProgress[] = [];
    const model = await ChronosBoltModel.load(BOLT, { ...options, onProgress: (progress) => seen.push(progress) });
    model.dispose();
    expect([seen[0]?.status, seen.at(-1)?.status]).toEqual(['initiate', 'done']);
    expect(seen.every(({ loaded }, i) => loaded >= (seen[i - 1]?.loaded ?? 0))).toBe(true);
    expect(seen.at(-1)?.loaded).toBe(seen.at(-1)?.total);
    expect(seen.at(-2)?.loaded).toBe(seen.at(-1)?.total);
    expect(seen[0]?.file).toMatch(/model\.safetensors$/);
  });

  it('stops at an abort, with its reason', async () => {
    const reason = new Error('enough');
    await expect(ChronosBoltModel.load(BOLT, { ...options, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const controller = new AbortController();
    const onProgress = ({ status }: LoadProgress) => status === 'progress' && controller.abort(reason);
    await expect(ChronosBoltModel.load(BOLT, { ...options, signal: controller.signal, onProgress })).rejects.toBe(
      reason,
    );
  });

  it('keeps matrices in bfloat16 when asked, which changes results a little', async () => {
    const goldens = readGoldens('chronos-bolt', 'random-bolt', 'cases.safetensors');
    const model = await ChronosBoltModel.load(BOLT, { ...options, dtype: 'bfloat16' });
    const { quantiles } = await model.forward({ context: goldens.floats('plain.context') });
    model.dispose();
    const expected = goldens.floats('plain.predictions').data;
    // Weights are rounded by at most 2^-9; a few roundings add up in about ten layers.
    const worst = expectRows('predictions', quantiles.data, expected, expected.length, 10 * 2 ** -9);
    expect(worst).toBeGreaterThan(1e-5);
  });

  it('is used up by dispose, which lets a run finish', async () => {
    const model = await ChronosBoltModel.load(BOLT, options);
    const context = { data: Float32Array.of(1, 2, 3), shape: [1, 3] };
    const running = model.forward({ context });
    model.dispose();
    model.dispose();
    await expect(model.forward({ context })).rejects.toMatchObject({ code: 'ERR_DISPOSED' });
    expect((await running).quantiles.data.every(Number.isFinite)).toBe(true);
  });
});
