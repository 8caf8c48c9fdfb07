import type { TensorArray, TensorData } from '../../lib/tensor/tensor.js';
import { exponentialError, U } from './tolerance.js';

/** The score of a key, and the sum of the magnitudes it was summed from. */
export interface Score {
  readonly value: number;
  readonly magnitude: number;
}

/**
 * Error of softmax(scores) · values for one query and head, channel by channel. A score that is off by e changes its weight
 * p by p · e, and the result by p · e · (value - result); to that come the exponentials and the two sums over the keys.
 */
export function attentionError(scores: readonly Score[], values: readonly ArrayLike<number>[], isa: string): number[] {
  const headDim = values[0]?.length ?? 0;
  const largest = Math.max(...scores.map(({ value }) => value));
  const exponentials = scores.map(({ value }) => (value === -Infinity ? 0 : Math.exp(value - largest)));
  const total = exponentials.reduce((a, b) => a + b, 0);
  const unfused = isa === 'baseline' ? 2 : 1;
  return Array.from({ length: headDim }, (_, d) => {
    const result = exponentials.reduce((sum, e, j) => sum + (e === 0 ? 0 : (e / total) * values[j]![d]!), 0);
    let error = 0;
    for (const [j, e] of exponentials.entries()) {
      if (e === 0) continue;
      const { value, magnitude } = scores[j]!;
      const below = largest - value;
      const offset = unfused * (headDim + 6) * U * magnitude + U * below + exponentialError(below) + 4 * U;
      const size = Math.abs(values[j]![d]!);
      error += (e / total) * (offset * (size + Math.abs(result)) + unfused * (scores.length + 32) * U * size);
    }
    return error + 2 ** -126;
  });
}

/** scale · q·k + addends. */
export function scoreOf(scale: number, q: ArrayLike<number>, k: ArrayLike<number>, addends: readonly number[]): Score {
  let product = 0;
  let magnitude = 0;
  for (let d = 0; d < q.length; d++) {
    product += q[d]! * k[d]!;
    magnitude += Math.abs(q[d]! * k[d]!);
  }
  const added = addends.reduce((a, b) => a + b, 0);
  const sizes = addends.reduce((a, b) => a + Math.abs(b), 0);
  return { value: scale * product + added, magnitude: Math.abs(scale) * magnitude + sizes };
}

/** `count` numbers of a row from a column on. */
export function part({ cols, data }: TensorData, row: number, column: number, count: number): TensorArray {
  const start = row * cols + column;
  return data.subarray(start, start + count);
}

/** The bias of a distance in a table that saturates. */
export function biasAt(table: TensorData | undefined, head: number, distance: number): number {
  if (!table) return 0;
  const reach = (table.cols - 1) / 2;
  return table.data[head * table.cols + Math.max(-reach, Math.min(reach, distance)) + reach]!;
}
