import type { TensorData } from '../tensor/tensor.js';

/** What one layer merged in one series. */
export interface LayerTrace {
  readonly layer: number;
  /** Tokens that went into the merge, and that came out. */
  readonly tokensBefore: number;
  readonly tokens: number;
  /** [tokensBefore]: the token after the merge that a token before it stands in. */
  readonly map: Int32Array;
  /** Similarity of the least similar pair that was merged; NaN if none was. */
  readonly lastSimilarity: number;
}

/** What merging did to one series. */
export interface SeriesTrace {
  /** [tokens]: place in the series of every token in front of the first layer; places without a value are left out. */
  readonly positions: Int32Array;
  /** Every layer that merges, from the first. */
  readonly layers: readonly LayerTrace[];
}

/** [tokens in front of the first layer]: the token each stands in after the first `count` merges. */
export function composedMap({ positions, layers }: SeriesTrace, count = layers.length): Int32Array {
  let map = Int32Array.from(positions.keys());
  for (const layer of layers.slice(0, count)) map = map.map((place) => layer.map[place] as number);
  return map;
}

/** By series: from the outputs that a TokenMerger recorded; undefined where nothing was traced. */
export function readTrace(outputs: Readonly<Record<string, TensorData>>): SeriesTrace[] | undefined {
  const offsets = outputs['merge.offsets']?.data;
  if (!offsets) return undefined;
  const positions = outputs['merge.positions']!.data as Int32Array;
  const layers = Object.keys(outputs).flatMap((name) => {
    const [, layer] = /^merge\.(\d+)\.map$/.exec(name) ?? [];
    return layer === undefined ? [] : [Number(layer)];
  });
  layers.sort((a, b) => a - b);
  return Array.from({ length: offsets.length - 1 }, (_, b) => ({
    positions: positions.slice(offsets[b], offsets[b + 1]),
    layers: layers.map((layer) => readLayer(outputs, layer, b)),
  }));
}

function readLayer(outputs: Readonly<Record<string, TensorData>>, layer: number, b: number): LayerTrace {
  const read = (name: string) => outputs[`merge.${layer}.${name}`]!.data;
  const before = read('offsetsBefore');
  const after = read('offsets');
  const map = (read('map') as Int32Array).slice(before[b], before[b + 1]);
  return {
    layer,
    tokensBefore: map.length,
    tokens: (after[b + 1] as number) - (after[b] as number),
    map,
    lastSimilarity: read('last')[b] as number,
  };
}
