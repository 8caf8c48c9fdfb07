import type { MergingTarget } from '../../merging/options.js';
import { readTrace } from '../../merging/trace.js';
import type { RunOptions } from '../forecast-model.js';
import type { Outputs } from '../model-host.js';
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

/** Runs a program with an encoder in it, under a name of its own for every way to merge, and hands on what was merged. */
export async function runMerging(
  key: string,
  { merging, onTrace }: Pick<RunOptions, 'merging' | 'onTrace'>,
  run: (key: string) => Promise<Outputs>,
): Promise<Outputs> {
  const out = await run(merging ? `${key} ${merging.key}` : key);
  const trace = onTrace && readTrace(out);
  if (trace) onTrace(trace);
  return out;
}
