import type { WeightHandle } from '../../backend/backend.js';
import type { WeightScope } from '../../io/weight-scope.js';
import type { CrossAttentionWeights } from '../../layers/cross-attention.js';
import type { FeedForwardWeights } from '../../layers/feed-forward.js';
import type { SelfAttentionWeights } from '../../layers/self-attention.js';
import type { WeightLoader } from '../weight-loader.js';
import { type BucketRule, distanceBias } from './buckets.js';
import { decoderBuckets, encoderBuckets, type T5Config } from './config.js';

export interface EncoderBlockWeights {
  readonly self: SelfAttentionWeights;
  readonly feedForward: FeedForwardWeights;
}

export interface DecoderBlockWeights extends EncoderBlockWeights {
  readonly cross: CrossAttentionWeights;
}

export interface StackWeights<Block> {
  readonly blocks: readonly Block[];
  /** [numHeads, 2 · maxDistance + 1]: learnt by the first block, used by all. */
  readonly distanceBias: WeightHandle;
  /** [dModel] */
  readonly finalNorm: WeightHandle;
}

export type EncoderWeights = StackWeights<EncoderBlockWeights>;
export type DecoderWeights = StackWeights<DecoderBlockWeights>;

export async function loadEncoder(loader: WeightLoader, scope: WeightScope, t5: T5Config): Promise<EncoderWeights> {
  const blocks: EncoderBlockWeights[] = [];
  for (let i = 0; i < t5.numLayers; i++) {
    const block = scope.scope(`block.${i}.layer`);
    blocks.push({
      self: await loadSelfAttention(loader, block.scope('0'), t5),
      feedForward: await loadFeedForward(loader, block.scope('1'), t5),
    });
  }
  return {
    blocks,
    distanceBias: await loadDistanceBias(loader, scope, t5, encoderBuckets(t5)),
    finalNorm: await loader.vector(scope, 'final_layer_norm.weight', t5.dModel),
  };
}

/** `outputFactor` multiplies the decoder's output: it goes into the weight of the norm at the end. */
export async function loadDecoder(
  loader: WeightLoader,
  scope: WeightScope,
  t5: T5Config,
  outputFactor = 1,
): Promise<DecoderWeights> {
  const blocks: DecoderBlockWeights[] = [];
  for (let i = 0; i < t5.numDecoderLayers; i++) {
    const block = scope.scope(`block.${i}.layer`);
    blocks.push({
      self: await loadSelfAttention(loader, block.scope('0'), t5),
      cross: await loadCrossAttention(loader, block.scope('1'), t5),
      feedForward: await loadFeedForward(loader, block.scope('2'), t5),
    });
  }
  return {
    blocks,
    distanceBias: await loadDistanceBias(loader, scope, t5, decoderBuckets(t5)),
    finalNorm: await loader.vector(scope, 'final_layer_norm.weight', t5.dModel, outputFactor),
  };
}

async function loadSelfAttention(
  loader: WeightLoader,
  layer: WeightScope,
  t5: T5Config,
): Promise<SelfAttentionWeights> {
  const inner = t5.numHeads * t5.headDim;
  const scope = layer.scope('SelfAttention');
  return {
    norm: await loader.vector(layer, 'layer_norm.weight', t5.dModel),
    queryKeyValue: await loader.matrix(scope, ['q.weight', 'k.weight', 'v.weight'], inner, t5.dModel),
    output: await loader.matrix(scope, 'o.weight', t5.dModel, inner),
  };
}

async function loadCrossAttention(
  loader: WeightLoader,
  layer: WeightScope,
  t5: T5Config,
): Promise<CrossAttentionWeights> {
  const inner = t5.numHeads * t5.headDim;
  const scope = layer.scope('EncDecAttention');
  // Old exports carry a table here that no version of the model reads.
  scope.ignore('relative_attention_bias.weight');
  return {
    norm: await loader.vector(layer, 'layer_norm.weight', t5.dModel),
    query: await loader.matrix(scope, 'q.weight', inner, t5.dModel),
    keyValue: await loader.matrix(scope, ['k.weight', 'v.weight'], inner, t5.dModel),
    output: await loader.matrix(scope, 'o.weight', t5.dModel, inner),
  };
}

async function loadFeedForward(loader: WeightLoader, layer: WeightScope, t5: T5Config): Promise<FeedForwardWeights> {
  const scope = layer.scope('DenseReluDense');
  return {
    norm: await loader.vector(layer, 'layer_norm.weight', t5.dModel),
    input: await loader.matrix(scope, t5.gated ? 'wi_0.weight' : 'wi.weight', t5.dFf, t5.dModel),
    gate: t5.gated ? await loader.matrix(scope, 'wi_1.weight', t5.dFf, t5.dModel) : undefined,
    output: await loader.matrix(scope, 'wo.weight', t5.dModel, t5.dFf),
  };
}

function loadDistanceBias(
  loader: WeightLoader,
  stack: WeightScope,
  t5: T5Config,
  rule: BucketRule,
): Promise<WeightHandle> {
  const scope = stack.scope('block.0.layer.0.SelfAttention');
  const name = 'relative_attention_bias.weight';
  const table = loader.read(scope, name, [t5.numBuckets, t5.numHeads]);
  const bias = distanceBias(table, t5.numHeads, rule);
  return loader.values(`${scope.prefix}${name}`, bias, [t5.numHeads, 2 * t5.maxDistance + 1]);
}
