import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tidemerge } from './run.js';

const CO2 = fileURLToPath(new URL('../../examples/data/co2_weekly.csv', import.meta.url));
const T5 = fileURLToPath(new URL('../fixtures/chronos-t5/random-512', import.meta.url));
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidemerge-cli-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const long = (rows: number, id = 'a') =>
  Array.from({ length: rows }, (_, i) => `${id},2024-01-${String(i + 1).padStart(2, '0')},${Math.sin(i)}\n`).join('');
const LONG = `unique_id,ds,y\n${long(20)}`;
const rowsOf = (csv: string) => csv.trimEnd().split('\n');

describe('tidemerge forecast', () => {
  it('forecasts the CO2 record: table to a file, SVG beside it, chart on stderr, nothing on stdout', async () => {
    const output = join(folder, 'co2.csv');
    const { code, stdout, stderr } = await tidemerge(['forecast', CO2, '-H', '52', '-p', 'terminal,svg', '-o', output]);
    expect(stderr).toContain('░');
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
    const rows = rowsOf(readFileSync(output, 'utf8'));
    expect(rows[0]).toBe('unique_id,ds,0.1,0.2,0.3,0.4,0.5,0.6,0.7,0.8,0.9');
    expect(rows).toHaveLength(53);
    expect(rows[1]).toMatch(/^co2,2002-01-05,3[67]\d\./);
    expect(rows[52]).toMatch(/^co2,2002-12-28,/);
    expect(readFileSync(join(folder, 'co2.svg'), 'utf8')).toMatch(/^<svg /);
  });

  it('reads long and wide tables, NDJSON, gzip and standard input alike', async () => {
    const values = Array.from({ length: 20 }, (_, i) => Math.sin(i));
    const dates = values.map((_, i) => `2024-01-${String(i + 1).padStart(2, '0')}`);
    const wide = `date,a\n${values.map((value, i) => `${dates[i]},${value}\n`).join('')}`;
    const ndjson = `${JSON.stringify({ item_id: 'a', start: '2024-01-01', freq: 'D', target: values })}\n`;
    const args = ['-H', '3', '-q', '0.1,0.5,0.9'];
    const first = await tidemerge(['forecast', file('long.csv', LONG), ...args]);
    expect(first.code).toBe(0);
    expect(rowsOf(first.stdout)).toHaveLength(4);
    expect(rowsOf(first.stdout)[1]).toMatch(/^a,2024-01-21,/);
    const zipped = await tidemerge(['forecast', file('long.csv.gz', gzipSync(LONG)), ...args]);
    const piped = await tidemerge(['forecast', '-', ...args], { input: LONG });
    const columns = await tidemerge(['forecast', file('wide.csv', wide), ...args]);
    for (const other of [zipped, piped, columns]) expect(other.stdout).toBe(first.stdout);
    const lines = await tidemerge(['forecast', file('one.ndjson', ndjson), ...args]);
    const numbers = (csv: string) => rowsOf(csv).map((row) => row.split(',').slice(2));
    expect(lines.code).toBe(0);
    expect(numbers(lines.stdout)).toEqual(numbers(first.stdout));
  });

  it('names columns, writes JSON and NDJSON, limits the context', async () => {
    const path = file('named.csv', LONG.replace('unique_id,ds,y', 'shop,day,sold'));
    const args = ['forecast', path, '--id', 'shop', '--time', 'day', '--target', 'sold', '-H', '2', '-q', '0.5'];
    const json = await tidemerge([...args, '-f', 'json']);
    expect(JSON.parse(json.stdout)).toEqual([
      { shop: 'a', day: '2024-01-21', 0.5: expect.any(Number) },
      { shop: 'a', day: '2024-01-22', 0.5: expect.any(Number) },
    ]);
    const ndjson = await tidemerge([...args, '-f', 'ndjson', '--context', '5']);
    const first = JSON.parse(rowsOf(ndjson.stdout)[0]!);
    expect(first['0.5']).not.toBe(JSON.parse(json.stdout)[0]['0.5']);
  });

  it('merges tokens, and draws what was merged', async () => {
    const output = join(folder, 'merged.csv');
    const args = ['forecast', CO2, '-H', '4', '-q', '0.5'];
    const merge = ['--merge-ratio', '0.25', '--merge-k', '2', '--merge-layers', '0,1', '--merge-proportional'];
    const more = ['--merge-min-tokens', '10', '--merge-trace', 'svg', '-o', output];
    const [plain, merged] = await Promise.all([tidemerge(args), tidemerge([...args, ...merge, ...more])]);
    expect(merged).toMatchObject({ code: 0, stdout: '', stderr: expect.stringContaining('merged_merging.svg') });
    const numbers = (csv: string) => rowsOf(csv).map((row) => row.split(',')[2]);
    expect(numbers(readFileSync(output, 'utf8'))).toHaveLength(5);
    expect(numbers(readFileSync(output, 'utf8'))).not.toEqual(numbers(plain.stdout));
    expect(readFileSync(join(folder, 'merged_merging.svg'), 'utf8')).toMatch(/layer 1: \d+ tokens/);
  });

  it('samples reproducibly from a T5 model', async () => {
    const args = ['forecast', file('sample.csv', LONG), '-m', T5, '-H', '4', '--samples', '5', '-q', '0.1,0.9'];
    const [one, same, other] = await Promise.all([
      tidemerge([...args, '--seed', '3']),
      tidemerge([...args, '--seed', '3', '--threads', '1', '--batch-size', '1']),
      tidemerge([...args, '--seed', '4']),
    ]);
    expect(rowsOf(one.stdout)[0]).toBe('unique_id,ds,mean,0.1,0.9');
    expect(same.stdout).toBe(one.stdout);
    expect(other.stdout).not.toBe(one.stdout);
  });
});

