import type { WeightHandle } from '../../backend/backend.js';
import type { WeightScope } from '../../io/weight-scope.js';
import { type MambaBlockWeights, mambaBlock } from '../../layers/mamba-block.js';
import type { RecurrentBlock } from '../../layers/recurrent-block.js';
import type { ClassifierWeights, HeadWeights } from '../token-programs.js';
import type { WeightLoader } from '../weight-loader.js';
import type { BackboneWeights, StackWeights } from './backbone.js';
import type { MambaConfig, MambaSizes } from './config.js';
import { decayOf } from './decay.js';

/** A language model: the backbone and the heads on it. */
export interface MambaWeights extends BackboneWeights, HeadWeights {}

/** What the loaders below must know of a configuration. */
export interface StackSizes {
  readonly hiddenSize: number;
  readonly numLayers: number;
}

export interface BackboneSizes extends StackSizes {
  readonly vocabSize: number;
}

/** Loads the block whose tensors are in a scope. */
export type BlockLoader = (layer: WeightScope) => Promise<RecurrentBlock>;

/** Loads a Mamba under the names of transformers or of state-spaces/mamba. */
export function loadMambaWeights(loader: WeightLoader, scope: WeightScope, config: MambaConfig): Promise<MambaWeights> {
  return loadLanguageModel(loader, scope, config, mambaBlocks(loader, config));
}

export function mambaBlocks(loader: WeightLoader, config: MambaSizes): BlockLoader {
  return async (layer) => {
    const weights = await loadBlock(loader, layer, config);
    return (x, offsets, before) => mambaBlock(x, offsets, weights, config, before);
  };
}

/** The backbone and a head of its own, or the embedding for a head; a classifier where there is one. */
export async function loadLanguageModel(
  loader: WeightLoader,
  scope: WeightScope,
  sizes: BackboneSizes,
  loadBlock: BlockLoader,
): Promise<MambaWeights> {
  const backbone = await loadBackbone(loader, scope.scope('backbone'), sizes, loadBlock);
  const head = await loadHead(loader, scope, sizes);
  return { ...backbone, head, classifier: await loadClassifier(loader, scope, sizes.hiddenSize) };
}

/** Embedding, blocks and final norm, without a head: `scope` is that of the backbone. */
export async function loadBackbone(
  loader: WeightLoader,
  scope: WeightScope,
  sizes: BackboneSizes,
  loadBlock: BlockLoader,
): Promise<BackboneWeights> {
  const embedding = await loader.table(scope, embeddingName(scope), sizes.vocabSize, sizes.hiddenSize);
  return { embedding, ...(await loadStack(loader, scope, sizes, loadBlock)) };
}

/** Blocks and final norm. */
export async function loadStack(
  loader: WeightLoader,
  scope: WeightScope,
  { hiddenSize, numLayers }: StackSizes,
  loadBlock: BlockLoader,
): Promise<StackWeights> {
  const blocks: RecurrentBlock[] = [];
  for (let i = 0; i < numLayers; i++) blocks.push(await loadBlock(scope.scope(`layers.${i}`)));
  return { blocks, finalNorm: await loader.vector(scope, 'norm_f.weight', hiddenSize) };
}

function loadHead(
  loader: WeightLoader,
  scope: WeightScope,
  { vocabSize, hiddenSize }: BackboneSizes,
): Promise<WeightHandle> {
  if (scope.has('lm_head.weight')) return loader.matrix(scope, 'lm_head.weight', vocabSize, hiddenSize);
  const backbone = scope.scope('backbone');
  return loader.matrix(backbone, embeddingName(backbone), vocabSize, hiddenSize);
}

/** Under the names transformers gives heads on whole sequences. */
async function loadClassifier(
  loader: WeightLoader,
  scope: WeightScope,
  hiddenSize: number,
): Promise<ClassifierWeights | undefined> {
  const name = ['score', 'classifier'].find((one) => scope.has(`${one}.weight`));
  if (name === undefined) return undefined;
  const own = scope.scope(name);
  const labels = own.info('weight')?.shape[0] as number;
  return {
    ...{ pooling: 'mean', labels },
    weight: await loader.matrix(own, 'weight', labels, hiddenSize),
    bias: own.has('bias') ? await loader.vector(own, 'bias', labels) : undefined,
  };
}

/** transformers says embeddings, state-spaces embedding; all other names agree. */
function embeddingName(backbone: WeightScope): string {
  return backbone.has('embedding.weight') ? 'embedding.weight' : 'embeddings.weight';
}

async function loadBlock(loader: WeightLoader, layer: WeightScope, config: MambaSizes): Promise<MambaBlockWeights> {
  const { hiddenSize, dInner, dState, dtRank, convKernel } = config;
  const mixer = layer.scope('mixer');
  const bias = (name: string, size: number, used: boolean) =>
    used ? loader.vector(mixer, `${name}.bias`, size) : undefined;
  const [conv, decay] = ['conv1d.weight', 'A_log'];
  const filter = loader.read(mixer, conv, [dInner, 1, convKernel]);
  const logarithms = loader.read(mixer, decay, [dInner, dState]);
  return {
    norm: await loader.vector(layer, 'norm.weight', hiddenSize),
    inProj: await loader.matrix(mixer, 'in_proj.weight', 2 * dInner, hiddenSize),
    inProjBias: await bias('in_proj', 2 * dInner, config.useBias),
    conv: await loader.values(mixer.prefix + conv, filter, [dInner, convKernel]),
    convBias: await bias('conv1d', dInner, config.useConvBias),
    xProj: await loader.matrix(mixer, 'x_proj.weight', dtRank + 2 * dState, dInner),
    dtProj: await loader.matrix(mixer, 'dt_proj.weight', dInner, dtRank),
    dtBias: await loader.vector(mixer, 'dt_proj.bias', dInner),
    decay: await loader.values(mixer.prefix + decay, decayOf(mixer.prefix + decay, logarithms), [dInner, dState]),
    skip: await loader.vector(mixer, 'D', dInner),
    outProj: await loader.matrix(mixer, 'out_proj.weight', hiddenSize, dInner),
    outProjBias: await bias('out_proj', hiddenSize, config.useBias),
  };
}
