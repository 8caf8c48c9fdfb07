import { describe, expect, it } from 'vitest';
import { median, mseChange, sortedQuantile } from '../../../lib/analysis/bootstrap.js';
import { scores, type WindowErrors, windowErrors } from '../../../lib/analysis/forecast-errors.js';
import { gaussianFilter } from '../../../lib/analysis/gaussian-filter.js';
import { seededUniform } from '../../../lib/analysis/seeded.js';

describe('windowErrors and scores', () => {
  it('agree with values computed by hand', () => {
    // Steps: error 1 - 0.5 = 0.5; missing; -2 - 0 = -2.
    // Quantile losses, doubled: step 0 level 0.1 gap 1: 0.2, level 0.9 gap -1: 0.2; step 2 level 0.1 gap -1: 1.8, level 0.9 gap -4: 0.8.
    const errors = windowErrors([1, Number.NaN, -2], [0.5, 9, 0], [0, 2, 9, 9, -1, 2], [0.1, 0.9]);
    expect(errors).toMatchObject({ steps: 2, squared: 4.25, absolute: 2.5, magnitude: 3 });
    expect(errors.pinball).toBeCloseTo((0.2 + 0.2 + 1.8 + 0.8) / 2, 14);
    const other = windowErrors([3], [2], [3, 3], [0.1, 0.9]);
    const total = scores([errors, other]);
    expect(total.mse).toBe((4.25 + 1) / 3);
    expect(total.mae).toBe(3.5 / 3);
    expect(total.wql).toBeCloseTo(1.5 / 6, 14);
  });

  it('let a NaN forecast be seen', () => {
    expect(windowErrors([1], [Number.NaN], [0], [0.5]).squared).toBeNaN();
    expect(windowErrors([1], [0], [Number.NaN], [0.5]).pinball).toBeNaN();
  });
});

const errorsOf = (squared: readonly number[]): WindowErrors[] =>
  squared.map((value) => ({ steps: 1, squared: value, absolute: 0, pinball: 0, magnitude: 1 }));

describe('mseChange', () => {
  const options = { resamples: 1000, seed: 1 };
  const next = seededUniform(7);
  const reference = Array.from({ length: 200 }, () => 0.5 + next());
  const other = reference.map((value) => value * (1.1 + 0.2 * (next() - 0.5)));
  const groups = reference.map((_, i) => i);

  it('is the change of the means, and the same for the same seed', () => {
    const change = mseChange(errorsOf(other), errorsOf(reference), groups, options);
    const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
    expect(change.estimate).toBeCloseTo(sum(other) / sum(reference) - 1, 12);
    expect(mseChange(errorsOf(other), errorsOf(reference), groups, options)).toEqual(change);
    expect(mseChange(errorsOf(other), errorsOf(reference), groups, { ...options, seed: 2 })).not.toEqual(change);
  });

  it('is paired: as narrow as the ratio of sums is sure, not as the windows differ', () => {
    const { low, high } = mseChange(errorsOf(other), errorsOf(reference), groups, options);
    // Deviation of the ratio: that of a window's factor (0.2 / √12) times √(mean of squares) / mean of the weights, over √200.
    const deviation = ((0.2 / Math.sqrt(12)) * Math.sqrt(1 + 1 / 12)) / Math.sqrt(200);
    expect(high - low).toBeGreaterThan(0.7 * 2 * 1.96 * deviation);
    expect(high - low).toBeLessThan(1.3 * 2 * 1.96 * deviation);
    const scaled = mseChange(errorsOf(reference.map((value) => 2 * value)), errorsOf(reference), groups, options);
    expect(scaled).toEqual({ estimate: 1, low: 1, high: 1 });
  });

  it('covers the truth about as often as it says', () => {
    let covered = 0;
    const runs = 200;
    for (let run = 0; run < runs; run++) {
      const before = Array.from({ length: 60 }, () => 0.5 + next());
      const after = before.map((value) => value * (1.1 + 0.2 * (next() - 0.5)));
      const some = { resamples: 300, seed: run };
      const { low, high } = mseChange(errorsOf(after), errorsOf(before), groups.slice(0, 60), some);
      if (low <= 0.1 && 0.1 <= high) covered++;
    }
    // 95 %, a little less for 60 windows; binomial deviation 1.5 points, four of them.
    expect(Math.abs(covered / runs - 0.945)).toBeLessThan(0.06);
  });

  it('draws whole groups: copies of a window are no evidence', () => {
    const width = ({ low, high }: { low: number; high: number }) => high - low;
    const twice = (values: readonly number[]) => errorsOf(values.flatMap((value) => [value, value, value, value]));
    const alone = width(mseChange(errorsOf(other), errorsOf(reference), groups, options));
    const copies = groups.flatMap((group) => [group, group, group, group]);
    expect(width(mseChange(twice(other), twice(reference), copies, options))).toBeCloseTo(alone, 12);
    const pretended = copies.map((_, i) => i);
    expect(width(mseChange(twice(other), twice(reference), pretended, options))).toBeLessThan(0.7 * alone);
  });

  it('knows nothing of one group and refuses unequal lengths', () => {
    expect(mseChange(errorsOf([2]), errorsOf([1]), [0], options)).toEqual({ estimate: 1, low: NaN, high: NaN });
    expect(mseChange(errorsOf([0]), errorsOf([0]), [0], options).estimate).toBe(0);
    expect(() => mseChange(errorsOf([1]), errorsOf([1, 2]), [0], options)).toThrow(/ERR_INVALID_SHAPE|as many errors/);
  });

  it('interpolates quantiles', () => {
    expect(sortedQuantile([1, 2, 4], 0.75)).toBe(3);
    expect(median([5, 1, 3])).toBe(3);
    expect(median([])).toBeNaN();
  });
});

describe('gaussianFilter', () => {
  it('weights neighbours by the Gaussian and sums to 1, at the ends too', () => {
    const sigma = 0.5;
    const [w1, w2] = [Math.exp(-2), Math.exp(-8)];
    const impulse = gaussianFilter(Float64Array.of(0, 0, 0, 1, 0, 0, 0), sigma);
    expect(impulse[3]).toBeCloseTo(1 / (1 + 2 * w1 + 2 * w2), 12);
    expect(impulse[2]).toBeCloseTo(w1 / (1 + 2 * w1 + 2 * w2), 12);
    // Two places from the border the kernel still fits; next to it two weights are missing.
    expect(impulse[1]).toBeCloseTo(w2 / (1 + 2 * w1 + w2), 12);
    expect([...gaussianFilter(new Float64Array(9).fill(3), 2)].every((value) => Math.abs(value - 3) < 1e-14)).toBe(
      true,
    );
  });

  it('leaves missing values missing and looks around them', () => {
    const result = gaussianFilter(Float64Array.of(2, Number.NaN, 2), 1);
    expect([result[0], result[1], result[2]]).toEqual([2, Number.NaN, 2]);
  });

  it('copies with sigma 0', () => {
    const values = Float64Array.of(1, 5);
    expect([...gaussianFilter(values, 0)]).toEqual([1, 5]);
  });
});
