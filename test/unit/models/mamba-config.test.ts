import { describe, expect, it } from 'vitest';
import { ModelConfig } from '../../../lib/io/index.js';
import { readMambaConfig } from '../../../lib/models/mamba/config.js';
import { decayOf } from '../../../lib/models/mamba/decay.js';

const read = (config: object) => readMambaConfig(ModelConfig.parse(JSON.stringify(config)));
const published = { model_type: 'mamba', vocab_size: 50, hidden_size: 40, num_hidden_layers: 2 };
const sizes = { hiddenSize: 40, numLayers: 2, dInner: 80, dState: 16, convKernel: 4, dtRank: 3 };

describe('readMambaConfig', () => {
  it('reads both publishers', () => {
    expect(read(published)).toMatchObject({ ...sizes, vocabSize: 50, useBias: false, useConvBias: true });
    expect(read({ d_model: 40, n_layer: 2, vocab_size: 50, ssm_cfg: {} })).toMatchObject({ ...sizes, vocabSize: 56 });
    const converted = { ...published, d_model: 40, n_layer: 2, ssm_cfg: {}, layer_norm_epsilon: 1e-6 };
    expect(read(converted)).toMatchObject({ ...sizes, vocabSize: 50, normEpsilon: 1e-6 });
    const variant = { ...published, expand: 3, time_step_rank: 5, state_size: 8, conv_kernel: 3, use_bias: true };
    expect(read(variant)).toMatchObject({ dInner: 120, dtRank: 5, dState: 8, convKernel: 3, useBias: true });
  });

  it.each([
    [{ ...published, model_type: 'mamba2' }, /model_type: expected/],
    [{ ...published, hidden_act: 'gelu' }, /hidden_act: expected/],
    [{ ...published, expand: 0 }, /expand: expected/],
    [{ ...published, time_step_rank: 'many' }, /time_step_rank: expected/],
    [{ d_model: 8, n_layer: 1, vocab_size: 8, ssm_cfg: { layer: 'Mamba2' } }, /ssm_cfg.layer: expected/],
  ])('refuses %j', (config, message) => {
    expect(() => read(config)).toThrow(message);
  });
});

describe('decayOf', () => {
  it('is negative, or an error', () => {
    expect([...decayOf('A_log', Float32Array.of(0))]).toEqual([-1]);
    for (const bad of [-Infinity, -200, NaN, Infinity, 100]) {
      expect(() => decayOf('A_log', Float32Array.of(0, bad))).toThrow(/tensor A_log: expected .* at 1/);
    }
  });
});
