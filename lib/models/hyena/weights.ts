import type { WeightHandle } from '../../backend/backend.js';
import type { WeightScope } from '../../io/weight-scope.js';
import type { BiasedLinearWeights } from '../../layers/residual-block.js';
import type { ClassifierWeights, HeadWeights } from '../token-programs.js';
import type { WeightLoader } from '../weight-loader.js';
import type { HyenaConfig } from './config.js';
import { type HyenaFilterWeights, readFilterWeights } from './filter-weights.js';

export interface HyenaBlockWeights {
  readonly mixerNorm: BiasedLinearWeights;
  /** [3 · dModel, dModel]: the gate behind the convolution, the gate in front of it, the value. */
  readonly inProj: BiasedLinearWeights;
  /** [3 · dModel, 3] */
  readonly shortFilter: BiasedLinearWeights;
  readonly filter: HyenaFilterWeights;
  /** [dModel]: weight of what goes past the long convolution. */
  readonly skip: WeightHandle;
  readonly outProj: BiasedLinearWeights;
  readonly mlpNorm: BiasedLinearWeights;
  readonly fc1: BiasedLinearWeights;
  readonly fc2: BiasedLinearWeights;
}

export interface HyenaWeights extends HeadWeights {
  /** [vocabSize, dModel] */
  readonly embedding: WeightHandle;
  readonly blocks: readonly HyenaBlockWeights[];
  readonly finalNorm: BiasedLinearWeights;
}

/** Where the backbone is: in LongSafari/hyenadna-*-hf, the standalone model, and its published checkpoints. */
const BACKBONES = ['hyena.backbone', 'backbone', 'model.backbone'];
const EMBEDDING = 'embeddings.word_embeddings.weight';

/** The backbone, under whichever of its published names; undefined: this is no HyenaDNA. */
export function findBackbone(weights: WeightScope): WeightScope | undefined {
  return BACKBONES.map((name) => weights.scope(name)).find(
    (scope) =>
      scope.has(EMBEDDING) && ['mixer', 'mixer.layer'].some((name) => scope.has(`layers.0.${name}.filter_fn.bias`)),
  );
}

export async function loadHyenaWeights(
  loader: WeightLoader,
  scope: WeightScope,
  config: HyenaConfig,
): Promise<HyenaWeights> {
  const { vocabSize, dModel, numLayers } = config;
  const backbone = findBackbone(scope) ?? scope.scope('backbone');
  const blocks: HyenaBlockWeights[] = [];
  const embedding = await loader.table(backbone, EMBEDDING, vocabSize, dModel);
  for (let i = 0; i < numLayers; i++) blocks.push(await loadBlock(loader, backbone.scope(`layers.${i}`), config));
  const own = rootOf(scope, 'lm_head.weight');
  return {
    embedding,
    blocks,
    finalNorm: await loadNorm(loader, backbone.scope('ln_f'), dModel),
    head: await (own
      ? loader.matrix(own, 'lm_head.weight', vocabSize, dModel)
      : loader.matrix(backbone, EMBEDDING, vocabSize, dModel)),
    classifier: await loadClassifier(loader, scope, dModel),
  };
}

async function loadBlock(loader: WeightLoader, block: WeightScope, config: HyenaConfig): Promise<HyenaBlockWeights> {
  const { dModel, dInner } = config;
  const mixer = sublayer(block, 'mixer', 'in_proj.weight');
  const mlp = sublayer(block, 'mlp', 'fc1.weight');
  const taps = loader.read(mixer, 'short_filter.weight', [3 * dModel, 1, 3]);
  return {
    mixerNorm: await loadNorm(loader, block.scope('norm1'), dModel),
    inProj: await loader.linear(mixer.scope('in_proj'), 3 * dModel, dModel),
    shortFilter: {
      weight: await loader.values(`${mixer.prefix}short_filter.weight`, taps, [3 * dModel, 3]),
      bias: await loader.vector(mixer, 'short_filter.bias', 3 * dModel),
    },
    filter: readFilterWeights(loader, mixer.scope('filter_fn'), config),
    skip: await loader.vector(mixer, 'filter_fn.bias', dModel),
    outProj: await loader.linear(mixer.scope('out_proj'), dModel, dModel),
    mlpNorm: await loadNorm(loader, block.scope('norm2'), dModel),
    fc1: await loader.linear(mlp.scope('fc1'), dInner, dModel),
    fc2: await loader.linear(mlp.scope('fc2'), dModel, dInner),
  };
}

/** Models trained with checkpointed activations have `.layer` behind the name. */
function sublayer(block: WeightScope, name: string, tensor: string): WeightScope {
  return block.scope(block.has(`${name}.layer.${tensor}`) ? `${name}.layer` : name);
}

/** The standalone model pools and projects with a bias; the transformers class looks at the last token, without one. */
async function loadClassifier(
  loader: WeightLoader,
  scope: WeightScope,
  dModel: number,
): Promise<ClassifierWeights | undefined> {
  const [score, head] = ['score.weight', 'head.output_transform.weight'].map((name) => rootOf(scope, name));
  if (score) {
    const labels = score.info('score.weight')?.shape[0] as number;
    const weight = await loader.matrix(score, 'score.weight', labels, dModel);
    return { pooling: 'last', labels, weight, bias: undefined };
  }
  if (!head) return undefined;
  const labels = head.info('head.output_transform.weight')?.shape[0] as number;
  return {
    pooling: 'mean',
    labels,
    ...(await loader.linear(head.scope('head.output_transform'), labels, dModel)),
  };
}

/** A head stands beside the backbone or, in a checkpoint, under `model`. */
function rootOf(scope: WeightScope, name: string): WeightScope | undefined {
  return [scope, scope.scope('model')].find((root) => root.has(name));
}

async function loadNorm(loader: WeightLoader, scope: WeightScope, width: number): Promise<BiasedLinearWeights> {
  return { weight: await loader.vector(scope, 'weight', width), bias: await loader.vector(scope, 'bias', width) };
}