describe('exit codes', () => {
  const fails = async (args: readonly string[], code: number, message: RegExp) => {
    const outcome = await tidemerge(['forecast', ...args]);
    expect(outcome.stderr).toMatch(message);
    expect(outcome.code).toBe(code);
  };

  it('2: usage', async () => {
    const path = file('usage.csv', LONG);
    await fails([path, '--horizon', '0'], 2, /whole number of at least 1, got '0'/);
    await fails([path, '--quantiles', '0.5,1'], 2, /numbers between 0 and 1/);
    await fails([path, '--merge-r', '1', '--merge-threshold', '0.5'], 2, /exactly one of .*"r and threshold"/);
    await fails([path, '--merge-k', 'all'], 2, /'all'/);
    await fails([path, '--no-such-option'], 2, /unknown option/);
    await fails([path, '--isa', 'sse9'], 2, /expected one of .*got 'sse9'/);
    await fails([], 2, /missing required argument/);
  });

  it('3: bad data', async () => {
    await fails([join(folder, 'absent.csv')], 3, /absent\.csv/);
    await fails([file('text.csv', 'unique_id,ds,y\na,2024-01-01,1\na,2024-01-02,many\n')], 3, /line 3.*many/s);
    await fails([file('empty.csv', '')], 3, /empty\.csv/);
    await fails([file('infinite.csv', 'date,a\n2024-01-01,1\n2024-01-02,inf\n')], 3, /line 3.*inf/s);
    await fails([file('none.ndjson', '{"item_id":"a","target":[]}\n')], 3, /series 'a' failed/);
  });

  it('4: model not found, with a hint for hub names', async () => {
    const path = file('model.csv', LONG);
    await fails([path, '-m', join(folder, 'nowhere')], 4, /nowhere/);
    await fails([path, '-m', 'amazon/chronos-bolt-small'], 4, /hub|download|clone/i);
  });

  it('5: some series failed, the others are written', async () => {
    const path = file('some.ndjson', '{"item_id":"a","target":[1,2,3]}\n{"item_id":"b","target":[]}\n');
    const { code, stdout, stderr } = await tidemerge(['forecast', path, '-H', '2']);
    expect(stderr).toMatch(/series 'b' failed/);
    expect(code).toBe(5);
    expect(rowsOf(stdout)).toHaveLength(3);
  });

  it('130: interrupted, leaving no half-written file', async () => {
    const many = Array.from({ length: 300 }, (_, i) => long(30, `s${i}`)).join('');
    const path = file('many.csv', `unique_id,ds,y\n${many}x,2024-01-01,1\nx,2024-03-01,2\nx,2024-03-02,3\n`);
    const output = join(folder, 'interrupted.csv');
    // The gap in series x makes a warning, which tells when reading is over.
    const args = ['forecast', path, '-m', T5, '-H', '64', '--samples', '50', '--threads', '1', '-o', output];
    const { code, stderr } = await tidemerge(args, { signal: 'SIGINT' });
    expect(stderr).toContain('interrupted');
    expect(code).toBe(130);
    expect(existsSync(output)).toBe(false);
  });
});

describe('tidemerge doctor', () => {
  it('tells what is there', async () => {
    const { code, stdout } = await tidemerge(['doctor']);
    expect(code).toBe(0);
    for (const word of ['Node', 'CPU features', 'sets compiled in', 'set chosen', 'threads', 'addon']) {
      expect(stdout).toContain(word);
    }
    const report = JSON.parse((await tidemerge(['doctor', '--json'])).stdout);
    expect(report.instructionSets.map((set: { name: string }) => set.name)).toContain(report.chosenSet);
  });

  it('tells why the addon cannot be used', async () => {
    const { code, stdout } = await tidemerge(['doctor'], { env: { TIDEMERGE_ADDON: join(folder, 'none.node') } });
    expect(code).toBe(1);
    expect(stdout).toMatch(/none\.node: no such file/);
    expect(stdout).toContain('npm run build:addon');
    const isa = await tidemerge(['doctor'], { env: { TIDEMERGE_ISA: 'sse9' } });
    expect(isa.code).toBe(1);
    expect(isa.stdout).toContain("got 'sse9'");
  });
});
