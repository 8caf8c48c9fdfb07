import type { MergingTarget } from '../../merging/options.js';
import type { T5Config } from './config.js';

/** Measured with `npm run bench -- decoder-share`; see docs/library.md, "Token merging". */
const DECODER =
  'expected encoder, because attention over the own past of a forecast of 64 steps is PERCENT of its work: there is nothing to win';

/**
 * What a T5 model merges: tokens of its encoder, any two of them by default, as the paper does where attention is
 * quadratic anyway.
 */
export function encoderMerging(model: string, { numLayers }: T5Config): MergingTarget {
  return { model, numLayers, k: 'global', refuses: { decoder: DECODER, both: DECODER } };
}
