import type { ProgramBuilder, SymbolicTensor } from '../../backend/program.js';
import { activation, add } from '../../ops/elementwise.js';
import { reduceByMap } from '../../ops/merge-tokens.js';
import { appendRow, gatherRows } from '../../ops/rows.js';
import type { SbtHandles, SbtLayerHandles } from './handles.js';
import {
  afterAttention,
  afterResidual,
  askHeads,
  attend,
  feedForward,
  normalise,
  passAttention,
  passPast,
  project,
  projectPart,
  rowsAt,
  type SbtContext,
  type WindowRows,
} from './layers.js';

/*
 * What a sparse binary transformer computes, as programs. S samples of m variables, B windows of w steps made of them, d
 * dModel. Every sample is embedded once, in however many windows it stands.
 */

/** Embedded samples [S, d], without a place. */
function embed(builder: ProgramBuilder, weights: SbtHandles, context: SbtContext): SymbolicTensor {
  const samples = builder.input('samples', 'float32', context.config.numVariables);
  return project(samples, weights.embedding, context);
}

function placed(x: SymbolicTensor, positions: SymbolicTensor, weights: SbtHandles): SymbolicTensor {
  return weights.positions ? add(x, rowsAt(weights.positions, positions)) : x;
}

/** `indices` says which of the rows make up the windows; absent where the rows are those of the windows. */
interface SampleRows extends WindowRows {
  readonly indices?: SymbolicTensor;
}

/** The samples `<name>` with `<name>Positions`, window by window as `<name>Offsets` says; or, shared, all samples. */
function rowsOf(
  builder: ProgramBuilder,
  name: 'past' | 'newest' | 'rows',
  embedded: SymbolicTensor,
  weights: SbtHandles,
  shared = false,
): SampleRows {
  const indices = builder.input(name, 'int32', 1);
  const positions = builder.input(`${name}Positions`, 'int32', 1);
  const offsets = builder.input(`${name}Offsets`, 'int32', 1);
  if (shared) return { x: embedded, offsets, positions, indices };
  return { x: placed(gatherRows(embedded, indices), positions, weights), offsets, positions };
}

/** The rows of one layer's self-attention, each seeing its whole window, and the rest of the layer. */
function fullLayer(rows: WindowRows, queries: WindowRows, layer: SbtLayerHandles, context: SbtContext): WindowRows {
  const query = projectPart('query', queries, layer, context);
  const key = projectPart('key', rows, layer, context);
  const value = projectPart('value', rows, layer, context);
  const mixed = attend(query, queries.offsets, key, value, rows.offsets, context);
  return afterAttention(mixed, queries, layer, context);
}

function decode(x: SymbolicTensor, weights: SbtHandles, context: SbtContext): SymbolicTensor {
  return project(x, weights.decoder, context);
}

/**
 * samples, offsets, positions, whole (zeros, [S]) → logits [B, classes]: the mean over a sample's steps is
 * taken before the decoder, which is linear.
 */
export function recordClassify(builder: ProgramBuilder, weights: SbtHandles, context: SbtContext): void {
  const positions = builder.input('positions', 'int32', 1);
  const offsets = builder.input('offsets', 'int32', 1);
  let rows: WindowRows = { x: placed(embed(builder, weights, context), positions, weights), offsets, positions };
  for (const layer of weights.layers) rows = fullLayer(rows, rows, layer, context);
  const whole = builder.input('whole', 'int32', 1);
  const pooled = reduceByMap(activation(rows.x, 'relu'), whole, offsets, { reduce: 'mean' });
  builder.output('logits', decode(pooled, weights, context));
}

/** The decoded newest step of every window, [B, outputs]. */
export function recordNewest(builder: ProgramBuilder, weights: SbtHandles, context: SbtContext): void {
  const record = { full: fullNewest, mixed: mixedNewest, shared: stepNewest, windows: stepNewest }[weights.newestWay];
  builder.output('newest', decode(activation(record(builder, weights, context), 'relu'), weights, context));
}

