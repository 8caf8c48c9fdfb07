import { TidemergeError } from '../../errors.js';
import type { BatchTokens } from '../token-batch.js';

/** The largest number of tokens of a series. Throws where one has more than `most`. */
export function longestSeries({ batch, index: { offsets } }: BatchTokens, most: number): number {
  let longest = 0;
  for (let b = 0; b < batch; b++) {
    const count = (offsets[b + 1] as number) - (offsets[b] as number);
    if (count > most) {
      throw new TidemergeError(
        'ERR_INVALID_ARGUMENT',
        `forward: tokens of series ${b}: expected at most ${most}, the length of its filters, got ${count}`,
      );
    }
    longest = Math.max(longest, count);
  }
  return longest;
}
