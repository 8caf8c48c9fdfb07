import type { WeightHandle } from '../../backend/backend.js';
import type { SymbolicTensor } from '../../backend/program.js';
import type { BlockState, RecurrentBlock } from '../../layers/recurrent-block.js';
import type { MergingPlan } from '../../merging/options.js';
import { type RecordedMerge, TokenMerger } from '../../merging/token-merger.js';
import { rmsNorm } from '../../ops/norm.js';
import type { TokenRows } from '../token-rows.js';

/*
 * Embedding, blocks and final norm of a state-space model, without a head: what language models, classifiers and
 * forecasters have in common.
 *
 *     const rows = inputRows(builder, { embeds: false }, weights.embedding, hiddenSize); // or rows of your own
 *     const { x, merger } = recurrentBackbone(rows, weights, { merging });
 *     const features = merger.unmerge(finalNorm(x, weights, config));
 */

/** Without an embedding: for tokens of other kinds. */
export interface StackWeights {
  /** Each knows its weights. */
  readonly blocks: readonly RecurrentBlock[];
  /** [hidden] */
  readonly finalNorm: WeightHandle;
}

export interface BackboneWeights extends StackWeights {
  /** [vocabSize, hidden] */
  readonly embedding: WeightHandle;
}

export interface BackboneOptions {
  /** Tokens merge behind every block's residual add; the next block takes merged tokens for neighbours. */
  readonly merging?: MergingPlan | undefined;
  /** By block: where every series goes on. Zeros when absent. */
  readonly states?: readonly BlockState[] | undefined;
  /** Sees the residual stream behind every block, one row for every token given. */
  readonly onBlock?: ((x: SymbolicTensor, block: number) => void) | undefined;
  readonly onMerge?: ((merge: RecordedMerge) => void) | undefined;
}

export interface BackboneRows {
  /** float32 [rows', hidden]: the residual stream behind the last block and its merge, in front of the final norm. */
  readonly x: SymbolicTensor;
  readonly merger: TokenMerger;
  /** By block: the state behind the last row of every series. */
  readonly states: readonly BlockState[];
}

export function recurrentBackbone(
  { x, offsets, positions }: TokenRows,
  { blocks }: Pick<StackWeights, 'blocks'>,
  { merging, states: before, onBlock, onMerge }: BackboneOptions = {},
): BackboneRows {
  const merger = new TokenMerger(merging, { offsets, positions }, onMerge);
  const states: BlockState[] = [];
  let hidden = x;
  for (const [i, block] of blocks.entries()) {
    const stepped = block(hidden, merger.offsets, before?.[i]);
    states.push(stepped.state);
    hidden = merger.merge(stepped.x, i);
    onBlock?.(merger.unmerge(hidden), i);
  }
  merger.traceOriginal();
  return { x: hidden, merger, states };
}

/** x float32 [rows, hidden] → the same. */
export function finalNorm(
  x: SymbolicTensor,
  weights: Pick<StackWeights, 'finalNorm'>,
  { normEpsilon }: { readonly normEpsilon: number },
): SymbolicTensor {
  return rmsNorm(x, x.builder.weight(weights.finalNorm), { epsilon: normEpsilon });
}