/** Every step sees every step; in the last layer only the newest one is looked at, unless its norm needs all. */
function fullNewest(builder: ProgramBuilder, weights: SbtHandles, context: SbtContext): SymbolicTensor {
  const last = builder.input('newestRows', 'int32', 1);
  let rows = rowsOf(builder, 'rows', embed(builder, weights, context), weights);
  const mixes = context.config.norm === 'time';
  for (const layer of mixes ? weights.layers : weights.layers.slice(0, -1))
    rows = fullLayer(rows, rows, layer, context);
  const x = gatherRows(rows.x, last);
  const offsets = builder.input('newestOffsets', 'int32', 1);
  if (mixes) return x;
  const newest = { x, offsets, positions: gatherRows(rows.positions, last) };
  return fullLayer(rows, newest, weights.layers.at(-1)!, context).x;
}

/**
 * Step-T attention, exactly: a past step sees itself alone, so that its attention output is its own value and it passes
 * through the layer like any single row; the newest step asks the past ones, and not itself. The last layer's past steps
 * are only asked. Where no place is added, past steps are computed once for all windows they are in.
 */
function stepNewest(builder: ProgramBuilder, weights: SbtHandles, context: SbtContext): SymbolicTensor {
  const embedded = embed(builder, weights, context);
  const shared = weights.newestWay === 'shared';
  let past = rowsOf(builder, 'past', embedded, weights, shared);
  let newest: WindowRows = rowsOf(builder, 'newest', embedded, weights);
  for (const [l, layer] of weights.layers.entries()) {
    newest = afterResidual(askPast(past, newest, layer, context), newest, layer, context);
    if (l + 1 < weights.layers.length) past = { ...past, ...passPast(past, layer, context) };
  }
  return newest.x;
}

/** What the newest steps make of what they see, residual included. */
function askPast(past: SampleRows, newest: WindowRows, layer: SbtLayerHandles, context: SbtContext): SymbolicTensor {
  if (layer.heads) {
    const x = past.indices ? gatherRows(past.x, past.indices) : past.x;
    return askHeads(newest, { x, offsets: past.offsets }, layer.heads, context);
  }
  const [query, key, value] = (['query', 'key', 'value'] as const).map((part) =>
    projectPart(part, part === 'query' ? newest : past, layer, context),
  ) as [SymbolicTensor, SymbolicTensor, SymbolicTensor];
  const mixed = attend(query, newest.offsets, key, value, past.offsets, context);
  return project(mixed, layer.output, context, { residual: newest.x });
}

/** The same where norms mix the steps: all rows of a window come together for them, in every layer. */
function mixedNewest(builder: ProgramBuilder, weights: SbtHandles, context: SbtContext): SymbolicTensor {
  const embedded = embed(builder, weights, context);
  let past: WindowRows = rowsOf(builder, 'past', embedded, weights);
  let newest: WindowRows = rowsOf(builder, 'newest', embedded, weights);
  const pastRows = builder.input('pastRows', 'int32', 1);
  const newestRows = builder.input('newestRows', 'int32', 1);
  for (const [l, layer] of weights.layers.entries()) {
    const attendedNewest = askPast(past, newest, layer, context);
    const attendedPast = layer.kept
      ? project(projectPart('value', past, layer, context), layer.output, context, { residual: past.x })
      : passAttention(past.x, layer, context);
    const all = appendRow({ ...past, x: attendedPast }, newest.positions, attendedNewest);
    const normed = normalise(all.x, all.offsets, layer.norms?.[0], context);
    const x = feedForward(normed, all.offsets, layer, context);
    newest = { ...newest, x: gatherRows(x, newestRows) };
    if (l + 1 < weights.layers.length) past = { ...past, x: gatherRows(x, pastRows) };
  }
  return newest.x;
}
