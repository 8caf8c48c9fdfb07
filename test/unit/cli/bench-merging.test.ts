import { describe, expect, it } from 'vitest';
import { type MergingForecaster, measureAccuracy } from '../../../lib/cli/bench-merging/accuracy.js';
import { chooseSettings, type MeasuredModel } from '../../../lib/cli/bench-merging/choose.js';
import { type ParetoPoint, paretoFront, paretoSvg } from '../../../lib/cli/bench-merging/pareto-svg.js';
import { type Setting, sweep, UNMERGED } from '../../../lib/cli/bench-merging/settings.js';
import { interleave } from '../../../lib/cli/bench-merging/speed.js';
import { percent, significant, textTable } from '../../../lib/cli/text-table.js';

const LEVELS = [0.1, 0.5, 0.9];

/** Repeats the last value it sees, plus an error that merging makes. */
function fake(error: (merging: unknown) => number): MergingForecaster {
  return {
    predictQuantiles: async (inputs, { merging, predictionLength }) => {
      const own = error(merging);
      const value = (series: Float64Array) => series.at(-1)! + own;
      const repeat = (count: number) => Float32Array.from(inputs.flatMap((s) => new Array(count).fill(value(s))));
      return { median: repeat(predictionLength), quantiles: repeat(predictionLength * LEVELS.length) };
    },
  };
}

const merged = (name: string, ratio: number): Setting => ({ name, merging: { ratio, k: 1 } });
const windows = {
  contexts: [Float64Array.of(0, 4, 0), Float64Array.of(1, 1, 1)],
  targets: [Float64Array.of(1, 1), Float64Array.of(2, Number.NaN)],
  groups: [0, 1],
};
const options = {
  horizon: 2,
  levels: LEVELS,
  sigmas: [],
  prune: false,
  resamples: 100,
  seed: 0,
  signal: new AbortController().signal,
  onForecast: () => {},
};

describe('sweep', () => {
  it('puts unmerged first and crosses amounts with neighbourhoods', () => {
    expect(sweep({ r: [2, 4], k: [1, 'global'], minTokens: 8 }).map(({ name }) => name)).toEqual([
      'unmerged',
      'r 2 k 1',
      'r 4 k 1',
      'r 2 k global',
      'r 4 k global',
    ]);
    expect(sweep({ r: [2], k: [3], minTokens: 8 })[1]!.merging).toEqual({ r: 2, k: 3, minTokens: 8 });
    expect(sweep({ k: [1] })[1]!.merging).toEqual({ ratio: 0.0625, k: 1 });
    expect(() => sweep({ r: [1], ratio: [0.1], k: [1] })).toThrow(/expected --r or --ratio, got both/);
  });
});

describe('measureAccuracy', () => {
  it('compares every setting and control with the unmerged forecast of the untouched input', async () => {
    const seen: unknown[] = [];
    const forecaster = fake((merging) => {
      seen.push(merging);
      return merging === false ? 0 : (merging as { prune?: boolean }).prune ? -1 : 0.5;
    });
    const all = { ...options, sigmas: [0.5], prune: true };
    const rows = await measureAccuracy(forecaster, windows, [UNMERGED, merged('m', 0.5)], all);
    // Errors of the three observed steps: all 1 unmerged, 0.5 merged, 2 pruned.
    expect(rows.map(({ scores }) => scores.mse)).toEqual([1, 0.25]);
    expect(rows.map(({ change }) => change.estimate)).toEqual([0, -0.75]);
    expect(rows[0]!.prune).toBeUndefined();
    expect(rows[1]!.prune!.change.estimate).toBe(3);
    // The filter moves the end of the first series towards the 4 before it.
    const [w1, w2] = [Math.exp(-2), Math.exp(-8)];
    const end = Math.fround((4 * w1) / (1 + w1 + w2));
    expect(rows[0]!.gaussian[0]!.scores.mse).toBeCloseTo((2 * (1 - end) ** 2 + 1) / 3, 6);
    expect(seen.filter((merging) => merging === false)).toHaveLength(2);
  });

  it('does not average over a forecast that is no number', async () => {
    const broken = fake(() => Number.NaN);
    await expect(measureAccuracy(broken, windows, [UNMERGED], options)).rejects.toThrow(/expected a finite forecast/);
  });
});

