/** `tidemerge/analysis`: what models cost, with and without merging. */

export type { HyenaShape } from './hyena-flops.js';
export { hyenaBlockFlops, hyenaFlops, longConvFlops } from './hyena-flops.js';
export type { LayerTokens, MergeShape, T5Shape } from './t5-flops.js';
export { decoderFlops, encoderFlops, encoderLayerFlops, layerTokens } from './t5-flops.js';
