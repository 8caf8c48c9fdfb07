import { describe, expect, it } from 'vitest';
import * as flops from '../../../lib/analysis/t5-flops.js';

const shape = { dModel: 8, numHeads: 2, headDim: 3, dFf: 10, gated: false };

describe('layers', () => {
  it('count every multiply-add once, as loops over the products would', () => {
    // 5 tokens enter, 4 leave: 4 projections 8 x 6 of 5 rows, 2 heads of scores and sums 5 x 5 x 3, feed-forward of 4 rows.
    const products = 5 * 4 * 8 * 6 + 2 * (2 * 5 * 5 * 3) + 4 * 2 * 8 * 10;
    const tokens = { entering: 5, leaving: 4 };
    expect(flops.encoderLayerFlops(tokens, shape, undefined)).toBe(2 * products);
    // 2 similarities (k 1), 5 norms, 1 mean of two tokens, 8 channels each.
    const merged = flops.encoderLayerFlops(tokens, shape, { k: 1 });
    expect(merged - 2 * products).toBe(2 * 8 * (2 + 5 + 2));
    expect(flops.feedForwardFlops(1, { ...shape, gated: true })).toBe(2 * 3 * 80);
  });

  it('add up over the stack: what leaves a layer enters the next', () => {
    const [first, second] = [
      { entering: 9, leaving: 7 },
      { entering: 7, leaving: 4 },
    ];
    const sum = flops.encoderLayerFlops(first, shape, { k: 0 }) + flops.encoderLayerFlops(second, shape, { k: 0 });
    expect(flops.encoderFlops([9, 7, 4], shape, { k: 0 })).toBe(sum);
  });

  it('count a decoder step by step', () => {
    let products = 2 * 7 * 2 * 8 * 6; // keys and values of 7 tokens, two layers
    for (let path = 0; path < 3; path++) {
      for (let step = 1; step <= 4; step++) {
        products += 2 * (6 * 8 * 6 + 2 * step * 6 + 2 * 7 * 6 + 2 * 8 * 10);
      }
    }
    expect(flops.decoderFlops(2, 7, 4, 3, shape)).toBe(2 * products);
  });
});
