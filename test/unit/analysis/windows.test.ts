import { describe, expect, it } from 'vitest';
import { sample, seededUniform } from '../../../lib/analysis/seeded.js';
import { ETT_MONTHS, SHARES, splitRows, standardize } from '../../../lib/analysis/split.js';
import { windowsOf } from '../../../lib/analysis/windows.js';

describe('splitRows', () => {
  it('splits ETT as the papers do, in months of 30 days', () => {
    expect(splitRows('ETTh1', 17420, ETT_MONTHS, 3600)).toEqual({
      train: { begin: 0, end: 8640 },
      validation: { begin: 8640, end: 11520 },
      test: { begin: 11520, end: 14400 },
    });
    expect(splitRows('ETTm1', 69680, ETT_MONTHS, 900).test).toEqual({ begin: 46080, end: 57600 });
  });

  it('splits by shares: train and test rounded down, validation the rest', () => {
    // 0.7 · 52696 = 36887.2, 0.2 · 52696 = 10539.2
    expect(splitRows('weather', 52696, SHARES)).toEqual({
      train: { begin: 0, end: 36887 },
      validation: { begin: 36887, end: 42157 },
      test: { begin: 42157, end: 52696 },
    });
    expect(splitRows('a', 10, SHARES).train.end).toBe(7); // 0.7 · 10 is 6.999… in binary
    expect(splitRows('a', 10, [0.5, 0.2, 0.2]).test.end).toBe(9);
  });

  it('refuses what is no split', () => {
    const code = (run: () => unknown) => expect(run).toThrow(expect.objectContaining({ code: 'ERR_BAD_DATA' }));
    code(() => splitRows('a', 100, ETT_MONTHS, 3600));
    code(() => splitRows('a', 17420, ETT_MONTHS, undefined));
    code(() => splitRows('a', 3, SHARES));
    expect(() => splitRows('a', 100, [0.5, 0, 0.5])).toThrow(/expected three numbers above 0, got 0.5\/0\/0.5/);
  });
});

describe('standardize', () => {
  it('uses mean and population deviation of the train part, without missing values', () => {
    const result = standardize(Float64Array.of(1, Number.NaN, 3, 5, 100), { begin: 0, end: 3 });
    // mean 2, deviation 1
    expect([...result]).toEqual([-1, Number.NaN, 1, 3, 98]);
  });

  it('leaves the unit of a series that is constant or missing in the train part', () => {
    expect([...standardize(Float64Array.of(4, 4, 6), { begin: 0, end: 2 })]).toEqual([0, 0, 2]);
    expect([...standardize(Float64Array.of(Number.NaN, 6), { begin: 0, end: 1 })]).toEqual([Number.NaN, 6]);
  });
});

describe('windowsOf', () => {
  const ramp = Float64Array.from({ length: 30 }, (_, i) => i);
  const options = { context: 8, horizon: 4, stride: 4, limit: 100, seed: 0 };

  it('takes targets inside the part and contexts from the part before', () => {
    const windows = windowsOf([ramp], { begin: 10, end: 23 }, options);
    expect(windows.map(({ start }) => start)).toEqual([10, 14, 18]); // 22 + 4 is past the end
    expect(windowsOf([ramp], { begin: 2, end: 23 }, options)[0]).toEqual({ series: 0, start: 8 });
    expect(windowsOf([ramp], { begin: 10, end: 13 }, options)).toEqual([]);
  });

  it('leaves windows out that have nothing to look at or nothing to compare with', () => {
    const gap = ramp.map((value, i) => (i >= 14 && i < 18 ? Number.NaN : value));
    expect(windowsOf([gap], { begin: 10, end: 30 }, options).map(({ start }) => start)).toEqual([10, 18, 22, 26]);
    const late = ramp.map((value, i) => (i < 12 ? Number.NaN : value));
    expect(windowsOf([late], { begin: 10, end: 30 }, options).map(({ start }) => start)).toEqual([14, 18, 22, 26]);
  });

  it('draws a number of windows by a seed, in order', () => {
    const draw = (seed: number) => windowsOf([ramp, ramp], { begin: 8, end: 30 }, { ...options, limit: 5, seed });
    expect(draw(1)).toHaveLength(5);
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
    const keys = draw(3).map(({ series, start }) => 100 * series + start);
    expect(keys).toEqual([...new Set(keys)].sort((a, b) => a - b));
  });
});

describe('seeded numbers', () => {
  it('draws every item equally often', () => {
    const counts = new Array<number>(10).fill(0);
    const items = counts.map((_, i) => i);
    for (let seed = 0; seed < 2000; seed++) for (const i of sample(items, 3, seed)) counts[i]!++;
    // 2000 draws with probability 0.3: deviation 20.5; five of them
    for (const count of counts) expect(Math.abs(count - 600)).toBeLessThan(103);
  });

  it('stays in [0, 1) and depends on all of a large seed', () => {
    const next = seededUniform(2 ** 40 + 5);
    const first = next();
    expect(first).not.toBe(seededUniform(5)());
    let sum = first;
    for (let i = 1; i < 1e4; i++) {
      const value = next();
      if (!(value >= 0 && value < 1)) throw new Error(String(value));
      sum += value;
    }
    expect(Math.abs(sum / 1e4 - 0.5)).toBeLessThan(5 * Math.sqrt(1 / 12e4));
  });
});
