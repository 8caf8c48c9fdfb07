import type { WeightHandle } from '../../backend/backend.js';
import type { WeightLoader } from '../weight-loader.js';
import type { SbtConfig } from './config.js';
import { type NewestWay, newestWay } from './newest-way.js';
import { sinusoids } from './positions.js';
import { sliceOf } from './slices.js';
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

/**
 * One head of attention as a single query asks it. The products with keys and values move from the many steps to the one
 * query: q · (K h_j) is (Kᵀ q) · h_j, the key's bias adds the same to every step, and the weights of the steps sum to 1.
 */
export interface HeadHandles {
  /** [headDim, dModel] */
  readonly query: LinearHandles;
  /** [dModel, headDim], without a bias */
  readonly keyTransposed: LinearHandles;
  /** [headDim, dModel] */
  readonly value: LinearHandles;
  /** [dModel, headDim]; the first head has the bias of all. */
  readonly output: LinearHandles;
}

export interface SbtLayerHandles extends Record<'value' | 'output', LinearHandles> {
  /** For attention of all steps to all, and for streams that keep keys and values. */
  readonly asks: Record<'query' | 'key', LinearHandles> | undefined;
  /** For attention of the newest step alone. */
  readonly heads: readonly HeadHandles[] | undefined;
  readonly expand: LinearHandles;
  readonly contract: LinearHandles;
  readonly norms: readonly [afterAttention: NormHandles, afterFeedForward: NormHandles] | undefined;
  /** [windowLength, dModel] each: 1 where a projected value is kept, 0 where it is set to zero. */
  readonly kept: Readonly<Record<keyof SbtActivationMasks, WeightHandle>> | undefined;
}

/** All weights of a model where they are computed with. */
export interface SbtHandles {
  readonly newestWay: NewestWay;
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
  const way = newestWay(config, weights);
  const layers: SbtLayerHandles[] = [];
  for (const [l, layer] of weights.layers.entries())
    layers.push(await uploadLayer(loader, `layers.${l}`, layer, config, way));
  const code = config.positionCode === 'sinusoidal' ? sinusoids(windowLength, dModel) : weights.positions;
  return {
    newestWay: way,
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
  config: SbtConfig,
  way: NewestWay,
): Promise<SbtLayerHandles> {
  const { windowLength, dModel } = config;
  const linear = (part: 'query' | 'key' | 'value' | 'output' | 'expand' | 'contract') =>
    uploadLinear(loader, `${name}.${part}`, layer[part]);
  const { norms, activationMasks: masks } = layer;
  const byHead = config.attention === 'step-t' && !masks;
  const kept = (part: keyof SbtActivationMasks, bits: Uint8Array) =>
    loader.values(`${name}.${part}.kept`, unmasked(bits, windowLength * dModel), [windowLength, dModel]);
  return {
    asks: byHead && way !== 'shared' ? undefined : { query: await linear('query'), key: await linear('key') },
    heads: byHead ? await uploadHeads(loader, name, layer, config) : undefined,
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

async function uploadHeads(
  loader: WeightLoader,
  name: string,
  { query, key, value, output }: SbtLayerWeights,
  { dModel, numHeads }: SbtConfig,
): Promise<HeadHandles[]> {
  const heads: HeadHandles[] = [];
  const headDim = dModel / numHeads;
  for (let h = 0; h < numHeads; h++) {
    const own = [h * headDim, (h + 1) * headDim] as const;
    const rowsOf = ({ weight, bias }: SbtLinear) => ({
      weight: sliceOf(weight, { rows: own }),
      bias: bias?.subarray(...own),
    });
    const part = (what: string, linear: SbtLinear) => uploadLinear(loader, `${name}.${what}.${h}`, linear);
    heads.push({
      query: await part('query', rowsOf(query)),
      keyTransposed: await part('key', { weight: sliceOf(key.weight, { rows: own, transposed: true }) }),
      value: await part('value', rowsOf(value)),
      output: await part('output', {
        weight: sliceOf(output.weight, { columns: own }),
        bias: h === 0 ? output.bias : undefined,
      }),
    });
  }
  return heads;
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
