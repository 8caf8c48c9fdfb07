import type { WeightScope } from '../../io/weight-scope.js';
import { type Mamba2BlockWeights, mamba2Block } from '../../layers/mamba2-block.js';
import { decayOf } from '../mamba/decay.js';
import { type BlockLoader, loadLanguageModel, type MambaWeights } from '../mamba/weights.js';
import type { WeightLoader } from '../weight-loader.js';
import type { Mamba2Config } from './config.js';

/** Loads a Mamba-2 under the names of transformers or of state-spaces/mamba. */
export function loadMamba2Weights(
  loader: WeightLoader,
  scope: WeightScope,
  config: Mamba2Config,
): Promise<MambaWeights> {
  return loadLanguageModel(loader, scope, config, mamba2Blocks(loader, config));
}

export function mamba2Blocks(loader: WeightLoader, config: Mamba2Config): BlockLoader {
  return async (layer) => {
    const weights = await loadBlock(loader, layer, config);
    return (x, offsets, before) => mamba2Block(x, offsets, weights, config, before);
  };
}

async function loadBlock(loader: WeightLoader, layer: WeightScope, config: Mamba2Config): Promise<Mamba2BlockWeights> {
  const { hiddenSize, numHeads, headDim, dState, numGroups, convKernel } = config;
  const inner = numHeads * headDim;
  const channels = inner + 2 * numGroups * dState;
  const outputs = inner + channels + numHeads;
  const mixer = layer.scope('mixer');
  const bias = (name: string, size: number, used: boolean) =>
    used ? loader.vector(mixer, `${name}.bias`, size) : undefined;
  const [conv, decay] = ['conv1d.weight', 'A_log'];
  const filter = loader.read(mixer, conv, [channels, 1, convKernel]);
  const logarithms = loader.read(mixer, decay, [numHeads]);
  return {
    norm: await loader.vector(layer, 'norm.weight', hiddenSize),
    inProj: await loader.matrix(mixer, 'in_proj.weight', outputs, hiddenSize),
    inProjBias: await bias('in_proj', outputs, config.useBias),
    conv: await loader.values(mixer.prefix + conv, filter, [channels, convKernel]),
    convBias: await bias('conv1d', channels, config.useConvBias),
    dtBias: await loader.vector(mixer, 'dt_bias', numHeads),
    decay: await loader.values(mixer.prefix + decay, decayOf(mixer.prefix + decay, logarithms), [numHeads, 1]),
    skip: await loader.vector(mixer, 'D', numHeads),
    gatedNorm: await loader.vector(mixer, 'norm.weight', inner),
    outProj: await loader.matrix(mixer, 'out_proj.weight', hiddenSize, inner),
    outProjBias: await bias('out_proj', hiddenSize, config.useBias),
  };
}
