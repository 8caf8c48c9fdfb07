import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { binarize, keptCount } from '../../../../lib/models/sbt/binarize.js';
import { countKept, denseFromSparseBinary } from '../../../../lib/tensor/sparse-binary.js';
import { type GoldenFile, readGoldenFile } from '../../../models/goldens.js';

const RULES = { mask: 'published', score: 'paper_era' } as const;

/** One layer of the official code: its mask, the sign and the scale of what is kept, and what the layer then gives. */
export function describeBinarized(folder: string, file: string): void {
  const goldens = readGoldenFile(join(folder, file));
  const { keep, pruned } = goldens.metadata('params') as { keep: number; pruned: number };
  const [weight, scores] = [goldens.floats('weight'), goldens.floats('scores')];

  describe(`biprop ${file}`, () => {
    it.each(['mask', 'score'] as const)('alpha by %s', (alpha) => {
      const matrix = binarize(weight, scores, { keepRatio: keep, alpha });
      const expected = goldens.floats('mask').data;
      expect(keptCount(expected.length, keep)).toBe(expected.length - pruned);
      // float32 rounding of the golden's sum of n products, over a quotient rounded once
      const [golden] = goldens.floats(`${RULES[alpha]}.alpha`).data as unknown as [number];
      expect(Math.abs(matrix.alpha - golden)).toBeLessThan(1e-5 * golden);

      const dense = denseFromSparseBinary(matrix);
      const signs = Array.from(weight.data, (value, i) => Math.sign(value) * expected[i]! || 0);
      expect(Array.from(dense, Math.sign)).toEqual(signs);
      expect(countKept(matrix.mask)).toBe(signs.filter((sign) => sign !== 0).length);
      expectOutputs(goldens, RULES[alpha], dense);
    });
  });
}

function expectOutputs(goldens: GoldenFile, variant: string, dense: Float32Array): void {
  const [x, y] = [goldens.floats('x'), goldens.floats(`${variant}.y`)];
  const [rows, inner, out] = [x.shape[0]!, x.shape[1]!, y.shape[1]!];
  for (let row = 0; row < rows; row++) {
    for (let o = 0; o < out; o++) {
      let sum = goldens.has('bias') ? goldens.floats('bias').data[o]! : 0;
      for (let i = 0; i < inner; i++) sum += x.data[row * inner + i]! * dense[o * inner + i]!;
      const expected = y.data[row * out + o]!;
      expect(Math.abs(sum - expected)).toBeLessThan(1e-5 + 1e-5 * Math.abs(expected));
    }
  }
}
