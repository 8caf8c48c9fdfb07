import type { WeightHandle } from '../../backend/backend.js';
import type { SymbolicTensor } from '../../backend/program.js';
import { attention, packKeys } from '../../ops/attention.js';
import { multiply, scaleShiftColumns } from '../../ops/elementwise.js';
import { linear } from '../../ops/linear.js';
import { timeNorm } from '../../ops/norm.js';
import { gatherRows } from '../../ops/rows.js';
import { sparseChain } from '../../ops/sparse-chain.js';
import { type SparseActivations, sparseLinear } from '../../ops/sparse-linear.js';
import type { SbtConfig } from './config.js';
import type { HeadHandles, LinearHandles, NormHandles, SbtLayerHandles } from './handles.js';

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
  const linear = part === 'value' ? layer.value : layer.asks![part];
  const projected = project(x, linear, context);
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

/**
 * The attention of one query per window to all `past` rows of it, output projection and residual included. No key or value
 * is computed: see `HeadHandles`.
 */
export function askHeads(
  newest: WindowRows,
  past: Pick<WindowRows, 'x' | 'offsets'>,
  heads: readonly HeadHandles[],
  context: SbtContext,
): SymbolicTensor {
  const { dModel, numHeads } = context.config;
  const one = { numHeads: 1, headDim: dModel, scale: (dModel / numHeads) ** -0.5 };
  const key = packKeys(past.x, past.offsets, one);
  let x = newest.x;
  for (const head of heads) {
    const query = project(project(newest.x, head.query, context), head.keyTransposed, context);
    const inputs = { query, key, value: past.x, queryOffsets: newest.offsets, keyOffsets: past.offsets };
    const value = project(attention(inputs, one), head.value, context);
    x = project(value, head.output, context, { residual: x });
  }
  return x;
}

/** x through value and output projection with its residual, as a step that sees itself alone passes attention. */
export function passAttention(x: SymbolicTensor, layer: SbtLayerHandles, context: SbtContext): SymbolicTensor {
  return projectInTurn(x, [{ linear: layer.value }, { linear: layer.output, residual: 0 }], context);
}

/** The same with the feed-forward network behind it, where no norm stands in between. */
function passLayer(x: SymbolicTensor, layer: SbtLayerHandles, context: SbtContext): SymbolicTensor {
  const stages: readonly Stage[] = [
    { linear: layer.value },
    { linear: layer.output, residual: 0 },
    { linear: layer.expand, activation: 'relu' },
    { linear: layer.contract, residual: 2 },
  ];
  return projectInTurn(x, stages, context);
}

interface Stage {
  readonly linear: LinearHandles;
  readonly activation?: 'relu';
  /** 0: x; i: the result of stage i, counted from 1. */
  readonly residual?: number;
}

/** Products one after the other. */
function projectInTurn(x: SymbolicTensor, stages: readonly Stage[], context: SbtContext): SymbolicTensor {
  if (stages.every(({ linear }) => linear.weight.spec.kind === 'sparse-binary')) {
    const { builder } = x;
    const recorded = stages.map(({ linear: { weight, bias }, ...rest }) => ({
      weight: builder.weight(weight),
      bias: bias && builder.weight(bias),
      ...rest,
    }));
    return sparseChain(x, recorded, context);
  }
  const results = [x];
  for (const { linear, activation, residual } of stages) {
    const added = residual === undefined ? undefined : results[residual];
    results.push(
      project(results.at(-1)!, linear, context, {
        ...(added && { residual: added }),
        ...(activation && { activation }),
      }),
    );
  }
  return results.at(-1)!;
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
  const stages: readonly Stage[] = [
    { linear: layer.expand, activation: 'relu' },
    { linear: layer.contract, residual: 0 },
  ];
  return normalise(projectInTurn(x, stages, context), offsets, layer.norms?.[1], context);
}

/** The output projection and what follows it. */
export function afterAttention(
  mixed: SymbolicTensor,
  rows: WindowRows,
  layer: SbtLayerHandles,
  context: SbtContext,
): WindowRows {
  return afterResidual(project(mixed, layer.output, context, { residual: rows.x }), rows, layer, context);
}

/** The feed-forward network and the norms: what no row shares with another but for the norm. */
export function afterResidual(
  attended: SymbolicTensor,
  rows: WindowRows,
  layer: SbtLayerHandles,
  context: SbtContext,
): WindowRows {
  const { offsets } = rows;
  const normed = normalise(attended, offsets, layer.norms?.[0], context);
  return { ...rows, x: feedForward(normed, offsets, layer, context) };
}

/** Past steps of Step-T attention behind a layer whose norms do not mix them. */
export function passPast(past: WindowRows, layer: SbtLayerHandles, context: SbtContext): WindowRows {
  if (layer.kept) return afterAttention(projectPart('value', past, layer, context), past, layer, context);
  if (!layer.norms) return { ...past, x: passLayer(past.x, layer, context) };
  return afterResidual(passAttention(past.x, layer, context), past, layer, context);
}
