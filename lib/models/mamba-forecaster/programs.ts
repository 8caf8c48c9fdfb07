import type { ProgramBuilder, SymbolicTensor } from '../../backend/program.js';
import { lastRows } from '../../layers/last-rows.js';
import type { BiasedLinearWeights } from '../../layers/residual-block.js';
import type { MergingPlan } from '../../merging/options.js';
import { scaleShift } from '../../ops/elementwise.js';
import { instanceNormPatch } from '../../ops/instance-norm-patch.js';
import { linear } from '../../ops/linear.js';
import { padRows } from '../../ops/rows.js';
import { finalNorm, recurrentBackbone } from '../mamba/backbone.js';
import { outputLevels } from '../quantile-programs.js';
import type { MambaForecasterConfig } from './config.js';
import type { MambaForecasterWeights } from './weights.js';

/*
 * What a Mamba forecaster computes, as programs. b series, P tokens of a series, Q trained quantiles, H the model's
 * horizon, d hidden.
 */

type Merging = MergingPlan | undefined;

/** Records a program with the blocks in it. */
export type RecordForecaster = (
  builder: ProgramBuilder,
  config: MambaForecasterConfig,
  weights: MambaForecasterWeights,
  merging: Merging,
) => void;

/** values, offsets → standardised patches → the residual stream behind the last block. */
function encode(
  builder: ProgramBuilder,
  config: MambaForecasterConfig,
  weights: MambaForecasterWeights,
  merging: Merging,
) {
  const values = builder.input('values', 'float64', 1);
  const batch = builder.input('offsets', 'int32', 1);
  const cut = { ...config, patchStride: config.patchLength };
  const { patches, offsets, positions, loc, scale } = instanceNormPatch(values, batch, cut);
  const rows = { x: biased(patches, weights.input), offsets, positions };
  return { rows, blocks: recurrentBackbone(rows, weights.stack, { merging }), loc, scale };
}

/** The head on the last token of every series: float32 [b, Q · H] in units of the series. */
function predict(
  builder: ProgramBuilder,
  config: MambaForecasterConfig,
  weights: MambaForecasterWeights,
  merging: Merging,
): SymbolicTensor {
  const { blocks, loc, scale } = encode(builder, config, weights, merging);
  // The last token never merges into another one: the last row is the one it stands in.
  const { offsets } = blocks.merger;
  const last = lastRows({ x: blocks.x, offsets, taps: builder.weight(weights.taps) }, config.hiddenSize); // [b, d]
  return scaleShift(biased(finalNorm(last, weights.stack, config), weights.head), scale, loc);
}

function biased(x: SymbolicTensor, { weight, bias }: BiasedLinearWeights): SymbolicTensor {
  return linear(x, x.builder.weight(weight), { bias: x.builder.weight(bias) });
}

/** values, offsets → predictions [b, Q · H]. */
export const recordPaths: RecordForecaster = (builder, ...model) => {
  builder.output('predictions', predict(builder, ...model));
};

/** values, offsets, levels [n], middle [1] → quantiles [b · H, n], median [b · H]. */
export const recordQuantiles: RecordForecaster = (builder, config, weights, merging) => {
  outputLevels(predict(builder, config, weights, merging), config, weights);
};

/** values, offsets, length P → embeddings [b · P, d], zero where masked, mask [b · P], loc [b], scale [b]. */
export const recordEmbed: RecordForecaster = (builder, config, weights, merging) => {
  const { rows, blocks, loc, scale } = encode(builder, config, weights, merging);
  const x = blocks.merger.unmerge(finalNorm(blocks.x, weights.stack, config));
  const { padded, mask } = padRows({ ...rows, x }, builder.input('length', 'int32', 1));
  builder.output('embeddings', padded);
  builder.output('mask', mask);
  builder.output('loc', loc);
  builder.output('scale', scale);
};