describe('chooseSettings', () => {
  const measured = async (name: string, family: string, error: number, speed: number): Promise<MeasuredModel> => {
    const rows = await measureAccuracy(
      fake((merging) => (merging === false ? error : error + 0.001)),
      windows,
      [UNMERGED, merged('m', 0.5)],
      options,
    );
    const speeds = new Map([
      ['unmerged', speed],
      ['m', 3 * speed],
    ]);
    return { name, family, validation: rows, test: rows, speeds };
  };
  const choose = { groups: windows.groups, resamples: 100, seed: 0 };

  it('reports three ways, speed-ups against the reference of each', async () => {
    const models = [await measured('large', 'f', 0.02, 10), await measured('small', 'f', 0.01, 50)];
    const reports = chooseSettings('d', models, choose);
    expect(reports.map(({ way, models }) => [way, ...models])).toEqual([
      ['same-size', 'large'],
      ['same-size', 'small'],
      ['across-merged', 'large', 'small'],
      ['across-unmerged', 'large', 'small'],
    ]);
    const fastest = reports[2]!.choices[1]!;
    // The larger error is nearer to the targets here, so 'large' is the reference.
    expect(fastest.reference).toMatchObject({ model: 'large', setting: 'unmerged' });
    expect(fastest.choice).toMatchObject({ model: 'small', setting: 'm', speedup: 15 });
    expect(reports[3]!.choices[1]!.choice).toMatchObject({ model: 'small', setting: 'unmerged', speedup: 5 });
  });

  it('says that a family has one trained size', async () => {
    const models = [await measured('a', 'f', 0.1, 10), await measured('b', 'g', 0.1, 50)];
    const notes = chooseSettings('d', models, choose).filter(({ note }) => note);
    expect(notes).toHaveLength(4);
    expect(notes[0]!.note).toMatch(/the family f has one trained size/);
  });
});

describe('interleave', () => {
  it('takes the median of the ratios of rounds, so that what slows a whole round cancels out', async () => {
    let clock = 0;
    let factor = 1;
    let calls = 0;
    const call = (cost: number) => async () => {
      calls++;
      factor = calls > 12 && calls <= 14 ? 50 : 1; // one round on a busy machine
      clock += cost * factor;
    };
    const times = await interleave(call(30), call(10), { rounds: 5, turn: 1, now: () => clock });
    expect(times.speedup).toEqual({ median: 3, low: 3, high: 3 });
    expect([times.reference, times.other]).toEqual([30, 10]);
  });
});

describe('paretoSvg', () => {
  const point = (setting: string, speed: number, mse: number): ParetoPoint => ({
    model: 'm<&"',
    setting,
    merged: setting !== 'unmerged',
    speed,
    mse,
  });
  const points = [point('unmerged', 100, 1), point('a', 200, 0.9), point('b', 300, 1.2), point('c', 250, 1.3)];

  it('has a panel for each data set, squares for unmerged models, and is well formed', () => {
    const svg = paretoSvg([
      { title: 'a<b', points },
      { title: 'one', points: points.slice(0, 1) },
      { title: 'none', points: [] },
    ]);
    expect(svg.match(/<g /g)).toHaveLength(3);
    expect(svg.match(/<circle[^>]*><title>/g)).toHaveLength(3);
    expect(svg.match(/<rect[^>]*><title>/g)).toHaveLength(2);
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
    // Tags nest and close, and no character is left that means something to a parser.
    const open: string[] = [];
    for (const [, close, name, self] of svg.matchAll(/<(\/?)([a-z]+)[^<>]*?(\/?)>/g)) {
      if (close) expect(open.pop()).toBe(name);
      else if (!self) open.push(name!);
    }
    expect(open).toEqual([]);
    expect(svg.replace(/<[^<>]*>/g, '')).not.toMatch(/[<>]|&(?!#\d+;)/);
  });

  it('finds the front', () => {
    expect(paretoFront(points).map(({ setting }) => setting)).toEqual(['a', 'b']);
  });
});

describe('text tables', () => {
  it('align, and round numbers as people read them', () => {
    expect(
      textTable(
        ['name', 'n'],
        [
          ['a', '1'],
          ['long', '-'],
        ],
      ),
    ).toBe('  name  n\n  a     1\n  long  -\n');
    expect([significant(1234.5), significant(0.012345), significant(0), significant(NaN)]).toEqual([
      '1235',
      '0.0123',
      '0.00',
      '-',
    ]);
    expect([percent(0.0312), percent(-0.5), percent(undefined)]).toEqual(['+3.1 %', '-50.0 %', '-']);
  });
});
