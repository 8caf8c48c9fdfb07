import type { WeightHandle } from '../backend/backend.js';
import type { ProgramBuilder, SymbolicTensor } from '../backend/program.js';
import type { TokenMerger } from '../merging/token-merger.js';
import { embedding } from '../ops/embedding.js';
import { linear } from '../ops/linear.js';
import { padRows } from '../ops/rows.js';
import type { PooledClassifier } from './pooled-scores.js';
import type { TokenForm } from './token-forward.js';
import type { TokenRows } from './token-rows.js';

/*
 * How the programs behind token-forward.ts begin and end.
 */

export interface HeadWeights {
  /** [vocabSize, hidden]: the embedding itself where the file has no head of its own. */
  readonly head: WeightHandle;
  readonly classifier: ClassifierWeights | undefined;
}

/** A linear layer on the rows behind the final norm. */
export interface ClassifierWeights extends PooledClassifier {
  /** [labels, hidden] */
  readonly weight: WeightHandle;
  /** [labels] */
  readonly bias: WeightHandle | undefined;
}

/** The inputs ids [rows] or x [rows, width], offsets, positions; `table` is the embedding [vocabSize, width]. */
export function inputRows(
  builder: ProgramBuilder,
  { embeds }: Pick<TokenForm, 'embeds'>,
  table: WeightHandle,
  width: number,
): TokenRows {
  return {
    x: embeds
      ? builder.input('x', 'float32', width)
      : embedding(builder.input('ids', 'int32', 1), builder.weight(table)),
    offsets: builder.input('offsets', 'int32', 1),
    positions: builder.input('positions', 'int32', 1),
  };
}

export type Rectangle = (x: SymbolicTensor) => SymbolicTensor;

/** One row for every token given, to one for every place of the rectangle; with holes there is an input `length`. */
export function rectangleOf(builder: ProgramBuilder, rows: TokenRows, { padded }: TokenForm): Rectangle {
  if (!padded) return (x) => x;
  const length = builder.input('length', 'int32', 1);
  return (x) => padRows({ ...rows, x }, length).padded;
}

/** normed, the rows behind the final norm → [logits] [, scores] [, features] [, normed]. */
export function recordHeads(
  normed: SymbolicTensor,
  { head, classifier }: HeadWeights,
  { features, blocks, unmerge, wanted }: TokenForm & { readonly wanted: 'logits' | 'scores' | undefined },
  { merger, rectangle }: { readonly merger: TokenMerger; readonly rectangle: Rectangle },
): void {
  const { builder } = normed;
  const full = (rows: SymbolicTensor) => (unmerge ? rectangle(merger.unmerge(rows)) : rows);
  // Heads before cloning: fewer rows.
  if (wanted === 'logits') builder.output('logits', full(linear(normed, builder.weight(head))));
  if (wanted === 'scores' && classifier) {
    const bias = classifier.bias && builder.weight(classifier.bias);
    builder.output('scores', linear(normed, builder.weight(classifier.weight), { bias }));
  }
  if (features) builder.output('features', full(normed));
  if (blocks) builder.output('normed', rectangle(merger.unmerge(normed)));
}
