import { describe, expect, it } from 'vitest';
import { MambaModel } from '../../../lib/models/index.js';
import { withEditedModel } from '../../models/edited-model.js';
import { fixture } from '../../models/goldens.js';

const folder = fixture('mamba', 'tiny-variant');
const ids = { inputIds: { data: Int32Array.of(3, 1, 4, 1, 5), shape: [1, 5] } };

async function logitsOf(directory: string) {
  const model = await MambaModel.load(directory, { backend: 'js' });
  const { logits } = await model.forward(ids);
  model.dispose();
  return logits!;
}

describe('MambaModel.load', () => {
  it('reads the keys and names of state-spaces/mamba', async () => {
    const edits = {
      config: (config: Record<string, unknown>) => {
        for (const key of Object.keys(config)) delete config[key];
        const mixer = { layer: 'Mamba1', expand: 3, d_state: 8, d_conv: 3, dt_rank: 5, bias: true, conv_bias: false };
        Object.assign(config, { d_model: 32, n_layer: 2, vocab_size: 49, pad_vocab_size_multiple: 10, ssm_cfg: mixer });
      },
      weights: (tensors: { name: string }[]) =>
        tensors.map((tensor) => ({ ...tensor, name: tensor.name.replace('embeddings', 'embedding') })) as never,
    };
    // Their epsilon is 1e-5, the fixture's 1e-6.
    const published = await withEditedModel(folder, { config: (c) => (c.layer_norm_epsilon = 1e-5) }, logitsOf);
    expect(await withEditedModel(folder, edits, logitsOf)).toEqual(published);
  });

  it('takes the embedding for a head where there is none', async () => {
    const tied = await withEditedModel(
      folder,
      { weights: (tensors) => tensors.filter(({ name }) => name !== 'lm_head.weight') },
      logitsOf,
    );
    const head = await withEditedModel(
      folder,
      {
        weights: (tensors) => {
          const table = tensors.find(({ name }) => name === 'backbone.embeddings.weight')!;
          return tensors.map((tensor) => (tensor.name === 'lm_head.weight' ? { ...table, name: tensor.name } : tensor));
        },
      },
      logitsOf,
    );
    expect(tied).toEqual(head);
  });

  it('names the tensor a configuration does not fit', async () => {
    const wrong = withEditedModel(folder, { config: (config) => (config.state_size = 16) }, logitsOf);
    await expect(wrong).rejects.toThrow(/A_log.*expected shape \[96, 16\]|x_proj.weight.*expected shape \[37, 96\]/);
    await expect(wrong).rejects.toMatchObject({ code: 'ERR_BAD_MODEL' });
  });

  it('reads Mamba-2 of state-spaces/mamba, whose norm works by group', async () => {
    const source = fixture('mamba', 'mamba2-tiny');
    const asTheirs = (ngroups: number) => ({
      config: (config: Record<string, unknown>) => {
        for (const key of Object.keys(config)) delete config[key];
        const mixer = { layer: 'Mamba2', d_state: 32 / ngroups, headdim: 8, ngroups };
        Object.assign(config, { d_model: 32, n_layer: 2, vocab_size: 64, ssm_cfg: mixer });
      },
    });
    const published = await withEditedModel(source, {}, logitsOf);
    const grouped = await withEditedModel(source, asTheirs(2), logitsOf);
    expect(grouped.shape).toEqual(published.shape);
    expect(grouped.data).not.toEqual(published.data);
    // One group of twice the states has the same tensors; its norm is that of transformers.
    const widened = (config: Record<string, unknown>) => Object.assign(config, { n_groups: 1, state_size: 32 });
    const one = await withEditedModel(source, { config: widened }, logitsOf);
    expect(await withEditedModel(source, asTheirs(1), logitsOf)).toEqual(one);
  });

  it('refuses an A that is not below zero', async () => {
    const zero = withEditedModel(
      folder,
      {
        weights: (tensors) => {
          const logarithms = tensors.find(({ name }) => name.endsWith('layers.1.mixer.A_log'))!;
          (logarithms.data as Float32Array)[7] = -Infinity;
          return tensors;
        },
      },
      logitsOf,
    );
    await expect(zero).rejects.toThrow(/layers.1.mixer.A_log: expected logarithms of finite A < 0, got -Infinity/);
  });
});
