import type { ProgramBuilder, SymbolicTensor } from '../../backend/program.js';
import type { MergingPlan } from '../../merging/options.js';
import { embedding } from '../../ops/embedding.js';
import { linear } from '../../ops/linear.js';
import { fillIds, uniformOffsets, writeColumn, zeros } from '../../ops/offsets.js';
import { sampleMean, sampleMedian, sampleQuantiles } from '../../ops/quantiles.js';
import { padRows } from '../../ops/rows.js';
import { sampleTokens, seriesKeys } from '../../ops/sample.js';
import { meanScaleTokenize, tokensToValues } from '../../ops/tokenize.js';
import type { SamplingSettings } from '../forecast-model.js';
import { recordMerged } from '../merged-states.js';
import { crossMemories, decodeStepT5, decodeT5 } from '../t5/decoder.js';
import { encodeT5 } from '../t5/encoder.js';
import type { ChronosT5Config } from './config.js';
import type { ChronosT5Weights } from './weights.js';

/** What programs are recorded with: the merging of the encoder. */
export type Merging = MergingPlan | undefined;

/*
 * What Chronos-T5 computes, as programs. b series, S samples of a series, H the horizon, V the vocabulary, d dModel.
 */

/**
 * ids, offsets, positions, length L → states [b · L, d], zero where no token is. With `blocks` also block.0, block.1 …:
 * the outputs of the encoder's blocks, in front of the final norm. Merged tokens are cloned back to all they stand for;
 * with `merging` they come as they are too: merged [tokens, d], mergedOffsets, and from the first merge on sizes and map.
 */
export function recordEncode(
  builder: ProgramBuilder,
  { t5 }: ChronosT5Config,
  weights: ChronosT5Weights,
  { blocks, merging }: { readonly blocks: boolean; readonly merging: Merging },
): void {
  const x = embedding(builder.input('ids', 'int32', 1), builder.weight(weights.embeddings));
  const places = { offsets: builder.input('offsets', 'int32', 1), positions: builder.input('positions', 'int32', 1) };
  const length = builder.input('length', 'int32', 1);
  const pad = (rows: SymbolicTensor) => padRows({ x: rows, ...places }, length).padded;
  const onBlock = (rows: SymbolicTensor, i: number) => builder.output(`block.${i}`, pad(rows));
  const options = { merging, onBlock: blocks ? onBlock : undefined };
  const { x: encoded, merger } = encodeT5({ x, ...places }, weights.encoder, t5, options);
  builder.output('states', pad(merger.unmerge(encoded)));
  if (!merging) return;
  builder.output('merged', encoded);
  recordMerged(merger);
}

/** ids, offsets, positions of the decoder; encoded [rows, d] with encodedOffsets (and encodedSizes [rows]) → logits [ids, V]. */
export function recordDecode(
  builder: ProgramBuilder,
  { t5 }: ChronosT5Config,
  weights: ChronosT5Weights,
  { sized }: { readonly sized: boolean },
): void {
  const x = embedding(builder.input('ids', 'int32', 1), builder.weight(weights.embeddings));
  const offsets = builder.input('offsets', 'int32', 1);
  const positions = builder.input('positions', 'int32', 1);
  const encoded = {
    x: builder.input('encoded', 'float32', t5.dModel),
    offsets: builder.input('encodedOffsets', 'int32', 1),
    sizes: sized ? builder.input('encodedSizes', 'float32', 1) : undefined,
  };
  const memories = crossMemories(encoded, weights.decoder, t5, { packed: false });
  const hidden = decodeT5({ x, offsets, positions }, memories, weights.decoder, t5);
  builder.output('logits', linear(hidden, builder.weight(weights.head)));
}

/** values, offsets, length L → embeddings [b · L, d], zero where masked, mask [b · L], scale [b]. */
export function recordEmbed(
  builder: ProgramBuilder,
  config: ChronosT5Config,
  weights: ChronosT5Weights,
  merging: Merging,
): void {
  const { tokens, encoded } = encodeValues(builder, config, weights, merging);
  const x = encoded.merger.unmerge(encoded.x);
  const { padded, mask } = padRows({ ...tokens, x }, builder.input('length', 'int32', 1));
  builder.output('embeddings', padded);
  builder.output('mask', mask);
  builder.output('scale', tokens.scale);
}

