import type { ModelConfig } from '../../io/model-config.js';
import type { WeightScope } from '../../io/weight-scope.js';
import type { Activation } from '../../ops/linear.js';
import type { BucketRule } from './buckets.js';

/** The part of a published T5 configuration that inference needs. */
export interface T5Config {
  readonly dModel: number;
  readonly numHeads: number;
  readonly headDim: number;
  readonly dFf: number;
  readonly numLayers: number;
  readonly numDecoderLayers: number;
  readonly vocabSize: number;
  readonly decoderStartTokenId: number;
  readonly epsilon: number;
  readonly numBuckets: number;
  readonly maxDistance: number;
  readonly activation: Activation;
  /** The feed-forward multiplies its activation by a second projection. */
  readonly gated: boolean;
}

/** Sizes far beyond every published T5; they keep products of sizes from a hostile file within safe integers. */
const SIZE = { min: 1, max: 2 ** 20 };
const LAYERS = { min: 1, max: 512 };

/** The names transformers gives to activations, as far as T5 configurations use them. */
const ACTIVATIONS: ReadonlyMap<string, Activation> = new Map([
  ['relu', 'relu'],
  ['gelu', 'gelu'],
  ['gelu_new', 'gelu_tanh'],
  ['gelu_pytorch_tanh', 'gelu_tanh'],
  ['silu', 'silu'],
  ['swish', 'silu'],
]);

/**
 * Reads a T5 configuration; keys that are absent have the defaults of the published T5 configuration class. A model
 * that knows its number of embeddings better than the key `vocab_size` says it.
 */
export function readT5Config(config: ModelConfig, knownVocabSize?: number): T5Config {
  const { activation, gated } = readFeedForward(config);
  const numLayers = config.requireInteger('num_layers', LAYERS);
  const vocabSize = knownVocabSize ?? config.requireInteger('vocab_size', SIZE);
  const t5: T5Config = {
    dModel: config.requireInteger('d_model', SIZE),
    numHeads: config.requireInteger('num_heads', SIZE),
    headDim: config.requireInteger('d_kv', SIZE),
    dFf: config.requireInteger('d_ff', SIZE),
    numLayers,
    numDecoderLayers: config.optionalInteger('num_decoder_layers', numLayers, LAYERS),
    vocabSize,
    decoderStartTokenId: config.optionalInteger('decoder_start_token_id', 0, { min: 0, max: vocabSize - 1 }),
    epsilon: config.optionalNumber('layer_norm_epsilon', 1e-6, { min: 0, max: 1 }),
    numBuckets: config.optionalInteger('relative_attention_num_buckets', 32, { min: 4, max: 2 ** 16 }),
    maxDistance: config.optionalInteger('relative_attention_max_distance', 128, { min: 1, max: 2 ** 16 }),
    activation,
    gated,
  };
  // Of the decoder's buckets the first half are single distances; the others must have something left to share.
  if (t5.maxDistance <= t5.numBuckets >> 1) {
    throw config.error(
      'relative_attention_max_distance',
      `more than half of relative_attention_num_buckets (${t5.numBuckets})`,
    );
  }
  return t5;
}

function readFeedForward(config: ModelConfig): { activation: Activation; gated: boolean } {
  const projection = config.optionalString('feed_forward_proj', 'relu');
  const [first, second] = projection.split('-');
  const gated = config.optionalBoolean('is_gated_act', first === 'gated' && second !== undefined);
  // 'gated-gelu' has always meant the tanh form.
  const implied = projection === 'gated-gelu' ? 'gelu_new' : (second ?? projection);
  const name = config.optionalString('dense_act_fn', implied);
  const activation = ACTIVATIONS.get(name);
  if (!activation) {
    const key = config.has('dense_act_fn') ? 'dense_act_fn' : 'feed_forward_proj';
    throw config.error(key, `an activation out of ${[...ACTIVATIONS.keys()].join(', ')}`);
  }
  return { activation, gated };
}

/**
 * Compares the sizes the configuration states with those of the tensors, before anything is read: an error names the
 * file, the key, what the tensors say and what the key says.
 */
export function checkT5Config(config: ModelConfig, t5: T5Config, weights: WeightScope): void {
  const size = (tensor: string, axis: number) => weights.info(tensor)?.shape[axis];
  const check = (key: string, stated: number, tensor: string, axis: number, product?: string) => {
    const found = size(tensor, axis);
    if (found !== undefined && found !== stated) {
      throw config.error(key, `${found}${product ?? ''}, the size of tensor ${tensor}`);
    }
  };
  const encoder = 'encoder.block.0.layer';
  check('d_model', t5.dModel, 'encoder.final_layer_norm.weight', 0);
  check('num_heads', t5.numHeads, `${encoder}.0.SelfAttention.relative_attention_bias.weight`, 1);
  check(
    'relative_attention_num_buckets',
    t5.numBuckets,
    `${encoder}.0.SelfAttention.relative_attention_bias.weight`,
    0,
  );
  check('d_kv', t5.numHeads * t5.headDim, `${encoder}.0.SelfAttention.q.weight`, 0, ` / num_heads (${t5.numHeads})`);
  check('d_ff', t5.dFf, `${encoder}.1.DenseReluDense.wo.weight`, 1);
  if (weights.has(`${encoder}.1.DenseReluDense.${t5.gated ? 'wi' : 'wi_0'}.weight`)) {
    throw config.error(
      'feed_forward_proj',
      `a ${t5.gated ? 'plain' : 'gated'} activation, as the tensors of the feed-forward have it`,
    );
  }
  checkLayers(config, 'num_layers', t5.numLayers, weights.scope('encoder'));
  checkLayers(config, 'num_decoder_layers', t5.numDecoderLayers, weights.scope('decoder'));
}

/** The same for the number of embeddings, where the key decides it. */
export function checkVocabSize(
  config: ModelConfig,
  t5: T5Config,
  embeddings: number | undefined,
  tensor: string,
): void {
  if (embeddings !== undefined && embeddings !== t5.vocabSize) {
    throw config.error('vocab_size', `${embeddings}, the size of tensor ${tensor}`);
  }
}

function checkLayers(config: ModelConfig, key: string, stated: number, stack: WeightScope): void {
  const exists = (layer: number) => stack.has(`block.${layer}.layer.0.layer_norm.weight`);
  let found = 0;
  while (exists(found)) found++;
  if (found > 0 && found !== stated) throw config.error(key, `${found}, the number of ${stack.prefix}block tensors`);
}

export function encoderBuckets({ numBuckets, maxDistance }: T5Config): BucketRule {
  return { numBuckets, maxDistance, bidirectional: true };
}

export function decoderBuckets({ numBuckets, maxDistance }: T5Config): BucketRule {
  return { numBuckets, maxDistance, bidirectional: false };
}
