import type { ProgramBuilder, SymbolicTensor } from '../../backend/program.js';
import { residualBlock } from '../../layers/residual-block.js';
import type { MergingPlan } from '../../merging/options.js';
import { scaleShift } from '../../ops/elementwise.js';
import { embedding } from '../../ops/embedding.js';
import { instanceNormPatch } from '../../ops/instance-norm-patch.js';
import { fillIds, uniformOffsets } from '../../ops/offsets.js';
import { appendRow, padRows } from '../../ops/rows.js';
import { outputLevels } from '../quantile-programs.js';
import { crossMemories, decodeT5 } from '../t5/decoder.js';
import { encodeT5 } from '../t5/encoder.js';
import type { ChronosBoltConfig } from './config.js';
import type { ChronosBoltWeights } from './weights.js';

/** What programs are recorded with: the merging of the encoder. */
export type Merging = MergingPlan | undefined;

/*
 * What Chronos-Bolt computes, as programs. b series, P tokens of a series (patches and the register token), Q trained
 * quantiles, H the model's horizon, d dModel.
 */

/** Values to standardised patches to encoder output. */
function encode(builder: ProgramBuilder, config: ChronosBoltConfig, weights: ChronosBoltWeights, merging: Merging) {
  const values = builder.input('values', 'float64', 1);
  const batch = builder.input('offsets', 'int32', 1);
  const { patches, offsets, positions, counts, loc, scale } = instanceNormPatch(values, batch, config);
  const embedded = residualBlock(patches, weights.inputPatch, config.t5); // [patches, d]
  let rows = { x: embedded, offsets, positions };
  if (weights.regToken) rows = appendRow(rows, counts, builder.weight(weights.regToken));
  return { rows, encoded: encodeT5(rows, weights.encoder, config.t5, { merging }), loc, scale };
}

/** One decoder step for every series, and the head: float32 [b, Q · H] in units of the series. */
function decode(
  builder: ProgramBuilder,
  { rows, encoded, loc, scale }: ReturnType<typeof encode>,
  config: ChronosBoltConfig,
  weights: ChronosBoltWeights,
): SymbolicTensor {
  const { t5 } = config;
  const one = builder.input('one', 'int32', 1);
  const start = embedding(fillIds(rows.offsets, one, t5.decoderStartTokenId), builder.weight(weights.tokens)); // [b, d]
  const offsets = uniformOffsets(rows.offsets, one);
  const positions = fillIds(rows.offsets, one, 0);
  const memories = crossMemories(encoded, weights.decoder, t5, { packed: false });
  const state = decodeT5({ x: start, offsets, positions }, memories, weights.decoder, t5); // [b, d]
  return scaleShift(residualBlock(state, weights.outputPatch, t5), scale, loc);
}

/** values, offsets, one → predictions [b, Q · H], loc [b], scale [b], mask [b · P]; `length` is P. */
export function recordForward(
  builder: ProgramBuilder,
  config: ChronosBoltConfig,
  weights: ChronosBoltWeights,
  merging: Merging,
): void {
  const encoder = encode(builder, config, weights, merging);
  builder.output('predictions', decode(builder, encoder, config, weights));
  builder.output('loc', encoder.loc);
  builder.output('scale', encoder.scale);
  builder.output('mask', padRows(encoder.rows, builder.input('length', 'int32', 1)).mask);
}

/** values, offsets, one → predictions [b, Q · H]. */
export function recordPaths(
  builder: ProgramBuilder,
  config: ChronosBoltConfig,
  weights: ChronosBoltWeights,
  merging: Merging,
): void {
  builder.output('predictions', decode(builder, encode(builder, config, weights, merging), config, weights));
}

/** values, offsets, one, levels [n], middle [1] → quantiles [b · H, n], median [b · H]. */
export function recordQuantiles(
  builder: ProgramBuilder,
  config: ChronosBoltConfig,
  weights: ChronosBoltWeights,
  merging: Merging,
): void {
  const predictions = decode(builder, encode(builder, config, weights, merging), config, weights);
  outputLevels(predictions, config, weights);
}

/** values, offsets, length P → embeddings [b · P, d], zero where masked, mask [b · P], loc [b], scale [b]. */
export function recordEmbed(
  builder: ProgramBuilder,
  config: ChronosBoltConfig,
  weights: ChronosBoltWeights,
  merging: Merging,
): void {
  const { rows, encoded, loc, scale } = encode(builder, config, weights, merging);
  const x = encoded.merger.unmerge(encoded.x);
  const { padded, mask } = padRows({ ...rows, x }, builder.input('length', 'int32', 1));
  builder.output('embeddings', padded);
  builder.output('mask', mask);
  builder.output('loc', loc);
  builder.output('scale', scale);
}
