import { expect, it } from 'vitest';
import * as flops from '../../../lib/analysis/mamba-flops.js';

const shape = { hiddenSize: 4, dInner: 6, dState: 3, convKernel: 2, dtRank: 5 };

it('counts every multiply-add of a block and every operation of its recurrence', () => {
  let operations = 0;
  for (let token = 0; token < 8; token++) {
    for (const [rows, columns] of [
      [4, 12], // into the mixer
      [6, 2], // the convolution's taps
      [6, 5 + 2 * 3], // steps, B and C
      [5, 6], // steps of all channels
      [6, 4], // out of the mixer
    ] as const) {
      operations += 2 * rows * columns;
    }
    // Seven for each of 3 states of 6 channels, and four for each channel.
    for (let channel = 0; channel < 6; channel++) operations += 3 * 7 + 4;
  }
  // All of a block is done before its tokens merge.
  expect(flops.mambaBlockFlops({ entering: 8, leaving: 6 }, shape, undefined)).toBe(operations);
  // 4 similarities (k 1), 8 norms, 2 means of two tokens, 4 channels each; 6 of the 8 tokens enter the second block.
  const merging = 2 * 4 * (4 + 8 + 2 * 2);
  const second = 2 * 4 * (3 + 6 + 2 * 2);
  expect(flops.mambaFlops([8, 6, 4], shape, { k: 1 })).toBe(operations + merging + (operations * 6) / 8 + second);
  expect(flops.selectiveScanFlops(0, 6, 3)).toBe(0);
});
