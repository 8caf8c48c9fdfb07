import type { SymbolicTensor } from '../backend/program.js';

/** Rows of a ragged batch: x float32 [rows, hidden], offsets int32 [batch + 1], positions int32 [rows]. */
export interface TokenRows {
  readonly x: SymbolicTensor;
  readonly offsets: SymbolicTensor;
  readonly positions: SymbolicTensor;
}
