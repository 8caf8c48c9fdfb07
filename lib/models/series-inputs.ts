import { matrix } from '../tensor/tensor.js';
import type { EmbeddedBatch, SeriesBatch } from './forecast-model.js';
import type { Inputs, Outputs } from './model-host.js';

/* Series as the programs of forecasters take them, and embeddings as they give them. */

export function seriesInputs({ values, offsets }: SeriesBatch): Inputs {
  return { values: matrix(values), offsets: matrix(offsets) };
}

export function embedInputs(batch: SeriesBatch, length: number): Inputs {
  return { ...seriesInputs(batch), length: matrix(Int32Array.of(length)) };
}

/** From the outputs embeddings, mask, scale and, of some models, loc. */
export function embeddedBatch(out: Outputs): EmbeddedBatch {
  return {
    data: out.embeddings!.data as Float32Array,
    mask: out.mask!.data as Uint8Array,
    ...(out.loc && { loc: out.loc.data as Float32Array }),
    scale: out.scale!.data as Float32Array,
  };
}
