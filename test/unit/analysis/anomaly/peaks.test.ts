import { describe, expect, it } from 'vitest';
import { fitGeneralizedPareto } from '../../../../lib/analysis/anomaly/generalized-pareto.js';
import { peaksOverThreshold, publishedPeaksThreshold } from '../../../../lib/analysis/index.js';
import { seededUniform } from '../../../../lib/analysis/seeded.js';

/** By inversion. */
function paretoSample(count: number, shape: number, scale: number, seed: number): Float64Array {
  const next = seededUniform(seed);
  return Float64Array.from({ length: count }, () => {
    const rarity = 1 - next();
    return shape === 0 ? -scale * Math.log(rarity) : (scale / shape) * (rarity ** -shape - 1);
  });
}

function likelihood(excesses: Float64Array, shape: number, scale: number): number {
  let sum = 0;
  for (const y of excesses) {
    const inside = 1 + (shape * y) / scale;
    if (inside <= 0) return -Infinity;
    sum -= Math.log(scale) + (shape === 0 ? y / scale : (1 + 1 / shape) * Math.log(inside));
  }
  return sum;
}

describe('fitGeneralizedPareto', () => {
  it.each([-0.4, -0.1, 0, 0.3, 1])('finds shape %d again, and nothing near is likelier', (shape) => {
    const sample = paretoSample(2000, shape, 0.7, 5);
    const fit = fitGeneralizedPareto(sample);
    // Asymptotic deviations (1 + shape) / √n and scale √(2 (1 + shape) / n): four of them.
    expect(Math.abs(fit.shape - shape)).toBeLessThan((4 * (1 + shape)) / Math.sqrt(2000));
    expect(Math.abs(fit.scale - 0.7)).toBeLessThan(4 * 0.7 * Math.sqrt((2 * (1 + shape)) / 2000));
    const best = likelihood(sample, fit.shape, fit.scale);
    for (const step of [1e-3, 0.03, 0.2]) {
      for (const [a, b] of [
        [1, 0],
        [-1, 0],
        [0, 1],
        [0, -1],
        [1, -1],
        [-1, 1],
      ] as const) {
        expect(likelihood(sample, fit.shape + a * step, fit.scale * (1 + b * step))).toBeLessThan(best);
      }
    }
  });

  it('does not mind the unit', () => {
    const sample = paretoSample(300, 0.2, 1, 6);
    const fit = fitGeneralizedPareto(sample);
    for (const unit of [1e-12, 1e9]) {
      const scaled = fitGeneralizedPareto(sample.map((y) => y * unit));
      expect(scaled.shape).toBeCloseTo(fit.shape, 9);
      expect(scaled.scale / unit).toBeCloseTo(fit.scale, 9);
    }
  });

  it('falls back on the exponential distribution where nothing else can be told', () => {
    expect(fitGeneralizedPareto(Float64Array.of(2))).toEqual({ shape: 0, scale: 2 });
    expect(fitGeneralizedPareto(Float64Array.of(2, 2, 2))).toEqual({ shape: 0, scale: 2 });
  });
});

describe('peaksOverThreshold', () => {
  it('lies where the risk says', () => {
    const sample = paretoSample(20000, 0.1, 1, 7);
    const { threshold, initialThreshold, peaks } = peaksOverThreshold(sample, { risk: 1e-4, initialLevel: 0.95 });
    expect(initialThreshold).toBe(sample.slice().sort()[19000]);
    expect(peaks).toBe(999);
    const exact = (1e-4 ** -0.1 - 1) / 0.1;
    expect(Math.abs(threshold / exact - 1)).toBeLessThan(0.25);
    // As rare as nine in 20000, which the sample itself can show.
    const seen = peaksOverThreshold(sample, { risk: 1e-3, initialLevel: 0.95 }).threshold;
    const above = sample.filter((score) => score > seen).length;
    expect(Math.abs(above - 20)).toBeLessThan(4 * Math.sqrt(20));
  });

  it('skips NaN, pools sets and tells what it cannot use', () => {
    const scores = paretoSample(500, 0, 1, 8);
    const split = peaksOverThreshold([scores.subarray(0, 100), [Number.NaN], scores.subarray(100)]);
    expect(split).toEqual(peaksOverThreshold(scores));
    expect(() => peaksOverThreshold([1, 1, 1])).toThrow(
      'expected scores above the initial threshold, got none among 3',
    );
    expect(() => peaksOverThreshold(scores, { risk: 0.5 })).toThrow("risk: expected less than the tail's share 0.018");
    expect(() => peaksOverThreshold(scores, { risk: 0 })).toThrow('risk: expected a number between 0 and 1, got 0');
    expect(() => peaksOverThreshold(scores, { initialLevel: 1 })).toThrow('initialLevel: expected a number');
    expect(() => peaksOverThreshold([1, Infinity])).toThrow('expected finite scores, got Infinity');
  });
});

describe('publishedPeaksThreshold', () => {
  const scores = paretoSample(500, 0, 1, 9);

  it('mixes the two thresholds by the place of the first exceedance', () => {
    const plain = peaksOverThreshold(scores, { initialLevel: 0.9 });
    const mixed = publishedPeaksThreshold(scores, [0, 0, 0, plain.threshold], { initialLevel: 0.9, factor: 2 });
    expect(mixed.threshold).toBeCloseTo(2 * (0.75 * plain.threshold + 0.25 * plain.initialThreshold), 12);
    expect(publishedPeaksThreshold(scores, [0], { initialLevel: 0.9 }).threshold).toBe(plain.threshold);
  });

  it('lowers a level without a tail, and ends where there is none at all', () => {
    expect(publishedPeaksThreshold(scores, [0], { initialLevel: 0.9999 }).initialLevel).toBeLessThan(0.998);
    expect(() => publishedPeaksThreshold([1, 1], [0])).toThrow('got none among 2');
    expect(() => publishedPeaksThreshold(scores, [])).toThrow('test: expected scores, got none');
    expect(() => publishedPeaksThreshold(scores, [0], { initialLevel: 2 })).toThrow('initialLevel: expected a number');
  });
});