/** values, offsets → keys [b, 2]. */
export function recordKeys(builder: ProgramBuilder): void {
  const values = builder.input('values', 'float64', 1);
  builder.output('keys', seriesKeys(values, builder.input('offsets', 'int32', 1)));
}

/**
 * values, offsets, keys [b, 2], seed [2], horizon, numSamples → samples [b · S, H] and lowerMedian [b, H]; or with
 * `statistics`, given levels [n]: quantiles [b · H, n], median [b · H, 1] at the level `middle`, mean [b, H],
 * lowerMedian [b, H].
 *
 * The encoder runs once per series, and so do the keys and values the decoder looks at; the samples of a series are
 * rows of the decoder.
 */
export function recordGenerate(
  builder: ProgramBuilder,
  config: ChronosT5Config,
  weights: ChronosT5Weights,
  sampling: SamplingSettings,
  { statistics, merging }: { readonly statistics: boolean; readonly merging: Merging },
): void {
  const { tokens, encoded } = encodeValues(builder, config, weights, merging);
  const numSamples = builder.input('numSamples', 'int32', 1);
  const ids = generate(builder, { tokens, encoded, numSamples }, config, weights, sampling);
  const samples = tokensToValues(ids, tokens.scale, builder.weight(weights.centers), config.tokenizer); // [b · S, H]
  builder.output('lowerMedian', sampleMedian(samples, numSamples));
  if (statistics) {
    builder.output('quantiles', sampleQuantiles(samples, builder.input('levels', 'float32', 1), numSamples));
    builder.output('median', sampleQuantiles(samples, builder.input('middle', 'float32', 1), numSamples));
    builder.output('mean', sampleMean(samples, numSamples));
  } else {
    builder.output('samples', samples);
  }
}

/** Token ids int32 [b · S, H], one decoding step a turn. */
function generate(
  builder: ProgramBuilder,
  { tokens, encoded, numSamples }: ReturnType<typeof encodeValues> & { readonly numSamples: SymbolicTensor },
  { t5, tokenizer }: ChronosT5Config,
  weights: ChronosT5Weights,
  sampling: SamplingSettings,
): SymbolicTensor {
  const keys = builder.input('keys', 'int32', 2);
  const seed = builder.input('seed', 'int32', 1);
  const horizon = builder.input('horizon', 'int32', 1);
  const memories = crossMemories(encoded, weights.decoder, t5, { packed: true });
  const offsets = uniformOffsets(tokens.offsets, numSamples);
  const start = fillIds(tokens.offsets, numSamples, t5.decoderStartTokenId);
  const empty = zeros(tokens.offsets, numSamples, horizon, 'int32');
  // A forecast never ends early: the end token is not drawn.
  const options = { ...sampling, forbidden: [tokenizer.eosTokenId] };
  const [, ids] = builder.repeat(horizon, [start, empty], (step, [last, written]) => {
    const x = embedding(last, builder.weight(weights.embeddings)); // [b · S, d]
    const hidden = decodeStepT5(x, { offsets, step, capacity: horizon }, memories, weights.decoder, t5);
    const logits = linear(hidden, builder.weight(weights.head)); // [b · S, V]
    const next = sampleTokens({ logits, keys, seed, step, numSamples }, options);
    return [next, writeColumn(written, next, step)];
  });
  return ids;
}

/** values, offsets: tokens of every series, and the encoder's output for them. */
function encodeValues(
  builder: ProgramBuilder,
  { t5, tokenizer }: ChronosT5Config,
  weights: ChronosT5Weights,
  merging: Merging,
) {
  const values = builder.input('values', 'float64', 1);
  const batch = builder.input('offsets', 'int32', 1);
  const tokens = meanScaleTokenize(values, batch, builder.weight(weights.boundaries), {
    ...tokenizer,
    eosTokenId: tokenizer.useEosToken ? tokenizer.eosTokenId : undefined,
  });
  const x = embedding(tokens.ids, builder.weight(weights.embeddings));
  return { tokens, encoded: encodeT5({ x, ...tokens }, weights.encoder, t5, { merging }) };
}
