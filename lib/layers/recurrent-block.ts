import type { SymbolicTensor } from '../backend/program.js';

/** What a block of a state-space model remembers of every series. */
export interface BlockState {
  /** float32 [batch, channels · (width - 1)]: the last inputs of the convolution of every channel, oldest first. */
  readonly conv: SymbolicTensor;
  /** float32 [batch, channels · states]: the state of the scan, channel by channel. */
  readonly scan: SymbolicTensor;
}

/** Rows behind a block, and what the block remembers after the last row of every series. */
export interface SteppedRows {
  readonly x: SymbolicTensor;
  readonly state: BlockState;
}

/**
 * Records one block: x float32 [rows, hidden], offsets int32 [batch + 1] → the same rows. Without `before` every series
 * begins with zeros.
 */
export type RecurrentBlock = (x: SymbolicTensor, offsets: SymbolicTensor, before?: BlockState) => SteppedRows;
