import type { ProgramBuilder, SymbolicTensor } from '../../backend/program.js';
import type { BlockState } from '../../layers/recurrent-block.js';
import type { TokenMerger } from '../../merging/token-merger.js';
import { linear } from '../../ops/linear.js';
import { unmergeTokens } from '../../ops/merge-tokens.js';
import { gatherRows } from '../../ops/rows.js';
import { elementCount } from '../../tensor/tensor.js';
import { recordMerged } from '../merged-states.js';
import type { TokenForm } from '../token-forward.js';
import { inputRows, type Rectangle, recordHeads, rectangleOf } from '../token-programs.js';
import { type BackboneRows, finalNorm, recurrentBackbone } from './backbone.js';
import { type StateSizes, stateName } from './state.js';
import type { MambaWeights } from './weights.js';

/** What a program is given and what it gives. */
export interface ForwardForm extends TokenForm {
  /** Series go on from a state. */
  readonly state: boolean;
  readonly logits: 'all' | 'last' | 'none' | 'classes';
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
  const rows = inputRows(builder, form, weights.embedding, config.hiddenSize);
  const rectangle = rectangleOf(builder, rows, form);
  const out = recurrentBackbone(rows, weights, {
    merging: form.merging,
    states: form.state ? stateInputs(builder, config.state) : undefined,
    onBlock: (block, i) => form.blocks && builder.output(`block.${i}`, rectangle(block)),
  });
  recordOutputs(builder, config, weights, form, out, rectangle);
  if (form.merging) recordMerged(out.merger);
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

function recordOutputs(
  builder: ProgramBuilder,
  config: ForwardConfig,
  weights: MambaWeights,
  form: ForwardForm,
  { x, merger }: BackboneRows,
  rectangle: Rectangle,
): void {
  if (form.logits === 'last') {
    // Nothing but these rows has to pass the norm and the head.
    const last = finalNorm(lastRows(builder, x, merger), weights, config);
    builder.output('logits', linear(last, builder.weight(weights.head)));
  }
  const wanted = form.logits === 'all' ? 'logits' : form.logits === 'classes' ? 'scores' : undefined;
  if (!wanted && !form.features && !form.blocks) return;
  recordHeads(finalNorm(x, weights, config), weights, { ...form, wanted }, { merger, rectangle });
}

/** The rows in which the tokens `last` stand. */
function lastRows(builder: ProgramBuilder, x: SymbolicTensor, merger: TokenMerger): SymbolicTensor {
  const last = builder.input('last', 'int32', 1);
  const lastOffsets = builder.input('lastOffsets', 'int32', 1);
  if (!merger.map) return gatherRows(x, last);
  return unmergeTokens(x, merger.offsets, gatherRows(merger.map, last), lastOffsets);
}
