import { describe, expect, it } from 'vitest';
import { mergeFlops, similarityCount, speedupBound } from '../../../lib/ops/index.js';

describe('the cost of merging', () => {
  it('counts the similarities of the band', () => {
    for (const tokens of [0, 1, 2, 3, 8, 10, 33, 64]) {
      const pairs = Math.floor(tokens / 2);
      for (let k = 1; k <= pairs + 2; k++) {
        let count = 0;
        for (let i = 0; i < pairs; i++) for (let j = 0; j < pairs; j++) if (Math.abs(i - j) < k) count++;
        expect(similarityCount(tokens, k)).toBe(count);
      }
      expect(similarityCount(tokens, 'global')).toBe(pairs * pairs);
    }
    // The paper's formula, for even t.
    expect(similarityCount(192, 5)).toBe(96 + 4 * (192 - 5));
  });

  it('adds norms and means', () => {
    expect(mergeFlops({ tokens: 10, channels: 3, k: 1, r: 2 })).toBe(2 * 3 * (5 + 10 + 4));
    expect(mergeFlops({ tokens: 10, channels: 3, k: 'global' })).toBe(2 * 3 * (25 + 10 + 10));
    expect(() => mergeFlops({ tokens: -1, channels: 3, k: 1 })).toThrow(/tokens: expected an integer >= 0, got -1/);
    expect(() => mergeFlops({ tokens: 1, channels: 3, k: 0 })).toThrow(/k: expected/);
  });

  it('bounds the speed-up of deep models', () => {
    for (const [layers, bound] of [
      [1, 1],
      [2, 1.6],
      [4, 3.01],
      [6, 4.5],
      [8, 6],
      [10, 7.5],
      [12, 9],
      [24, 18],
    ] as const) {
      expect(speedupBound(layers, 'quadratic')).toBeCloseTo(bound, 2);
      expect(speedupBound(layers, 'quadratic')).toBeCloseTo((3 * layers * 4 ** (layers - 1)) / (4 ** layers - 1), 12);
    }
    for (const [layers, bound] of [
      [2, 1.33],
      [4, 2.13],
      [6, 3.05],
      [8, 4.02],
      [10, 5],
    ] as const) {
      expect(Math.abs(speedupBound(layers, 'linear') - bound)).toBeLessThan(0.006);
    }
    expect(speedupBound(2000, 'quadratic')).toBe(1500);
    expect(() => speedupBound(0, 'linear')).toThrow(/layers/);
    expect(() => speedupBound(2, 'cubic' as never)).toThrow(/cost/);
  });
});
