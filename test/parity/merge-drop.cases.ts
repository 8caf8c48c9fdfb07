import { mergeTokens } from '../../lib/ops/merge-tokens.js';
import { matrix } from '../../lib/tensor/tensor.js';
import type { ParityCase } from './case.js';
import { offsetsOf, Random, total } from './random.js';

/*
 * Pruning: a merged token is its B token as it was, so that every backend gives the same bits.
 */

function dropCase(series: readonly number[], channels: number, k: number): ParityCase {
  const random = new Random(total(series) + channels);
  const sizes = matrix(Float32Array.from({ length: total(series) }, () => 1 + random.below(9)));
  const rows = { rowsOf: 'offsets' } as const;
  return {
    name: `merge_tokens with drop: ${series} tokens of ${channels}, k ${k}`,
    runs: [{ x: random.matrix(total(series), channels), offsets: offsetsOf(series), sizes }],
    record: ({ x, offsets, sizes }) => {
      const rule = { rule: 'ratio', amount: 0.4, k, minTokens: 1, drop: true } as const;
      const merged = mergeTokens({ x: x!, offsets: offsets!, sizes }, rule);
      return { tokens: merged.tokens, newSizes: merged.sizes, newOffsets: merged.offsets, map: merged.map };
    },
    roles: {
      offsets: { offsets: true },
      newOffsets: { offsets: true },
      x: rows,
      sizes: rows,
      map: rows,
      tokens: { rowsOf: 'newOffsets' },
      newSizes: { rowsOf: 'newOffsets' },
    },
  };
}

export const cases: readonly ParityCase[] = [dropCase([7, 2, 1, 16], 5, 2), dropCase([33, 24], 19, 0)];
