import type { WeightHandle } from '../../backend/backend.js';
import type { ProgramBuilder } from '../../backend/program.js';
import { TokenMerger } from '../../merging/token-merger.js';
import { layerNorm } from '../../ops/norm.js';
import { recordMerged } from '../merged-states.js';
import type { TokenForm, TokenHead } from '../token-forward.js';
import { inputRows, recordHeads, rectangleOf } from '../token-programs.js';
import { hyenaMixer, hyenaMlp } from './block.js';
import type { HyenaConfig } from './config.js';
import type { HyenaWeights } from './weights.js';

/** What a program is given and what it gives. */
export interface HyenaForm extends TokenForm {
  readonly head: TokenHead;
}

/**
 * ids [rows] or x [rows, dModel], offsets, positions [, length] → [logits] [, scores] [, features] [, block.<i>, normed]
 * [, mergedOffsets, sizes, map]. Scores are the classifier of every token that is left.
 */
export function recordForward(
  builder: ProgramBuilder,
  config: HyenaConfig,
  weights: HyenaWeights,
  filters: readonly WeightHandle[],
  form: HyenaForm,
): void {
  const rows = inputRows(builder, form, weights.embedding, config.dModel);
  const rectangle = rectangleOf(builder, rows, form);
  const merger = new TokenMerger(form.merging, rows);
  let hidden = rows.x;
  for (const [i, block] of weights.blocks.entries()) {
    const filter = builder.weight(filters[i] as WeightHandle);
    hidden = merger.merge(hyenaMixer(hidden, merger.offsets, filter, block, config), i);
    hidden = hyenaMlp(hidden, block, config);
    if (form.blocks) builder.output(`block.${i}`, rectangle(merger.unmerge(hidden)));
  }
  merger.traceOriginal();
  const normed = layerNorm(hidden, builder.weight(weights.finalNorm.weight), {
    bias: builder.weight(weights.finalNorm.bias),
    epsilon: config.finalEpsilon,
  });
  recordHeads(normed, weights, { ...form, wanted: WANTED[form.head] }, { merger, rectangle });
  if (form.merging) recordMerged(merger);
}

const WANTED = { lm: 'logits', classifier: 'scores', none: undefined } as const;
