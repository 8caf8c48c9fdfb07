import type { WeightHandle } from '../../backend/backend.js';
import type { ProgramBuilder, SymbolicTensor } from '../../backend/program.js';
import type { MergingPlan } from '../../merging/options.js';
import { TokenMerger } from '../../merging/token-merger.js';
import { embedding } from '../../ops/embedding.js';
import { linear } from '../../ops/linear.js';
import { layerNorm } from '../../ops/norm.js';
import { padRows } from '../../ops/rows.js';
import { hyenaMixer, hyenaMlp } from './block.js';
import type { HyenaConfig } from './config.js';
import type { HyenaWeights } from './weights.js';

/** What a program is given and what it gives. */
export interface HyenaForm {
  /** Input `x` in place of `ids`. */
  readonly embeds: boolean;
  /** The batch is a rectangle with holes: rows go to their `positions`, and zeros where there is none. */
  readonly padded: boolean;
  readonly head: 'lm' | 'classifier' | 'none';
  /** The rows behind the final norm. */
  readonly features: boolean;
  /** The residual stream behind every block. */
  readonly blocks: boolean;
  /** Language model logits and features have a row for every token that was given. */
  readonly unmerge: boolean;
  readonly merging: MergingPlan | undefined;
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
  const x = form.embeds ? builder.input('x', 'float32', config.dModel) : embedIds(builder, weights);
  const rows = { x, offsets: builder.input('offsets', 'int32', 1), positions: builder.input('positions', 'int32', 1) };
  const length = form.padded ? builder.input('length', 'int32', 1) : undefined;
  const rectangle = (full: SymbolicTensor) => (length ? padRows({ ...rows, x: full }, length).padded : full);
  const merger = new TokenMerger(form.merging, rows);
  let hidden = x;
  for (const [i, block] of weights.blocks.entries()) {
    const filter = builder.weight(filters[i] as WeightHandle);
    hidden = merger.merge(hyenaMixer(hidden, merger.offsets, filter, block, config), i);
    hidden = hyenaMlp(hidden, block, config);
    if (form.blocks) builder.output(`block.${i}`, rectangle(merger.unmerge(hidden)));
  }
  merger.traceOriginal();
  recordOutputs(builder, config, weights, form, { hidden, merger, rectangle });
}

function embedIds(builder: ProgramBuilder, { embedding: table }: HyenaWeights): SymbolicTensor {
  return embedding(builder.input('ids', 'int32', 1), builder.weight(table));
}

interface BackboneRows {
  readonly hidden: SymbolicTensor;
  readonly merger: TokenMerger;
  /** One row for every token given, to one for every place of the rectangle. */
  readonly rectangle: (x: SymbolicTensor) => SymbolicTensor;
}

function recordOutputs(
  builder: ProgramBuilder,
  { finalEpsilon }: HyenaConfig,
  { finalNorm, head, classifier }: HyenaWeights,
  form: HyenaForm,
  { hidden, merger, rectangle }: BackboneRows,
): void {
  const normed = layerNorm(hidden, builder.weight(finalNorm.weight), {
    bias: builder.weight(finalNorm.bias),
    epsilon: finalEpsilon,
  });
  const full = (rows: SymbolicTensor) => (form.unmerge ? rectangle(merger.unmerge(rows)) : rows);
  // Heads before cloning: fewer rows.
  if (form.head === 'lm') builder.output('logits', full(linear(normed, builder.weight(head))));
  if (form.head === 'classifier' && classifier) {
    const bias = classifier.bias && builder.weight(classifier.bias);
    builder.output('scores', linear(normed, builder.weight(classifier.weight), { bias }));
  }
  if (form.features) builder.output('features', full(normed));
  if (form.blocks) builder.output('normed', rectangle(merger.unmerge(normed)));
  if (!form.merging) return;
  builder.output('mergedOffsets', merger.offsets);
  if (merger.sizes) builder.output('sizes', merger.sizes);
  if (merger.map) builder.output('map', merger.map);
}
