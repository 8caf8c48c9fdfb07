import type { Random } from './random.js';
import { total } from './random.js';

/** Series one after the other: walks at different levels, with single values and stretches missing. */
export function gappySeries(random: Random, lengths: readonly number[]): Float64Array<ArrayBuffer> {
  const values = new Float64Array(total(lengths));
  let at = 0;
  for (const [b, length] of lengths.entries()) {
    let level = [0.3, 50, -2][b % 3]!;
    let gap = 0;
    for (let i = 0; i < length; i++) {
      level += random.normal();
      if (gap === 0 && random.uniform() < 0.05) gap = 1 + random.below(20);
      values[at++] = gap > 0 ? NaN : level;
      if (gap > 0) gap--;
    }
  }
  return values;
}
