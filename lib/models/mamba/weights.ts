import type { Weight, WeightScope } from '../../io/index.js';
import type { MambaConfig } from './config.js';

/** One block: the norm in front and the mixer. Matrices are [outputs, inputs]. */
export interface MambaLayerWeights {
  readonly norm: Weight;
  /** [2 · dInner, hidden]: u above, gate below. */
  readonly inProj: Weight;
  readonly inProjBias: Weight | undefined;
  /** [dInner, 1, convKernel] */
  readonly conv: Weight;
  readonly convBias: Weight | undefined;
  /** [dtRank + 2 · dState, dInner]: step bottleneck, B, C. */
  readonly xProj: Weight;
  /** [dInner, dtRank] */
  readonly dtProj: Weight;
  readonly dtBias: Weight;
  /** [dInner, dState]: see `decayOf`. */
  readonly aLog: Weight;
  readonly d: Weight;
  readonly outProj: Weight;
  readonly outProjBias: Weight | undefined;
}

export interface MambaWeights {
  readonly embedding: Weight;
  readonly layers: readonly MambaLayerWeights[];
  readonly finalNorm: Weight;
  /** The embedding itself where the file has no head of its own. */
  readonly head: Weight;
}

/** Takes the tensors of a Mamba under the names of transformers or of state-spaces/mamba. */
export function takeMambaWeights(config: MambaConfig, weights: WeightScope): MambaWeights {
  const { vocabSize, hiddenSize } = config;
  const backbone = weights.scope('backbone');
  // transformers says embeddings, state-spaces embedding; all other names agree.
  const name = backbone.has('embedding.weight') ? 'embedding.weight' : 'embeddings.weight';
  const embedding = backbone.take(name, [vocabSize, hiddenSize]);
  return {
    embedding,
    layers: Array.from({ length: config.numLayers }, (_, i) => takeLayer(config, backbone.scope(`layers.${i}`))),
    finalNorm: backbone.take('norm_f.weight', [hiddenSize]),
    head: weights.takeOptional('lm_head.weight', [vocabSize, hiddenSize]) ?? embedding,
  };
}

function takeLayer(config: MambaConfig, layer: WeightScope): MambaLayerWeights {
  const { hiddenSize, dInner, dState, dtRank } = config;
  const mixer = layer.scope('mixer');
  const bias = (name: string, size: number, used: boolean) => (used ? mixer.take(`${name}.bias`, [size]) : undefined);
  return {
    norm: layer.take('norm.weight', [hiddenSize]),
    inProj: mixer.take('in_proj.weight', [2 * dInner, hiddenSize]),
    inProjBias: bias('in_proj', 2 * dInner, config.useBias),
    conv: mixer.take('conv1d.weight', [dInner, 1, config.convKernel]),
    convBias: bias('conv1d', dInner, config.useConvBias),
    xProj: mixer.take('x_proj.weight', [dtRank + 2 * dState, dInner]),
    dtProj: mixer.take('dt_proj.weight', [dInner, dtRank]),
    dtBias: mixer.take('dt_proj.bias', [dInner]),
    aLog: mixer.take('A_log', [dInner, dState]),
    d: mixer.take('D', [dInner]),
    outProj: mixer.take('out_proj.weight', [hiddenSize, dInner]),
    outProjBias: bias('out_proj', hiddenSize, config.useBias),
  };
}
