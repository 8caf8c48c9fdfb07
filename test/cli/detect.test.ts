import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readGoldenFile } from '../models/goldens.js';
import { numbers } from '../unit/models/sbt/synthetic.js';
import { ANOMALY, CLASSES } from '../unit/tasks/sbt-tasks.js';
import { tidemerge } from './run.js';

const WINDOW = 50;
/** Steps that are off, [from, to): the first is cut by what has no score yet, the last by the labels. */
const BUMPS = [
  [45, 55],
  [100, 104],
] as const;
const LABELLED = [
  [45, 55],
  [102, 106],
] as const;
const inside = (ranges: readonly (readonly [number, number])[], step: number) =>
  ranges.some(([from, to]) => step >= from && step < to);
let folder: string;
let normal: string;
let series: string;

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** A wave of seven variables with a little noise. */
function rows(count: number, bumps: typeof BUMPS | readonly []): string[] {
  const noise = numbers(count * 7, count);
  return Array.from({ length: count }, (_, t) =>
    Array.from({ length: 7 }, (_, v) =>
      (Math.sin(t / 9 + v) + 0.1 * noise[7 * t + v]! + (inside(bumps, t) ? 4 : 0)).toFixed(4),
    ).join(','),
  );
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidemerge-detect-'));
  const names = Array.from({ length: 7 }, (_, v) => `v${v}`).join(',');
  normal = file('normal.csv', `${names}\n${rows(180, []).join('\n')}\n`);
  const labelled = rows(140, BUMPS).map((row, t) => `${Number(inside(LABELLED, t))},${row}\n`);
  series = file('series.csv', `off,${names}\n${labelled.join('')}`);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Row {
  readonly score: number;
  readonly flag: number;
}

function parsed(csv: string): Row[] {
  const [header, ...lines] = csv.trimEnd().split('\n');
  expect(header).toBe('step,score,is_anomaly');
  return lines.map((line, t) => {
    const [step, score, flag] = line.split(',');
    expect(step).toBe(String(t));
    return { score: score === '' ? NaN : Number(score), flag: Number(flag) };
  });
}

/** Linear between two scores. */
function quantile(scores: readonly number[], level: number): number {
  const sorted = scores.filter((score) => !Number.isNaN(score)).sort((a, b) => a - b);
  const place = level * (sorted.length - 1);
  const low = Math.floor(place);
  return sorted[low]! + (place - low) * ((sorted[low + 1] ?? sorted[low]!) - sorted[low]!);
}

/** Of every step by itself. */
function figures(flags: readonly number[], truth: readonly boolean[]) {
  const hits = flags.filter((flag, t) => flag === 1 && truth[t]).length;
  const precision = hits / flags.filter((flag) => flag === 1).length;
  const recall = hits / truth.filter(Boolean).length;
  return { precision, recall, f1: (2 * precision * recall) / (precision + recall) };
}

const truth = Array.from({ length: 140 }, (_, t) => inside(LABELLED, t));
/** The scores of a file, whatever the threshold. */
const scored = async (path: string, ...args: string[]) => {
  const { stdout } = await tidemerge(['detect', path, '-m', ANOMALY, '--threshold', '0', ...args]);
  return parsed(stdout).map(({ score }) => score);
};

describe('tidemerge detect', () => {
  it('scores as the official implementation does, also from standard input', async () => {
    const goldens = readGoldenFile(`${ANOMALY}/cases.safetensors`);
    const { data } = goldens.floats('x');
    const error = goldens.floats('published.error').data[0]!;
    const table = Array.from({ length: WINDOW }, (_, t) => `${data.slice(7 * t, 7 * t + 7).join(',')}\n`).join('');
    const args = ['detect', '-', '-m', ANOMALY, '--threshold', String(error * 1.01)];
    const { code, stdout, stderr } = await tidemerge(args, { input: table });
    expect(code).toBe(0);
    expect(stderr).toMatch(/^protocol honest: threshold .*, as given\n1 of 50 steps have a score, 0 of them/);
    const scores = parsed(stdout);
    expect(scores.slice(0, -1).every(({ score, flag }) => Number.isNaN(score) && flag === 0)).toBe(true);
    expect(Math.abs(scores.at(-1)!.score - error)).toBeLessThanOrEqual(1e-4 * error);
  });

  it('takes the threshold of normal data and says how good it is', async () => {
    const [train, own] = [await scored(normal), await scored(series, '--label-column', 'off')];
    const threshold = quantile(train, 0.9);
    const output = join(folder, 'honest.csv');
    const args = ['detect', series, '-m', ANOMALY, '--train', normal, '--level', '0.9', '--label-column', 'off'];
    const { code, stdout, stderr } = await tidemerge([...args, '-o', output, '-p', 'svg']);
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
    const found = parsed(readFileSync(output, 'utf8'));
    expect(found.map(({ score }) => score)).toEqual(own);
    const flags = own.map((score) => Number(score > threshold));
    expect(found.map(({ flag }) => flag)).toEqual(flags);
    const { precision, recall, f1 } = figures(flags, truth);
    expect([precision, recall].every((value) => value > 0 && value < 1)).toBe(true);
    const text = [precision, recall, f1].map((value) => value.toFixed(4)).join(' +');
    expect(stderr).toMatch(new RegExp(`protocol honest .*F1\n +steps +${text}\n +ranges +[01]\\.`));
    expect(stderr).toContain(`protocol honest: threshold ${threshold.toPrecision(6)}, the 0.9 quantile of 131 scores`);

    const svg = readFileSync(join(folder, 'honest.svg'), 'utf8');
    expect(svg).toContain('series.csv: score, protocol honest');
    expect(svg).toContain('<title>anomalous: steps 49 to 54</title>');
    expect(svg).toContain('<title>labelled: steps 102 to 105</title>');
    expect(svg).toContain(`<title>threshold ${String(threshold).slice(0, 12)}`);
    expect(svg).not.toMatch(/NaN|undefined|Infinity/);
  });

  it("follows the paper's protocol and says so, with labels of a file", async () => {
    const [train, own] = [await scored(normal), await scored(series, '--label-column', 'off')];
    const plain = file('plain.csv', `${rows(140, BUMPS).join('\n')}\n`);
    const labels = file('labels.txt', truth.map((label) => `${Number(label)}\n`).join(''));
    const args = [
      'detect',
      plain,
      '-m',
      ANOMALY,
      '--train',
      normal,
      '--labels',
      labels,
      '--protocol',
      'paper',
      '--json',
    ];
    const { code, stdout, stderr } = await tidemerge(args);
    expect(code).toBe(0);
    expect(stderr).toContain('and of the scores it judges\n');
    const objects = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    const { summary } = objects.pop();
    const threshold = quantile([...train, ...own], 0.99);
    const flags = own.map((score) => Number(score > threshold));
    expect(objects).toEqual(
      own.map((score, step) => ({ step, score: Number.isNaN(score) ? null : score, is_anomaly: flags[step] === 1 })),
    );
    // Every labelled range with a hit counts in full.
    const adjusted = flags.map((flag, t) => {
      const range = LABELLED.find(([from, to]) => t >= from && t < to);
      return range && flags.slice(...range).includes(1) ? 1 : flag;
    });
    expect(adjusted).not.toEqual(flags);
    expect(summary).toMatchObject({ protocol: 'paper', level: 0.99, steps: 140, scored: 91, point_adjusted: true });
    expect(summary.threshold).toBeCloseTo(threshold, 9);
    expect(summary.threshold_from).toBe('train-and-series');
    expect(summary.points).toEqual(figures(adjusted, truth));
    expect(summary.range_based.recall).toBeLessThan(summary.points.recall);
  });

  it('stores a threshold and finds it again', async () => {
    const model = join(folder, 'model');
    cpSync(ANOMALY, model, { recursive: true });
    const args = ['detect', series, '-m', model, '--label-column', 'off'];
    const none = await tidemerge(args);
    expect(none).toMatchObject({ code: 2, stdout: '' });
    expect(none.stderr).toContain(
      'expected --train <file of normal data>, --threshold, or a model with a stored threshold',
    );
    const first = await tidemerge([...args, '--train', normal, '--save-threshold']);
    const second = await tidemerge(args);
    expect(second.stderr).toMatch(/^protocol honest: threshold .*, stored with the model\n/);
    expect(second.stdout).toBe(first.stdout);
  });

  it('says what is wrong', async () => {
    const fails = async (code: number, message: string, ...args: string[]) => {
      const outcome = await tidemerge(['detect', ...args]);
      expect(outcome).toMatchObject({ code, stdout: '' });
      expect(outcome.stderr).toContain(message);
    };
    const short = file('short.csv', `${rows(49, []).join('\n')}\n`);
    const strange = file('strange.txt', '0\n2\n');
    const given = ['-m', ANOMALY, '--threshold', '1'];
    await fails(2, '--protocol paper: expected --train', normal, '-m', ANOMALY, '--protocol', 'paper');
    await fails(2, '--level: expected --train', normal, '-m', ANOMALY, '--level', '0.9');
    await fails(2, 'expected one of --train and --threshold, got both', normal, ...given, '--train', normal);
    await fails(2, 'task: expected anomaly-detection', normal, '-m', CLASSES, '--threshold', '1');
    await fails(3, 'expected a window of 50 steps without a missing value, got none', short, ...given);
    await fails(3, 'expected a label 0 or 1 for step 1, got 2', normal, ...given, '--labels', strange);
    await fails(3, 'expected 7 variables as the model has, got 8: "off"', series, ...given);
  });
});
