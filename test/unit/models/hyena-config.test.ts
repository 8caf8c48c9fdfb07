import { describe, expect, it } from 'vitest';
import { ModelConfig } from '../../../lib/io/index.js';
import { readHyenaConfig } from '../../../lib/models/hyena/config.js';

const read = (config: object) => readHyenaConfig(ModelConfig.parse(JSON.stringify(config)));
/** As LongSafari publishes the tiny model. */
const huggingFace = {
  ...{ model_type: 'hyenadna', d_model: 128, n_layer: 2, vocab_size: 12, max_seq_len: 1024, emb_dim: 5 },
  ...{ filter_order: 64, hyena_order: 2, short_filter_order: 3, num_inner_mlps: 2, activation_freq: 10, d_inner: 512 },
};
/** As the standalone model has it. */
const layer = { _name_: 'hyena', emb_dim: 5, filter_order: 64, local_order: 3, l_max: 1026, modulate: true, w: 10 };
const standalone = { d_model: 128, n_layer: 2, d_inner: 512, vocab_size: 12, pad_vocab_size_multiple: 8, layer };

describe('readHyenaConfig', () => {
  it('reads both publishers', () => {
    const sizes = { vocabSize: 16, dModel: 128, numLayers: 2, dInner: 512 };
    const filter = { embDim: 5, order: 64, innerLayers: 2, frequency: undefined, modulation: { shift: 0.05 } };
    expect(read(huggingFace)).toMatchObject({ ...sizes, maxLength: 1024, filter });
    expect(read(standalone)).toMatchObject({ ...sizes, maxLength: 1026, filter });
    // With the keys of both it is a conversion that left the old ones in.
    expect(read({ ...standalone, ...huggingFace })).toMatchObject({ ...sizes, maxLength: 1024 });
  });

  it('reads what is seldom stated', () => {
    const fixed = read({ ...huggingFace, train_freq: false, d_inner: null, layer_norm_epsilon: 1e-6 });
    expect(fixed).toMatchObject({ dInner: 512, blockEpsilon: 1e-5, finalEpsilon: 1e-6, filter: { frequency: 10 } });
    const plain = read({ ...standalone, pad_vocab_size_multiple: null, layer: { ...layer, modulate: false } });
    expect(plain).toMatchObject({ vocabSize: 12, filter: { modulation: undefined } });
    expect(read({ ...standalone, layer: { ...layer, shift: 0 } }).filter.modulation).toEqual({ shift: 0 });
  });

  it.each([
    [{ ...huggingFace, model_type: 'hyena' }, /model_type: expected one of "hyenadna", got "hyena"/],
    [{ ...huggingFace, hyena_order: 3 }, /hyena_order: expected 2, got 3/],
    [{ ...huggingFace, short_filter_order: 4 }, /short_filter_order: expected 3, got 4/],
    [{ ...huggingFace, emb_dim: 4 }, /emb_dim: expected an odd number: .*, got 4/],
    [{ ...huggingFace, max_seq_len: 0 }, /max_seq_len: expected an integer from 1/],
    [{ ...standalone, layer: { ...layer, _name_: 'mha' } }, /layer._name_: expected one of "hyena"/],
    [{ ...standalone, layer: { ...layer, order: 3 } }, /layer.order: expected 2, got 3/],
    [{ ...standalone, attn_layer_idx: [1] }, /attn_layer_idx: expected no layers of attention/],
    [{ ...standalone, max_position_embeddings: 9 }, /max_position_embeddings: expected 0/],
  ])('refuses %j', (config, message) => {
    expect(() => read(config)).toThrow(message);
  });
});
