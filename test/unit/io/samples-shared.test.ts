import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { readArffFile, readSamples, type SampleSet } from '../../../lib/io/index.js';
import { sharedFolder } from '../../models/goldens.js';

const shared = sharedFolder('real data of the sample readers');
if (!shared) it.skip('real data: the folder is not there', () => {});

/** Sizes as the archives state them. */
const UEA = [
  ['BasicMotions', 40, 40, 6, 100, 100, 4],
  ['JapaneseVowels', 270, 370, 12, 7, 29, 9],
  ['Epilepsy', 137, 138, 3, 206, 206, 4],
  ['Handwriting', 150, 850, 3, 152, 152, 26],
] as const;

const SMD = [
  ['machine-1-2', 23694, 23694, 0.023],
  ['machine-2-1', 23693, 23694, 0.049],
  ['machine-3-10', 23692, 23693, 0.044],
] as const;

/** Rows, columns, and the sum of the first column as NumPy has it. */
const SMAP_MSL = [
  ['train/P-1', 2872, 25, -1226.8450692842443],
  ['test/M-6', 2049, 55, 24438.945945945678],
] as const;

/** The same samples as relational ARFF. */
function arffOf({ samples, labels, classNames }: SampleSet): string {
  const [length, variables] = samples[0]!.shape;
  const attributes = Array.from({ length }, (_, t) => `\t@attribute att${t} numeric\n`).join('');
  const rows = samples.map(({ data }, i) => {
    const row = (variable: number) => Array.from({ length }, (_, t) => data[t * variables + variable]).join(',');
    return `"${Array.from({ length: variables }, (_, variable) => row(variable)).join('\\n')}",${labels[i]}\n`;
  });
  const head = `@relation R\n\n@attribute relationalAtt relational\n${attributes}@end relationalAtt\n@attribute activity {${classNames}}\n`;
  return `${head}\n@data\n${rows.join('')}`;
}

describe.runIf(shared)('real data', () => {
  const data = (...parts: string[]) => join(shared!, 'data', ...parts);

  it.each(UEA)('reads %s of UEA', async (name, train, test, variables, shortest, longest, classes) => {
    const read = (part: string) => readSamples(data('uea', name, `${name}_${part}.ts.gz`));
    const parts = [await read('TRAIN'), await read('TEST')];
    expect(parts.map(({ samples }) => samples.length)).toEqual([train, test]);
    const shapes = parts.flatMap(({ samples }) => samples.map(({ shape }) => shape));
    expect(new Set(shapes.map((shape) => shape[1]))).toEqual(new Set([variables]));
    const lengths = shapes.map(([length]) => length);
    expect([Math.min(...lengths), Math.max(...lengths)]).toEqual([shortest, longest]);
    for (const { labels, classNames, samples } of parts) {
      expect(classNames).toHaveLength(classes);
      expect(labels).toHaveLength(samples.length);
      expect(new Set(labels).size).toBe(classes);
      expect(samples.some((sample) => sample.data.some(Number.isNaN))).toBe(false);
    }
    // The file's first line of data, read by other means.
    const text = gunzipSync(readFileSync(data('uea', name, `${name}_TRAIN.ts.gz`))).toString();
    const [line] = text
      .slice(text.toLowerCase().indexOf('@data') + 5)
      .trim()
      .split('\n');
    const cells = line!.trim().split(':');
    const { data: first, shape } = parts[0]!.samples[0]!;
    expect(parts[0]!.labels[0]).toBe(cells[variables]);
    for (let variable = 0; variable < variables; variable++) {
      const expected = Float32Array.from(cells[variable]!.split(','), Number);
      expect(expected).toEqual(Float32Array.from({ length: shape[0] }, (_, t) => first[t * variables + variable]!));
    }
  });

  it('reads the same from ARFF', async () => {
    const set = await readSamples(data('uea', 'BasicMotions', 'BasicMotions_TRAIN.ts.gz'));
    expect(await readArffFile(Buffer.from(arffOf(set)))).toEqual(set);
  });

  it.each(SMD)('reads %s of SMD', async (name, train, test, share) => {
    const read = async (part: string) => (await readSamples(data('smd', part, `${name}.txt.gz`))).samples[0]!;
    expect((await read('train')).shape).toEqual([train, 38]);
    expect((await read('test')).shape).toEqual([test, 38]);
    const labels = await read('test_label');
    expect(labels.shape).toEqual([test, 1]);
    expect(labels.data.reduce((sum, label) => sum + label, 0) / test).toBeCloseTo(share, 3);
  });

  it.each(SMAP_MSL)('reads %s of SMAP and MSL', async (name, rows, columns, sum) => {
    const [sample] = (await readSamples(data('smap_msl', `${name}.npy.gz`))).samples;
    expect(sample!.shape).toEqual([rows, columns]);
    const first = Array.from({ length: rows }, (_, t) => sample!.data[t * columns]!);
    // Each value is rounded to float32.
    const size = first.reduce((total, value) => total + Math.abs(value), 0);
    expect(Math.abs(first.reduce((total, value) => total + value, 0) - sum)).toBeLessThanOrEqual(2 ** -24 * size);
  });
});
