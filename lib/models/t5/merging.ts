import type { MergingTarget } from '../../merging/options.js';
import type { T5Config } from './config.js';

/** Measured by `npm run bench -- decoder-share`; the figures stand in docs/library.md, "Token merging". */
const DECODER =
  "its decoder's tokens are not merged: attention over the own past takes less than a tenth of the time of a forecast of " +
  '64 steps';

/**
 * What a T5 model merges: tokens of its encoder, any two of them by default, as the paper does where attention is
 * quadratic anyway.
 */
export function encoderMerging(model: string, { numLayers }: T5Config): MergingTarget {
  return { model, numLayers, k: 'global', refuses: { decoder: DECODER, both: DECODER } };
}
