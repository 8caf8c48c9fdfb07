import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { ModelConfig, openSafetensors, type TensorStore, WeightScope } from '../../../lib/io/index.js';
import { readMambaConfig } from '../../../lib/models/mamba/config.js';
import { takeMambaWeights } from '../../../lib/models/mamba/weights.js';

const folder = fileURLToPath(new URL('../../fixtures/mamba/tiny-variant/', import.meta.url));
const config = readMambaConfig(ModelConfig.read(`${folder}config.json`));
const open = () => openSafetensors(`${folder}model.safetensors`);

/** The same tensors under the embedding's name of state-spaces/mamba, without a head of their own. */
function stateSpaces(): TensorStore {
  const store = open();
  const old = (name: string) => name.replace('backbone.embedding.', 'backbone.embeddings.');
  const now = (name: string) => name.replace('backbone.embeddings.', 'backbone.embedding.');
  const hidden = (name: string) => name === 'lm_head.weight' || name.startsWith('backbone.embeddings.');
  return {
    source: store.source,
    names: () =>
      store
        .names()
        .filter((name) => name !== 'lm_head.weight')
        .map(now),
    info: (name: string) => (hidden(name) ? undefined : store.info(old(name))),
    read: (name: string) => store.read(old(name)),
    readFloat32: (name: string) => store.readFloat32(old(name)),
  } as TensorStore;
}

describe('takeMambaWeights', () => {
  it('takes every tensor under both names', () => {
    const own = new WeightScope(open());
    expect(takeMambaWeights(config, own).head.name).toBe('lm_head.weight');
    expect(own.unused()).toEqual([]);
    const other = new WeightScope(stateSpaces());
    const weights = takeMambaWeights(config, other);
    expect(weights.head).toBe(weights.embedding);
    expect(other.unused()).toEqual([]);
  });

  it('names the tensor a configuration does not fit', () => {
    const wrong = { ...config, dState: 16 };
    expect(() => takeMambaWeights(wrong, new WeightScope(open()))).toThrow(/x_proj.weight.*expected shape \[37, 96\]/);
  });
});
