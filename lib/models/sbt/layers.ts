import type { WeightHandle } from '../../backend/backend.js';
import type { SymbolicTensor } from '../../backend/program.js';
import { attention } from '../../ops/attention.js';
import { multiply, scaleShiftColumns } from '../../ops/elementwise.js';
import { linear } from '../../ops/linear.js';
import { timeNorm } from '../../ops/norm.js';
import { gatherRows } from '../../ops/rows.js';
import { type SparseActivations, sparseLinear } from '../../ops/sparse-linear.js';
import type { SbtConfig } from './config.js';
import type { LinearHandles, NormHandles, SbtLayerHandles } from './handles.js';

/** What every step of a program needs to know of the model. */
export interface SbtContext {
  readonly config: SbtConfig;
  readonly activations: SparseActivations;
}

/** Rows of windows: where the windows begin, and where in its window every row stands. */
export interface WindowRows {
  readonly x: SymbolicTensor;
  /** int32 [windows + 1]; of the rows of x. */
  readonly offsets: SymbolicTensor;
  /** int32 [rows] */
  readonly positions: SymbolicTensor;
}

type Finish = { readonly residual?: SymbolicTensor; readonly activation?: 'relu' };

/** x times a matrix of either kind. */
export function project(
  x: SymbolicTensor,
  { weight, bias }: LinearHandles,
  { activations }: Pick<SbtContext, 'activations'>,
  finish: Finish = {},
): SymbolicTensor {
  const { builder } = x;
  const matrix = builder.weight(weight);
  const options = { bias: bias && builder.weight(bias), ...finish };
  return weight.spec.kind === 'sparse-binary'
    ? sparseLinear(x, matrix, { ...options, activations })
    : linear(x, matrix, options);
}

/** Query, key or value of the rows; where the layer says so, some of its places are zero whatever the input. */
export function projectPart(
  part: 'query' | 'key' | 'value',
  { x, positions }: Pick<WindowRows, 'x' | 'positions'>,
  layer: SbtLayerHandles,
  context: SbtContext,
): SymbolicTensor {
  const projected = project(x, layer[part], context);
  return layer.kept ? multiply(projected, rowsAt(layer.kept[part], positions)) : projected;
}

/** The rows of a [windowLength, dModel] table at these positions. */
export function rowsAt(table: WeightHandle, positions: SymbolicTensor): SymbolicTensor {
  return gatherRows(positions.builder.weight(table), positions);
}

/** Softmax attention of the queries of every window to the keys of that window. */
export function attend(
  query: SymbolicTensor,
  queryOffsets: SymbolicTensor,
  key: SymbolicTensor,
  value: SymbolicTensor,
  keyOffsets: SymbolicTensor,
  { config: { dModel, numHeads } }: SbtContext,
): SymbolicTensor {
  const headDim = dModel / numHeads;
  const heads = { numHeads, headDim, scale: headDim ** -0.5 };
  return attention({ query, key, value, queryOffsets, keyOffsets }, heads);
}

/** What follows a residual sum: nothing, a scale and a shift of every channel, or a normalisation over the window. */
export function normalise(
  x: SymbolicTensor,
  offsets: SymbolicTensor,
  norm: NormHandles | undefined,
  { config }: SbtContext,
): SymbolicTensor {
  if (!norm) return x;
  const scale = x.builder.weight(norm.scale);
  const shift = x.builder.weight(norm.shift);
  if (config.norm === 'batch') return scaleShiftColumns(x, scale, shift);
  return timeNorm(x, { offsets, scale, shift }, { epsilon: config.normEpsilon });
}

/** x + contract(relu(expand(x))), normalised. */
export function feedForward(
  x: SymbolicTensor,
  offsets: SymbolicTensor,
  layer: SbtLayerHandles,
  context: SbtContext,
): SymbolicTensor {
  const hidden = project(x, layer.expand, context, { activation: 'relu' });
  return normalise(project(hidden, layer.contract, context, { residual: x }), offsets, layer.norms?.[1], context);
}

/** The output projection, the feed-forward network and their norms: what no row shares with another but for the norm. */
export function afterAttention(
  mixed: SymbolicTensor,
  rows: WindowRows,
  layer: SbtLayerHandles,
  context: SbtContext,
): WindowRows {
  const { offsets } = rows;
  const attended = project(mixed, layer.output, context, { residual: rows.x });
  const normed = normalise(attended, offsets, layer.norms?.[0], context);
  return { ...rows, x: feedForward(normed, offsets, layer, context) };
}
