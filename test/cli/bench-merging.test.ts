import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MergingReport } from '../../lib/cli/bench-merging/report.js';
import { tidemerge } from './run.js';

let folder: string;
let csv: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidemerge-bench-'));
  const start = Date.UTC(2024, 0, 1);
  const rows = Array.from({ length: 900 }, (_, i) => {
    const date = new Date(start + 3_600_000 * i).toISOString().slice(0, 19).replace('T', ' ');
    const wave = Math.sin((2 * Math.PI * i) / 24);
    return `${date},${(10 + wave + 0.1 * Math.sin(i * i)).toFixed(4)},${(5 - 2 * wave).toFixed(4)}\n`;
  });
  csv = join(folder, 'waves.csv.gz');
  writeFileSync(csv, gzipSync(`date,a,b\n${rows.join('')}`));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const QUICK = ['--context', '256', '-w', '6', '--stride', '8', '--rounds', '1', '--turn', '1', '--batch', '4'];

describe('tidemerge bench merging', () => {
  it('measures, chooses, and writes table, JSON and SVG', async () => {
    const [json, svg] = [join(folder, 'out.json'), join(folder, 'out.svg')];
    const settings = [
      '--ratio',
      '0.5',
      '--k',
      '1,global',
      '--sigma',
      '1',
      '--resamples',
      '100',
      '--split',
      '0.6/0.2/0.2',
    ];
    const args = ['bench', 'merging', '-d', csv, ...QUICK, ...settings, '--json', json, '--plot', svg];
    const { code, stdout, stderr } = await tidemerge(args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: `wrote ${json}\nwrote ${svg}\n` });
    for (const text of ['speed-up', 'ratio 0.5 k global', 'gauss 1', 'pruned', 'same-size', 'one trained size']) {
      expect(stdout).toContain(text);
    }
    const report = JSON.parse(readFileSync(json, 'utf8')) as MergingReport;
    expect(report.schemaVersion).toBe(1);
    expect(report.data[0]).toMatchObject({
      name: 'waves',
      series: 2,
      split: { train: { begin: 0, end: 540 }, test: { begin: 720, end: 900 } },
      windows: { validation: { count: 6 }, test: { count: 6 } },
    });
    expect(report.models[0]).toMatchObject({ name: 'tidemerge-bolt-nano', context: 256, horizon: 64, trained: true });
    const test = report.accuracy.find(({ part }) => part === 'test')!;
    expect(test.rows.map(({ setting }) => setting)).toEqual(['unmerged', 'ratio 0.5 k 1', 'ratio 0.5 k global']);
    // 16 patches and the register token; two layers that halve them.
    expect(report.models[0]!.speed.map(({ tokens }) => tokens)).toEqual([
      [17, 17, 17],
      [17, 9, 5],
      [17, 9, 5],
    ]);
    const [unmerged, neighbours] = report.models[0]!.speed;
    expect(neighbours!.flops!).toBeLessThan(unmerged!.flops!);
    const [none, merged] = test.rows;
    expect(merged!.scores.mse).not.toBe(none!.scores.mse);
    expect(merged!.prune!.scores.mse).not.toBe(merged!.scores.mse);
    expect(none!.gaussian[0]!.scores.mse).not.toBe(none!.scores.mse);
    expect(test.rows[0]!.change.mse).toEqual({ estimate: 0, low: 0, high: 0 });
    expect(readFileSync(svg, 'utf8')).toMatch(/^<svg .*<\/svg>\n$/s);
  });

  it('takes models for their speed alone, and JSON on standard output', async () => {
    const args = [
      'bench',
      'merging',
      '--speed-only',
      'tidemerge-bolt-nano',
      '-d',
      csv,
      ...QUICK,
      '--ratio',
      '0.5',
      '--k',
      '1',
    ];
    const { code, stdout, stderr } = await tidemerge([...args, '--threads', '1,2', '--json', '-']);
    expect(code).toBe(0);
    expect(stderr).toContain('speed only');
    const report = JSON.parse(stdout) as MergingReport;
    expect(report.models[0]!.speed.map(({ setting, threads }) => `${setting}, ${threads}`)).toEqual([
      'unmerged, 1',
      'ratio 0.5 k 1, 1',
      'unmerged, 2',
      'ratio 0.5 k 1, 2',
    ]);
    expect([report.accuracy, report.selection]).toEqual([[], []]);
  });

  it('says what is wrong with its arguments and data', async () => {
    const fails = async (args: readonly string[], code: number, message: RegExp) => {
      const outcome = await tidemerge(['bench', 'merging', ...args]);
      expect(outcome.stderr).toMatch(message);
      expect(outcome.code).toBe(code);
    };
    await Promise.all([
      fails([], 2, /required option.*--data/),
      fails(['-d', csv, '--k', '0'], 2, /whole number of at least 1, got '0'/),
      fails(['-d', csv, '--ratio', '2'], 2, /number from 0 to 1, got '2'/),
      fails(['-d', csv, '--r', '1', '--ratio', '0.1'], 2, /expected --r or --ratio, got both/),
      fails(['-d', csv, '-H', '65'], 2, /--horizon: expected at most 64.*got 65/),
      fails(['-d', csv, '--split', '1/2'], 2, /three numbers/),
      fails(['-d', csv, '-d', csv], 2, /files of different names/),
      fails(['-d', csv, '--split', '12/4/4'], 3, /expected a split within its 900 rows, got 8640/),
      fails(['-d', csv, '--split', '0.6/0.05/0.35'], 3, /validation: expected at least a window of 512 \+ 64 values/),
      fails(['-d', join(folder, 'none.csv')], 3, /none\.csv/),
      fails(['-d', csv, '-m', join(folder, 'nowhere')], 4, /nowhere/),
    ]);
  });
});
