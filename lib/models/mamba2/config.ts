import type { ModelConfig } from '../../io/model-config.js';
import { SIZE } from '../config-sizes.js';
import {
  type BlockSizes,
  expandedSize,
  isStateSpaces,
  readStateSpacesBlock,
  readTransformersBlock,
} from '../mamba/config.js';

/** Sizes of a Mamba-2 language model. */
export interface Mamba2Config extends BlockSizes {
  readonly model: 'mamba2';
  readonly vocabSize: number;
  readonly numHeads: number;
  /** Channels of a head. */
  readonly headDim: number;
  /** State values of one channel. */
  readonly dState: number;
  /** Groups of heads that share B and C. */
  readonly numGroups: number;
  /** Step sizes stay within, in one pass and in single steps alike. */
  readonly timeStepLimit: readonly [least: number, most: number];
  /** Parts in which the norm behind the scan works: one in transformers, one a group in state-spaces/mamba. */
  readonly normGroups: number;
}

/** Reads the configuration of transformers (`hidden_size`) or of state-spaces/mamba (`d_model`). */
export function readMamba2Config(config: ModelConfig): Mamba2Config {
  const theirs = isStateSpaces(config);
  const read = theirs ? readStateSpaces(config) : readTransformers(config);
  if (read.numHeads % read.numGroups === 0) return read;
  const [section, key] = theirs ? [config.requireSection('ssm_cfg'), 'ngroups'] : [config, 'n_groups'];
  throw section.error(key, `a divisor of ${read.numHeads} heads`);
}

function readTransformers(config: ModelConfig): Mamba2Config {
  config.requireOneOf('model_type', ['mamba2']);
  const block = readTransformersBlock(config);
  const headDim = config.optionalInteger('head_dim', 64, SIZE);
  const numHeads = config.optionalInteger('num_heads', 128, SIZE);
  const inner = expandedSize(config, block);
  if (inner !== numHeads * headDim) {
    throw config.error('num_heads', `the number for which num_heads · head_dim = ${inner} (expand · hidden_size)`);
  }
  return {
    ...block,
    ...{ model: 'mamba2', headDim, numHeads, normGroups: 1 },
    vocabSize: config.requireInteger('vocab_size', SIZE),
    dState: config.optionalInteger('state_size', 128, SIZE),
    numGroups: config.optionalInteger('n_groups', 8, SIZE),
    timeStepLimit: readLimit(config, 'time_step_limit'),
  };
}

function readStateSpaces(config: ModelConfig): Mamba2Config {
  const mixer = config.requireSection('ssm_cfg');
  mixer.requireOneOf('layer', ['Mamba2']);
  refuseOthers(config, mixer);
  const block = readStateSpacesBlock(config, mixer);
  const headDim = mixer.optionalInteger('headdim', 64, SIZE);
  const inner = expandedSize(mixer, block);
  if (inner < headDim || inner % headDim !== 0) throw mixer.error('headdim', `a divisor of ${inner} channels`);
  const numGroups = mixer.optionalInteger('ngroups', 1, SIZE);
  return {
    ...block,
    ...{ model: 'mamba2', headDim, numHeads: inner / headDim, numGroups, normGroups: numGroups },
    dState: mixer.optionalInteger('d_state', 128, SIZE),
    timeStepLimit: readLimit(mixer, 'dt_limit'),
  };
}

/** Variants of the published class that change what is computed. */
function refuseOthers(config: ModelConfig, mixer: ModelConfig): void {
  if (config.optionalInteger('d_intermediate', 0) !== 0)
    throw config.error('d_intermediate', '0: no MLP beside the mixer');
  if (config.has('attn_layer_idx') && config.requireArray('attn_layer_idx').length > 0) {
    throw config.error('attn_layer_idx', 'no layers of attention');
  }
  if (mixer.has('d_ssm')) throw mixer.error('d_ssm', 'nothing: all channels go through the scan');
  for (const [key, value] of [
    ['rmsnorm', true],
    ['norm_before_gate', false],
    ['D_has_hdim', false],
  ] as const) {
    if (mixer.optionalBoolean(key, value) !== value) throw mixer.error(key, String(value));
  }
}

/** [least, most]; infinities as JavaScript and Python write them, or as transformers does since version 5. */
function readLimit(config: ModelConfig, key: string): readonly [number, number] {
  if (!config.has(key)) return [0, Infinity];
  const [least, most, ...more] = config.requireArray(key).map(limitOf);
  if (least === undefined || most === undefined || more.length > 0 || !(least <= most)) {
    throw config.error(key, 'two numbers that do not fall');
  }
  return [least, most];
}

function limitOf(value: unknown): number {
  if (typeof value === 'number') return value;
  const text = value instanceof Map ? value.get('__float__') : value;
  if (text === 'Infinity' || text === 'inf') return Infinity;
  return text === '-Infinity' || text === '-inf' ? -Infinity : Number.NaN;
}
