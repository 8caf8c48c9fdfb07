import type { WeightScope } from '../../io/weight-scope.js';
import type { WeightLoader } from '../weight-loader.js';
import type { HyenaConfig } from './config.js';

/** A layer of the filter's network: [out, in] and [out]. */
export interface FilterLayer {
  readonly weight: Float32Array;
  /** Absent in the last layer. */
  readonly bias: Float32Array | undefined;
  readonly inputs: number;
  readonly outputs: number;
}

/** What the filter of one block is evaluated from. */
export interface HyenaFilterWeights {
  /** [maxLength, embDim]: time, cosines, sines of every position. */
  readonly positions: Float32Array;
  /** [maxLength]: 0 to 1 */
  readonly times: Float32Array;
  /** The last one gives the channels. */
  readonly layers: readonly FilterLayer[];
  /** [order]: shared by the sines behind all layers but the last. */
  readonly frequencies: Float32Array;
  /** [channels]: decay per unit of time, of any sign. */
  readonly decays: Float32Array;
}

export function readFilterWeights(loader: WeightLoader, scope: WeightScope, config: HyenaConfig): HyenaFilterWeights {
  const { dModel, maxLength, filter } = config;
  const { embDim, order, innerLayers } = filter;
  const read = (place: number, inputs: number, outputs: number, biased: boolean): FilterLayer => ({
    weight: loader.read(scope, `implicit_filter.${place}.weight`, [outputs, inputs]),
    bias: biased ? loader.read(scope, `implicit_filter.${place}.bias`, [outputs]) : undefined,
    inputs,
    outputs,
  });
  const inner = Array.from({ length: innerLayers }, (_, i) => read(2 * i + 2, order, order, true));
  return {
    positions: loader.read(scope, 'pos_emb.z', [1, maxLength, embDim]),
    times: loader.read(scope, 'pos_emb.t', [1, maxLength, 1]),
    layers: [read(0, embDim, order, true), ...inner, read(2 * innerLayers + 2, order, dModel, false)],
    frequencies: readFrequencies(loader, scope, config),
    decays: loader.read(scope, 'modulation.deltas', [1, 1, dModel]),
  };
}

/** One tensor under several names, of which a file may have any: safetensors stores shared tensors once. */
function readFrequencies(loader: WeightLoader, scope: WeightScope, { filter }: HyenaConfig): Float32Array {
  const { order, innerLayers, frequency } = filter;
  if (frequency !== undefined) return new Float32Array(order).fill(frequency);
  const names = Array.from({ length: innerLayers + 1 }, (_, i) => `implicit_filter.${2 * i + 1}.freq`);
  scope.ignore(...names);
  return loader.read(scope, names.find((name) => scope.has(name)) ?? (names[0] as string), [1, order]);
}
