import type { SymbolicTensor } from '../backend/program.js';
import { causalConv1d } from '../ops/causal-conv1d.js';

/**
 * The last row of every series, and zeros for a series without rows: x float32 [rows, channels], offsets int32
 * [batch + 1] → [batch, channels].
 *
 * It is the state that a convolution two rows wide leaves. Only the program knows how many rows a series has left, and an
 * index of rows could not say that there are none. `taps`, float32 [channels, 2], may be any.
 */
export function lastRows(
  { x, offsets, taps }: Readonly<Record<'x' | 'offsets' | 'taps', SymbolicTensor>>,
  channels: number,
): SymbolicTensor {
  return causalConv1d({ x, weight: taps, offsets }, { channels, width: 2, activation: 'none' }).lastState;
}
