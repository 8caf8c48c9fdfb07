import type { ProgramBuilder, SymbolicTensor } from '../../backend/program.js';
import type { BlockState } from '../../layers/recurrent-block.js';
import type { MergingPlan } from '../../merging/options.js';
import type { TokenMerger } from '../../merging/token-merger.js';
import { linear } from '../../ops/linear.js';
import { unmergeTokens } from '../../ops/merge-tokens.js';
import { gatherRows, padRows } from '../../ops/rows.js';
import { elementCount } from '../../tensor/tensor.js';
import { type BackboneRows, embedTokens, finalNorm, recurrentBackbone, type TokenRows } from './backbone.js';
import { type StateSizes, stateName } from './state.js';
import type { MambaWeights } from './weights.js';

/** What a program is given and what it gives. */
export interface ForwardForm {
  /** Input `x` in place of `ids`. */
  readonly embeds: boolean;
  /** The batch is a rectangle with holes: rows go to their `positions`, and zeros where there is none. */
  readonly padded: boolean;
  /** Series go on from a state. */
  readonly state: boolean;
  readonly logits: 'all' | 'last' | 'none' | 'classes';
  /** The rows behind the final norm. */
  readonly features: boolean;
  /** The residual stream behind every block. */
  readonly blocks: boolean;
  /** Logits and features have a row for every token that was given. */
  readonly unmerge: boolean;
  readonly merging: MergingPlan | undefined;
}

export interface ForwardConfig {
  readonly hiddenSize: number;
  readonly normEpsilon: number;
  readonly state: StateSizes;
}

/**
 * ids [rows] or x [rows, hidden], offsets, positions [, length] [, last, lastOffsets] [, state.<i>.conv, state.<i>.scan]
 * → [logits] [, scores] [, features] [, block.<i>] [, mergedOffsets, sizes, map], state.<i>.conv, state.<i>.scan; `last` are the
 * rows whose logits are wanted, lastOffsets tells whose they are. Scores are the classifier of every row that is left.
 */
export function recordForward(
  builder: ProgramBuilder,
  config: ForwardConfig,
  weights: MambaWeights,
  form: ForwardForm,
): void {
  const x = form.embeds ? builder.input('x', 'float32', config.hiddenSize) : embedTokens(builder, weights);
  const rows = { x, offsets: builder.input('offsets', 'int32', 1), positions: builder.input('positions', 'int32', 1) };
  const rectangle = rectangleOf(builder, rows, form);
  const out = recurrentBackbone(rows, weights, {
    merging: form.merging,
    states: form.state ? stateInputs(builder, config.state) : undefined,
    onBlock: (block, i) => form.blocks && builder.output(`block.${i}`, rectangle(block)),
  });
  recordOutputs(builder, config, weights, form, out, rectangle);
  if (form.merging) recordMerged(builder, out.merger);
  for (const [i, state] of out.states.entries()) {
    builder.output(stateName(i, 'conv'), state.conv);
    builder.output(stateName(i, 'scan'), state.scan);
  }
}

function stateInputs(builder: ProgramBuilder, { numLayers, conv, scan }: StateSizes): BlockState[] {
  return Array.from({ length: numLayers }, (_, i) => ({
    conv: builder.input(stateName(i, 'conv'), 'float32', elementCount(conv)),
    scan: builder.input(stateName(i, 'scan'), 'float32', elementCount(scan)),
  }));
}

type Rectangle = (x: SymbolicTensor) => SymbolicTensor;

/** One row for every token given, to one for every place of the rectangle. */
function rectangleOf(builder: ProgramBuilder, rows: TokenRows, { padded }: ForwardForm): Rectangle {
  if (!padded) return (x) => x;
  const length = builder.input('length', 'int32', 1);
  return (x) => padRows({ ...rows, x }, length).padded;
}

function recordOutputs(
  builder: ProgramBuilder,
  config: ForwardConfig,
  weights: MambaWeights,
  { logits, features, blocks, unmerge }: ForwardForm,
  { x, merger }: BackboneRows,
  rectangle: Rectangle,
): void {
  const head = (normed: SymbolicTensor) => linear(normed, builder.weight(weights.head));
  const full = (rows: SymbolicTensor) => (unmerge ? rectangle(merger.unmerge(rows)) : rows);
  if (logits === 'last') {
    // Nothing but these rows has to pass the norm and the head.
    const last = lastRows(builder, x, merger);
    builder.output('logits', head(finalNorm(last, weights, config)));
  }
  if (logits !== 'all' && logits !== 'classes' && !features && !blocks) return;
  const normed = finalNorm(x, weights, config);
  // The head before cloning: fewer rows.
  if (logits === 'all') builder.output('logits', full(head(normed)));
  const { classifier } = weights;
  if (logits === 'classes' && classifier) {
    const bias = classifier.bias && builder.weight(classifier.bias);
    builder.output('scores', linear(normed, builder.weight(classifier.weight), { bias }));
  }
  if (features) builder.output('features', full(normed));
  if (blocks) builder.output('normed', rectangle(merger.unmerge(normed)));
}

/** The rows in which the tokens `last` stand. */
function lastRows(builder: ProgramBuilder, x: SymbolicTensor, merger: TokenMerger): SymbolicTensor {
  const last = builder.input('last', 'int32', 1);
  const lastOffsets = builder.input('lastOffsets', 'int32', 1);
  if (!merger.map) return gatherRows(x, last);
  return unmergeTokens(x, merger.offsets, gatherRows(merger.map, last), lastOffsets);
}

function recordMerged(builder: ProgramBuilder, { offsets, sizes, map }: TokenMerger): void {
  builder.output('mergedOffsets', offsets);
  if (sizes) builder.output('sizes', sizes);
  if (map) builder.output('map', map);
}
