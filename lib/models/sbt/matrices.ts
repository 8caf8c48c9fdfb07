import type { SbtConfig } from './config.js';
import type { SbtLayerWeights, SbtLinear, SbtWeights } from './weights.js';

export interface SbtMatrixPlace {
  /** As `layers.0.query`. */
  readonly name: string;
  readonly out: number;
  readonly inner: number;
}

/** Of a layer, in the order in which files have them. */
const IN_LAYER = ['query', 'key', 'value', 'output', 'expand', 'contract'] as const satisfies (keyof SbtLayerWeights)[];

/** Every matrix of a model in the order of its files: embedding, the layers', decoder. */
export function matrixPlaces(config: SbtConfig): SbtMatrixPlace[] {
  const { numVariables, dModel, feedForwardSize, outputSize, numLayers } = config;
  const size = (part: string) => ({
    out: part === 'expand' ? feedForwardSize : dModel,
    inner: part === 'contract' ? feedForwardSize : dModel,
  });
  const layer = (i: number) => IN_LAYER.map((part) => ({ name: `layers.${i}.${part}`, ...size(part) }));
  return [
    { name: 'embedding', out: dModel, inner: numVariables },
    ...Array.from({ length: numLayers }, (_, i) => layer(i)).flat(),
    { name: 'decoder', out: outputSize, inner: dModel },
  ];
}

/** The matrices in that order. */
export function linearsOf({ embedding, layers, decoder }: SbtWeights): SbtLinear[] {
  return [embedding, ...layers.flatMap((layer) => IN_LAYER.map((part) => layer[part])), decoder];
}

export type LayerLinears = Pick<SbtLayerWeights, (typeof IN_LAYER)[number]>;

/** Back from that order. */
export function arrangeLinears(linears: readonly SbtLinear[]) {
  const at = (i: number) => linears[i] as SbtLinear;
  const numLayers = (linears.length - 2) / IN_LAYER.length;
  const layers = Array.from({ length: numLayers }, (_, layer) => {
    const entries = IN_LAYER.map((part, i) => [part, at(1 + layer * IN_LAYER.length + i)]);
    return Object.fromEntries(entries) as LayerLinears;
  });
  return { embedding: at(0), layers, decoder: at(linears.length - 1) };
}
