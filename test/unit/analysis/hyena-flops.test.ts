import { expect, it } from 'vitest';
import * as flops from '../../../lib/analysis/hyena-flops.js';

const shape = { dModel: 4, dInner: 10 };

it('counts every multiply-add of a block, and the transforms', () => {
  // 8 tokens enter, 6 leave: projections 4 x 12 and 4 x 4, 12 short filters of three taps, and an MLP of 6 rows.
  const products = 8 * (4 * 12 + 4 * 4) + 8 * 12 * 3 + 6 * 2 * 4 * 10;
  // Of 16 points: two transforms of 2.5 · 16 · 4 and 8 complex products of 6; two gates and the skip's multiply-add.
  const convolution = 4 * (2 * 2.5 * 16 * 4 + 8 * 6) + 8 * 4 * 4;
  const tokens = { entering: 8, leaving: 6 };
  expect(flops.hyenaBlockFlops(tokens, shape, undefined)).toBe(2 * products + convolution);
  // 4 similarities (k 1), 8 norms, 2 means of two tokens, 4 channels each.
  const merging = 2 * 4 * (4 + 8 + 2 * 2);
  expect(flops.hyenaFlops([8, 6], shape, { k: 1 })).toBe(2 * products + convolution + merging);
  expect(flops.longConvFlops(0, 4)).toBe(0);
});
