import { describe, expect, it } from 'vitest';
import { axisLabel, type ChartInput, fanChart, ticks, valueRange, visibleHistory } from '../../../lib/cli/chart.js';
import { mergeSvg } from '../../../lib/cli/merge-svg.js';
import { plotSvg } from '../../../lib/cli/plot-svg.js';
import { plotTerminal } from '../../../lib/cli/plot-terminal.js';

function series(values: number[], horizon = 4, id = 'a'): ChartInput {
  const curve = (offset: number) => Float32Array.from({ length: horizon }, (_, step) => step + offset);
  return {
    id,
    values: Float64Array.from(values),
    levels: [0.1, 0.5, 0.9],
    quantiles: [curve(0), curve(1), curve(2)],
    median: curve(1),
    timeAt: (step) => `t${step}`,
  };
}

describe('fanChart', () => {
  it('pairs symmetric levels into bands and keeps the end of the history', () => {
    const chart = fanChart(series(Array.from({ length: 100 }, (_, i) => i)));
    expect(chart.bands.map((band) => band.label)).toEqual(['80 %']);
    expect(Array.from(chart.bands[0]?.lower ?? [])).toEqual([0, 1, 2, 3]);
    expect(Array.from(chart.bands[0]?.upper ?? [])).toEqual([2, 3, 4, 5]);
    expect(chart.history.length).toBe(visibleHistory(100, 4));
    expect(chart.historyTimes).toEqual(['t52', 't99']);
    expect(chart.lastForecastTime).toBe('t103');
  });

  it('has a range for flat, empty and missing data', () => {
    const flat = { ...fanChart(series([])), history: [5, 5], median: [5], bands: [] };
    expect(valueRange(flat)).toEqual([4.75, 5.25]);
    expect(valueRange({ ...flat, history: [Number.NaN], median: [] })).toEqual([-1, 1]);
  });
});

describe('axes', () => {
  it('puts ticks on round numbers inside the range', () => {
    expect(ticks(0, 10, 5)).toEqual([0, 2, 4, 6, 8, 10]);
    expect(ticks(-1, 1, 4).map((tick) => tick + 0)).toEqual([-1, -0.5, 0, 0.5, 1]);
  });

  it('labels with as many digits as the step needs', () => {
    expect(axisLabel(370, 5)).toBe('370');
    expect(axisLabel(0.25, 0.05)).toBe('0.25');
    expect(axisLabel(2.5e9, 5e8)).toBe('2.50e+9');
  });
});

describe('plotTerminal', () => {
  const chart = fanChart(
    series(
      Array.from({ length: 60 }, (_, i) => Math.sin(i / 3)),
      8,
    ),
  );

  it('draws within the given width, with axis, band and legend', () => {
    const text = plotTerminal(chart, { width: 72, height: 12, color: false });
    const lines = text.trimEnd().split('\n');
    expect(Math.max(...lines.map((line) => [...line].length))).toBeLessThanOrEqual(72);
    expect(lines).toHaveLength(12 + 4);
    expect(text).toContain('░');
    expect(text).toMatch(/[\u2801-\u28ff]/);
    expect(text).toContain('80 %');
    expect(text).not.toContain('\x1b[');
  });

  it('uses colour only when asked', () => {
    expect(plotTerminal(chart, { width: 72, height: 12, color: true })).toContain('\x1b[36m');
  });

  it('draws a series of one value and one of none', () => {
    for (const values of [[3], [Number.NaN], []]) {
      expect(plotTerminal(fanChart(series(values, 1)), { width: 40, height: 6, color: false })).toContain('a');
    }
  });
});

describe('mergeSvg', () => {
  // Four values and a token of the model's own: tokens 0 and 2 merge first, then their token with token 3.
  const trace = {
    positions: Int32Array.of(0, 1, 2, 3, 4),
    spans: Int32Array.of(0, 1, 1, 2, 2, 3, 3, 4, -1, -1),
    layers: [
      { layer: 0, tokensBefore: 5, tokens: 4, map: Int32Array.of(1, 0, 1, 2, 3), lastSimilarity: 0.5 },
      { layer: 2, tokensBefore: 4, tokens: 3, map: Int32Array.of(0, 1, 1, 2), lastSimilarity: Number.NaN },
    ],
  };
  const svg = mergeSvg([{ title: '<a>', values: [1, 2, 3, Number.NaN], trace }]);
  const strips = svg.split(/(?=<text x="112"[^>]*>(?:at first|layer))/).slice(1);
  const fills = strips.map((strip) => [...strip.matchAll(/<rect [^>]*fill="([^"]+)"/g)].map(([, fill]) => fill));

  it('draws a strip for the tokens at first and for every layer that merged', () => {
    expect(strips.map((strip) => />([^<]+)</.exec(strip)?.[1])).toEqual([
      'at first: 5 tokens',
      'layer 0: 4 tokens',
      'layer 2: 3 tokens',
    ]);
    expect(svg.match(/similarity/g)).toHaveLength(1);
    expect(svg).toContain('similarity ≥ 0.500');
    expect(svg).toContain('&#60;a&#62;');
    expect(svg).not.toMatch(/NaN|undefined|Infinity/);
  });

  it('gives places of one token one colour, and joins neighbours', () => {
    const [first, second, third] = fills;
    expect(new Set(first).size).toBe(1);
    expect(first).toHaveLength(5);
    const [alone] = first!;
    expect(second).toEqual([expect.stringMatching(/^hsl/), alone, second![0], alone, alone]);
    expect(third).toEqual([second![0], alone, second![0], alone]);
    expect(svg).toContain('<title>values 2 to 3: token 1</title>');
    expect(svg).toContain('<title>added by the model: token 2</title>');
  });
});

describe('plotSvg', () => {
  it('is one document with a panel per series and escapes names', () => {
    const svg = plotSvg([fanChart(series([1, 2, Number.NaN, 4])), fanChart(series([1], 2, '<b&"'))]);
    expect(svg.match(/<svg/g)).toHaveLength(1);
    expect(svg.match(/<g /g)).toHaveLength(2);
    expect(svg).toContain('&#60;b&#38;&#34;');
    expect(svg).not.toContain('NaN');
    expect(svg.match(/<polyline/g)?.length).toBeGreaterThanOrEqual(2);
  });
});
