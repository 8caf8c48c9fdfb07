import type { WeightHandle } from '../../backend/backend.js';
import type { WeightLoader } from '../weight-loader.js';
import type { SbtConfig } from './config.js';
import { sinusoids } from './positions.js';
import type { SbtActivationMasks, SbtLayerWeights, SbtLinear, SbtMatrix, SbtNorm, SbtWeights } from './weights.js';

/** A linear map in a backend's memory: a sparse binary or a dense matrix. */
export interface LinearHandles {
  readonly weight: WeightHandle;
  readonly bias: WeightHandle | undefined;
}

export interface NormHandles {
  readonly scale: WeightHandle;
  readonly shift: WeightHandle;
}

export interface SbtLayerHandles extends Record<'query' | 'key' | 'value' | 'output', LinearHandles> {
  readonly expand: LinearHandles;
  readonly contract: LinearHandles;
  readonly norms: readonly [afterAttention: NormHandles, afterFeedForward: NormHandles] | undefined;
  /** [windowLength, dModel] each: 1 where a projected value is kept, 0 where it is set to zero. */
  readonly kept: Readonly<Record<keyof SbtActivationMasks, WeightHandle>> | undefined;
}

/** All weights of a model where they are computed with. */
export interface SbtHandles {
  /** Times √dModel, which a model multiplies embedded samples by. */
  readonly embedding: LinearHandles;
  readonly layers: readonly SbtLayerHandles[];
  readonly decoder: LinearHandles;
  /** [windowLength, dModel] */
  readonly positions: WeightHandle | undefined;
}

/** Moves the weights into a backend's memory. */
export async function uploadSbt(loader: WeightLoader, weights: SbtWeights, config: SbtConfig): Promise<SbtHandles> {
  const { windowLength, dModel } = config;
  const layers: SbtLayerHandles[] = [];
  for (const [l, layer] of weights.layers.entries())
    layers.push(await uploadLayer(loader, `layers.${l}`, layer, config));
  const code = config.positionCode === 'sinusoidal' ? sinusoids(windowLength, dModel) : weights.positions;
  return {
    embedding: await uploadLinear(loader, 'embedding', weights.embedding, Math.sqrt(dModel)),
    layers,
    decoder: await uploadLinear(loader, 'decoder', weights.decoder),
    positions: code && (await loader.values('positions', code, [windowLength, dModel])),
  };
}

async function uploadLayer(
  loader: WeightLoader,
  name: string,
  layer: SbtLayerWeights,
  { windowLength, dModel }: SbtConfig,
): Promise<SbtLayerHandles> {
  const linear = (part: 'query' | 'key' | 'value' | 'output' | 'expand' | 'contract') =>
    uploadLinear(loader, `${name}.${part}`, layer[part]);
  const { norms, activationMasks: masks } = layer;
  const kept = (part: keyof SbtActivationMasks, bits: Uint8Array) =>
    loader.values(`${name}.${part}.kept`, unmasked(bits, windowLength * dModel), [windowLength, dModel]);
  return {
    query: await linear('query'),
    key: await linear('key'),
    value: await linear('value'),
    output: await linear('output'),
    expand: await linear('expand'),
    contract: await linear('contract'),
    norms: norms && [
      await uploadNorm(loader, `${name}.norms.0`, norms[0]),
      await uploadNorm(loader, `${name}.norms.1`, norms[1]),
    ],
    kept: masks && {
      query: await kept('query', masks.query),
      key: await kept('key', masks.key),
      value: await kept('value', masks.value),
    },
  };
}

async function uploadLinear(
  loader: WeightLoader,
  name: string,
  { weight, bias }: SbtLinear,
  factor = 1,
): Promise<LinearHandles> {
  const scaled = bias && (factor === 1 ? bias : bias.map((value) => value * factor));
  return {
    weight: await uploadMatrix(loader, `${name}.weight`, weight, factor),
    bias: scaled && (await loader.values(`${name}.bias`, scaled, [scaled.length, 1])),
  };
}

function uploadMatrix(loader: WeightLoader, name: string, weight: SbtMatrix, factor: number): Promise<WeightHandle> {
  if (weight.kind === 'sparse-binary') {
    const { matrix } = weight;
    return loader.sparseBinary(name, { ...matrix, alpha: matrix.alpha * factor });
  }
  const data = factor === 1 ? weight.data : weight.data.map((value) => value * factor);
  return loader.values(name, data, weight.shape, 'matrix');
}

async function uploadNorm(loader: WeightLoader, name: string, { scale, shift }: SbtNorm): Promise<NormHandles> {
  return {
    scale: await loader.values(`${name}.scale`, scale, [scale.length, 1]),
    shift: await loader.values(`${name}.shift`, shift, [shift.length, 1]),
  };
}

function unmasked(bits: Uint8Array, count: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => 1 - ((bits[i >> 3]! >> (i & 7)) & 1));
}
