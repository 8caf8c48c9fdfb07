import type { SymbolicTensor } from '../../backend/program.js';
import { type CrossMemory, crossAttention, crossMemory, type EncodedRows } from '../../layers/cross-attention.js';
import { feedForward } from '../../layers/feed-forward.js';
import { attentionStates, cachedSelfAttention, selfAttention } from '../../layers/self-attention.js';
import { rmsNorm } from '../../ops/norm.js';
import type { TokenRows } from '../token-rows.js';
import type { T5Config } from './config.js';
import { t5Geometry } from './encoder.js';
import type { DecoderWeights } from './weights.js';

/** Keys and values of the encoder's output for every decoder block; `packed` when they will be read many times. */
export function crossMemories(
  encoded: EncodedRows,
  weights: DecoderWeights,
  t5: T5Config,
  options: { readonly packed: boolean },
): CrossMemory[] {
  return weights.blocks.map(({ cross }) => crossMemory(encoded, cross, t5Geometry(t5), options));
}

/** The decoder over whole sequences (teacher forcing), with its final norm: float32 [rows, dModel]. */
export function decodeT5(
  { x, offsets, positions }: TokenRows,
  memories: readonly CrossMemory[],
  weights: DecoderWeights,
  t5: T5Config,
): SymbolicTensor {
  const geometry = t5Geometry(t5);
  const places = { offsets, positions, causal: true, distanceBias: x.builder.weight(weights.distanceBias) };
  let hidden = x;
  for (const [i, block] of weights.blocks.entries()) {
    hidden = selfAttention(hidden, block.self, places, geometry);
    hidden = crossAttention(hidden, block.cross, memories[i]!, offsets, geometry);
    hidden = feedForward(hidden, block.feedForward, t5);
  }
  return rmsNorm(hidden, x.builder.weight(weights.finalNorm), t5);
}

/** Where one decoding step stands. */
export interface StepPlaces {
  /** int32 [batch + 1]: the rows of every series. */
  readonly offsets: SymbolicTensor;
  /** int32 [1] */
  readonly step: SymbolicTensor;
  /** int32 [1]: how many steps there will be. */
  readonly capacity: SymbolicTensor;
}

/**
 * The decoder for the newest token of every row, x float32 [rows, dModel]: earlier keys and values are in states of
 * the session, which step 0 resets.
 */
export function decodeStepT5(
  x: SymbolicTensor,
  { offsets, step, capacity }: StepPlaces,
  memories: readonly CrossMemory[],
  weights: DecoderWeights,
  t5: T5Config,
): SymbolicTensor {
  const { builder } = x;
  const geometry = t5Geometry(t5);
  const distanceBias = builder.weight(weights.distanceBias);
  let hidden = x;
  for (const [i, block] of weights.blocks.entries()) {
    const places = { ...attentionStates(builder, `decoder.${i}`), step, capacity, distanceBias };
    hidden = cachedSelfAttention(hidden, block.self, places, geometry);
    hidden = crossAttention(hidden, block.cross, memories[i]!, offsets, geometry);
    hidden = feedForward(hidden, block.feedForward, t5);
  }
  return rmsNorm(hidden, builder.weight(weights.finalNorm), t5);
}
