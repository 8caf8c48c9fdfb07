import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readGoldenFile } from '../models/goldens.js';
import { ANOMALY, CLASSES, windowOf } from '../unit/tasks/sbt-tasks.js';
import { tidemerge } from './run.js';

/** Log probabilities of the official implementation, [3, 4]. */
const expected = readGoldenFile(`${CLASSES}/cases.safetensors`).floats('published.output').data;
/** By sample: the classes, most probable first. */
const ranking = [0, 1, 2].map((b) => {
  const own = expected.slice(4 * b, 4 * b + 4);
  return [0, 1, 2, 3].sort((i, j) => own[j]! - own[i]!).map(String);
});
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidemerge-classify-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A line of a .ts file: variable by variable, then the class. */
function caseLine({ data, shape: [steps, variables] }: ReturnType<typeof windowOf>, label: string): string {
  const row = (v: number) => Array.from({ length: steps }, (_, t) => data[t * variables + v]).join(',');
  return `${Array.from({ length: variables }, (_, v) => row(v)).join(':')}:${label}\n`;
}

function ts(name: string, labels: readonly string[], extra = ''): string {
  const path = join(folder, name);
  const lines = labels.map((label, b) => caseLine(windowOf(CLASSES, b), label));
  const classes = [...new Set([...labels, '0'])].join(' ');
  writeFileSync(path, `@univariate false\n@classLabel true ${classes}\n@data\n${lines.join('')}${extra}`);
  return path;
}

describe('tidemerge classify', () => {
  it("gives the official implementation's classes, and the accuracy of them", async () => {
    // Right, the second choice, right.
    const labels = [ranking[0]![0]!, ranking[1]![1]!, ranking[2]![0]!];
    const file = ts('classes.ts', labels);
    const { code, stdout, stderr } = await tidemerge(['classify', file, '-m', CLASSES, '-k', '9', '--threads', '1']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: 'accuracy 0.6667: 2 of 3 right\n' });
    const [header, ...rows] = stdout.trimEnd().split('\n');
    expect(header).toBe('sample,label,score,label_2,score_2,label_3,score_3,label_4,score_4,true_label');
    expect(rows).toHaveLength(3);
    for (const [b, row] of rows.entries()) {
      const cells = row.split(',');
      expect([cells[0], cells[9]]).toEqual([String(b), labels[b]]);
      expect([1, 3, 5, 7].map((i) => cells[i])).toEqual(ranking[b]);
      for (const [rank, name] of ranking[b]!.entries()) {
        const logarithm = expected[4 * b + Number(name)]!;
        expect(Math.abs(Math.log(Number(cells[2 + 2 * rank])) - logarithm)).toBeLessThanOrEqual(
          2e-5 - 2e-5 * logarithm,
        );
      }
    }
  });

  it('goes on after a sample that fails; JSON lines end with a summary; a file appears whole', async () => {
    const long = windowOf(CLASSES, 0);
    const doubled = { data: Float32Array.of(...long.data, ...long.data), shape: [100, 7] as [number, number] };
    const file = ts('failing.ts', [ranking[0]![0]!, ranking[1]![0]!], caseLine(doubled, '0'));
    const output = join(folder, 'failing.ndjson');
    const { code, stdout, stderr } = await tidemerge(['classify', file, '-m', CLASSES, '--json', '-o', output]);
    expect({ code, stdout }).toEqual({ code: 5, stdout: '' });
    expect(stderr).toContain('sample 2 failed: expected 1 to 50 steps, got 100\n');
    expect(stderr).toContain('1 of 3 samples failed\n');
    const objects = readFileSync(output, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(objects.map(({ sample, labels, true_label }) => [sample, labels, true_label])).toEqual([
      [0, [ranking[0]![0]], ranking[0]![0]],
      [1, [ranking[1]![0]], ranking[1]![0]],
      [undefined, undefined, undefined],
    ]);
    expect(objects[2].summary).toEqual({ samples: 3, failed: 1, right: 2, accuracy: 1 });
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('reads a table from standard input as one sample; says when classes have other names', async () => {
    const { data } = windowOf(CLASSES, 1);
    const table = Array.from({ length: 50 }, (_, t) => `${data.slice(7 * t, 7 * t + 7).join(',')}\n`).join('');
    const piped = await tidemerge(['classify', '-', '-m', CLASSES], { input: table });
    expect(piped).toMatchObject({ code: 0, stderr: '' });
    expect(piped.stdout).toMatch(new RegExp(`^sample,label,score\n0,${ranking[1]![0]},0\\.\\d+\n$`));
    const named = await tidemerge(['classify', ts('named.ts', ['run', 'walk']), '-m', CLASSES, '--json']);
    expect(named.code).toBe(0);
    expect(named.stderr).toContain('so there is no accuracy: "run", "walk"; it has "0", "1", "2", "3"');
    expect(JSON.parse(named.stdout.trimEnd().split('\n')[2]!)).toEqual({ summary: { samples: 2, failed: 0 } });
  });

  it('says what is wrong, and writes nothing', async () => {
    const file = ts('fine.ts', ['0']);
    const output = join(folder, 'nothing.csv');
    const fails = async (code: number, message: string, ...args: string[]) => {
      const outcome = await tidemerge(['classify', ...args, '-o', output]);
      expect(outcome).toMatchObject({ code, stdout: '' });
      expect(outcome.stderr).toContain(message);
      expect(existsSync(output)).toBe(false);
    };
    const narrow = join(folder, 'narrow.csv');
    writeFileSync(narrow, 'a,b\n1,2\n');
    await fails(2, 'task: expected classification, got anomaly-detection', file, '-m', ANOMALY);
    await fails(3, 'expected 7 variables as the model has, got 2: "a", "b"', narrow, '-m', CLASSES);
    await fails(4, 'ERR_MODEL_NOT_FOUND', file, '-m', join(folder, 'no-model'));
    await fails(2, 'top-k', file, '-m', CLASSES, '-k', '0');
  });
});
