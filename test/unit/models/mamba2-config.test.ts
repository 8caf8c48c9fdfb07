import { describe, expect, it } from 'vitest';
import { ModelConfig } from '../../../lib/io/index.js';
import { readMamba2Config } from '../../../lib/models/mamba2/config.js';

const read = (config: object | string) =>
  readMamba2Config(ModelConfig.parse(typeof config === 'string' ? config : JSON.stringify(config)));
const sizes = { hidden_size: 32, num_heads: 8, head_dim: 8, n_groups: 2 };
const published = { model_type: 'mamba2', vocab_size: 50, num_hidden_layers: 2, ...sizes };
const theirs = { d_model: 32, n_layer: 2, vocab_size: 50, ssm_cfg: { layer: 'Mamba2', headdim: 8, ngroups: 2 } };
const mixed = (more: object) => ({ ...theirs, ssm_cfg: { ...theirs.ssm_cfg, ...more } });

describe('readMamba2Config', () => {
  it('reads both publishers', () => {
    const common = {
      model: 'mamba2',
      hiddenSize: 32,
      numLayers: 2,
      numHeads: 8,
      headDim: 8,
      numGroups: 2,
      dState: 128,
    };
    const defaults = {
      convKernel: 4,
      timeStepLimit: [0, Infinity],
      normEpsilon: 1e-5,
      useBias: false,
      useConvBias: true,
    };
    expect(read(published)).toEqual({ ...common, ...defaults, vocabSize: 50, normGroups: 1 });
    expect(read(theirs)).toEqual({ ...common, ...defaults, vocabSize: 56, normGroups: 2 });
  });

  it('reads limits in every spelling', () => {
    const limit = (text: string) =>
      read(JSON.stringify(published).replace('}', `, "time_step_limit": ${text}}`)).timeStepLimit;
    expect(limit('[0.0, {"__float__": "Infinity"}]')).toEqual([0, Infinity]);
    expect(limit('[0.0, Infinity]')).toEqual([0, Infinity]);
    expect(limit('[0.01, 0.2]')).toEqual([0.01, 0.2]);
    for (const bad of ['[0.2, 0.1]', '[0]', '[0, 1, 2]', '[0, "much"]', '[0, NaN]', '[0, {"__float__": 3}]']) {
      expect(() => limit(bad)).toThrow(/time_step_limit: expected two numbers that do not fall/);
    }
  });

  it.each([
    [{ ...published, model_type: 'mamba' }, /model_type: expected/],
    [{ ...published, num_heads: 7 }, /num_heads: expected .* num_heads · head_dim = 64/],
    [{ ...published, n_groups: 3 }, /n_groups: expected a divisor of 8 heads, got 3/],
    [{ ...published, hidden_act: 'gelu' }, /hidden_act: expected/],
    [mixed({ ngroups: 3 }), /ssm_cfg.ngroups: expected a divisor of 8 heads, got 3/],
    [mixed({ layer: 'Mamba1' }), /ssm_cfg.layer: expected one of "Mamba2"/],
    [mixed({ headdim: 7 }), /headdim: expected a divisor of 64 channels/],
    [mixed({ d_ssm: 32 }), /d_ssm: expected nothing/],
    [mixed({ norm_before_gate: true }), /norm_before_gate: expected false/],
    [mixed({ D_has_hdim: true }), /D_has_hdim: expected false/],
    [{ ...theirs, d_intermediate: 64 }, /d_intermediate: expected 0/],
    [{ ...theirs, attn_layer_idx: [1] }, /attn_layer_idx: expected no layers of attention/],
  ])('refuses %j', (config, message) => {
    expect(() => read(config)).toThrow(message);
  });
});
