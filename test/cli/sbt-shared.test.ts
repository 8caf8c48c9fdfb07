import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readSamples, serializeSafetensors } from '../../lib/io/index.js';
import type { SbtConfig } from '../../lib/models/sbt/config.js';
import { sharedFolder } from '../models/goldens.js';
import { checkpointTensors, FORECAST, SPARSE } from '../unit/models/sbt/synthetic.js';
import { tidemerge } from './run.js';

/*
 * Real data through loaders, models and decision rules as a user has it. The models are small and their weights made up:
 * figures prove the path and say nothing about accuracy, which waits for trained weights.
 */

const shared = sharedFolder('classify and detect on real data');
if (!shared) it.skip('classify and detect on real data: the folder is not there', () => {});

describe.runIf(shared)('real data on the command line', () => {
  const data = (...parts: string[]) => join(shared!, 'data', ...parts);
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'tidemerge-real-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** Converts a made-up checkpoint. */
  async function model(name: string, config: SbtConfig, short: object, ...args: string[]): Promise<string> {
    const [checkpoint, sizes, output] = ['safetensors', 'json', 'model'].map((end) => join(folder, `${name}.${end}`));
    writeFileSync(checkpoint!, serializeSafetensors(checkpointTensors(config).values()));
    const { numVariables: m, windowLength: w, dModel: d, feedForwardSize: ffn, keepRatio } = config;
    writeFileSync(sizes!, JSON.stringify({ m, w, d, ffn, lin_prune_rate: keepRatio, ...short }));
    const { code, stderr } = await tidemerge(['convert', 'sbt', checkpoint!, '-c', sizes!, '-o', output!, ...args]);
    expect(code, stderr).toBe(0);
    return output!;
  }

  it.each([
    ['BasicMotions', 6, 100],
    ['JapaneseVowels', 12, 29],
  ])('classifies the test half of %s', async (name, numVariables, windowLength) => {
    const file = data('uea', name, `${name}_TEST.ts.gz`);
    const { labels, classNames } = await readSamples(file);
    const classes = classNames.length;
    const config: SbtConfig = { ...SPARSE, numVariables, windowLength, outputSize: classes };
    const directory = await model(name, config, { task: 'classification', classes }, '--labels', classNames.join(','));
    const { code, stdout, stderr } = await tidemerge(['classify', file, '-m', directory]);
    expect(code).toBe(0);
    const rows = stdout.trimEnd().split('\n').slice(1);
    expect(rows.map((row) => row.split(',')[3])).toEqual(labels);
    const right = rows.filter((row, i) => row.split(',')[1] === labels[i]).length;
    expect(stderr).toBe(`accuracy ${(right / labels.length).toFixed(4)}: ${right} of ${labels.length} right\n`);
    console.log(`${name}, random weights: ${stderr.trim()}`);
  });

  it('detects in a machine of SMD', async () => {
    const file = (part: string) => data('smd', part, 'machine-1-2.txt.gz');
    const config: SbtConfig = {
      ...FORECAST,
      task: 'anomaly-detection',
      norm: 'none',
      keepRatio: 0.25,
      numVariables: 38,
      outputSize: 38,
      windowLength: 10,
    };
    const directory = await model('smd', config, { task: 'anomaly' });
    const args = ['detect', file('test'), '-m', directory, '--labels', file('test_label'), '--json'];
    for (const protocol of ['honest', 'paper']) {
      const decision = ['--train', file('train'), '--level', '0.995', '--protocol', protocol];
      const { code, stdout, stderr } = await tidemerge([...args, ...decision]);
      expect(code, stderr).toBe(0);
      const { summary } = JSON.parse(stdout.slice(stdout.lastIndexOf('\n', stdout.length - 2)));
      expect(summary).toMatchObject({ protocol, steps: 23694, scored: 23694 - 9, train_scores: 23694 - 9 });
      expect(summary.point_adjusted).toBe(protocol === 'paper');
      console.log(`SMD machine-1-2, random weights:\n${stderr.trim()}`);
    }
  });
});
