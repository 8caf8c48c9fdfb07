/** `tidemerge/analysis`: what models cost, with and without merging. */

export type { LayerTokens, MergeShape, T5Shape } from './t5-flops.js';
export { decoderFlops, encoderFlops, encoderLayerFlops, layerTokens } from './t5-flops.js';
