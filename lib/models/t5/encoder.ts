import type { SymbolicTensor } from '../../backend/program.js';
import type { EncodedRows } from '../../layers/cross-attention.js';
import { feedForward } from '../../layers/feed-forward.js';
import { type AttentionGeometry, type RaggedPlaces, selfAttention } from '../../layers/self-attention.js';
import type { MergingPlan } from '../../merging/options.js';
import { type RecordedMerge, TokenMerger } from '../../merging/token-merger.js';
import { rmsNorm } from '../../ops/norm.js';
import type { TokenRows } from '../token-rows.js';
import type { T5Config } from './config.js';
import type { EncoderWeights } from './weights.js';

export interface EncodeOptions {
  readonly merging?: MergingPlan | undefined;
  /** Sees the output of every block, one row for every token given. */
  readonly onBlock?: ((x: SymbolicTensor, block: number) => void) | undefined;
  readonly onMerge?: ((merge: RecordedMerge) => void) | undefined;
}

/** What the encoder gives: rows of merged tokens for a decoder, and where they came from. */
export interface EncodedTokens extends EncodedRows {
  readonly merger: TokenMerger;
}

/** T5 does not scale its attention logits: the initialisation of the weights does. */
export function t5Geometry({ numHeads, headDim, epsilon }: T5Config): AttentionGeometry {
  return { numHeads, headDim, scale: 1, epsilon };
}

/**
 * The encoder stack and its final norm. Tokens merge between self-attention and feed-forward; the position bias of
 * merged tokens is the mean over their original positions.
 */
export function encodeT5(
  { x, offsets, positions }: TokenRows,
  weights: EncoderWeights,
  t5: T5Config,
  { merging, onBlock, onMerge }: EncodeOptions = {},
): EncodedTokens {
  const geometry = t5Geometry(t5);
  const distanceBias = x.builder.weight(weights.distanceBias);
  const merger = new TokenMerger(merging, { offsets, positions }, onMerge);
  let hidden = x;
  for (const [i, block] of weights.blocks.entries()) {
    const places = { ...placesOf(merger), causal: false, distanceBias };
    hidden = merger.merge(selfAttention(hidden, block.self, places, geometry), i);
    hidden = feedForward(hidden, block.feedForward, t5);
    onBlock?.(merger.unmerge(hidden), i);
  }
  merger.traceOriginal();
  const encoded = rmsNorm(hidden, x.builder.weight(weights.finalNorm), t5);
  return { x: encoded, offsets: merger.offsets, sizes: merger.attentionSizes, merger };
}

function placesOf({
  offsets,
  map,
  original,
  attentionSizes,
}: TokenMerger): Pick<RaggedPlaces, 'offsets' | 'positions' | 'groups' | 'keySizes'> {
  return map
    ? { offsets, groups: { map, ...original }, keySizes: attentionSizes }
    : { offsets, positions: original.positions };
}
