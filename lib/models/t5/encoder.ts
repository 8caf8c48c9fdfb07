import type { SymbolicTensor } from '../../backend/program.js';
import { feedForward } from '../../layers/feed-forward.js';
import { type AttentionGeometry, selfAttention } from '../../layers/self-attention.js';
import { rmsNorm } from '../../ops/norm.js';
import type { T5Config } from './config.js';
import type { EncoderWeights } from './weights.js';

/** Rows of a ragged batch: x float32 [rows, dModel], offsets int32 [batch + 1], positions int32 [rows]. */
export interface TokenRows {
  readonly x: SymbolicTensor;
  readonly offsets: SymbolicTensor;
  readonly positions: SymbolicTensor;
}

/** T5 does not scale its attention logits: the initialisation of the weights does. */
export function t5Geometry({ numHeads, headDim, epsilon }: T5Config): AttentionGeometry {
  return { numHeads, headDim, scale: 1, epsilon };
}

/** The encoder stack and its final norm: float32 [rows, dModel]. `onBlock` sees the output of every block. */
export function encodeT5(
  { x, offsets, positions }: TokenRows,
  weights: EncoderWeights,
  t5: T5Config,
  onBlock?: (x: SymbolicTensor, block: number) => void,
): SymbolicTensor {
  const geometry = t5Geometry(t5);
  const distanceBias = x.builder.weight(weights.distanceBias);
  let hidden = x;
  for (const [i, block] of weights.blocks.entries()) {
    hidden = selfAttention(hidden, block.self, { offsets, positions, causal: false, distanceBias }, geometry);
    hidden = feedForward(hidden, block.feedForward, t5);
    onBlock?.(hidden, i);
  }
  return rmsNorm(hidden, x.builder.weight(weights.finalNorm), t5);
}
