import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Forecaster } from '../../lib/index.js';
import { nativeBackends } from './backends.js';
import { describeChronosBolt } from './chronos-bolt.suite.js';
import { describeChronosT5 } from './chronos-t5.suite.js';
import { fixture, sharedFolder } from './goldens.js';
import { describeMergedBolt, describeMergedT5 } from './merging.suite.js';

/*
 * Goldens and data that may not be published with the library: windows of ETT, the published test models, and a trained
 * third-party model with figures somebody else computed in double precision.
 */

const shared = sharedFolder('shared goldens of Chronos');
const backends = nativeBackends();

/** All tensors of the goldens of which test/fixtures has the smaller ones. */
const MERGED = [
  ['chronos-t5-random-512', describeMergedT5],
  ['chronos-t5-random-untied', describeMergedT5],
  ['chronos-bolt-random-bolt', describeMergedBolt],
] as const;

if (!shared) it.skip('shared goldens: the folder is not there', () => {});

if (shared) {
  const files = ['cases.safetensors', 'cases-ett.safetensors'];
  for (const folder of ['random-512', 'dummy-chronos-model']) {
    const directory = join(shared, 'golden', 'chronos-t5', folder);
    const wanted = folder.startsWith('dummy') ? files : files.slice(1);
    for (const file of wanted)
      describeChronosT5(`shared ${folder} ${file}`, directory, join(directory, file), backends);
  }
  for (const folder of ['random-bolt', 'dummy-chronos-bolt-model']) {
    const directory = join(shared, 'golden', 'chronos-bolt', folder);
    const wanted = folder.startsWith('dummy') ? files : files.slice(1);
    for (const file of wanted) {
      describeChronosBolt(`shared ${folder} ${file}`, directory, join(directory, file), backends, { padded: false });
    }
  }
  for (const [folder, describeMerged] of MERGED) {
    const [, family, model] = /^(chronos-\w+)-(.+)$/.exec(folder) as unknown as [string, string, string];
    const file = join(shared, 'golden', 'merged-models', folder, 'cases.safetensors');
    describeMerged(`shared merged ${folder}`, fixture(family, model), file, backends);
  }
  const trained = join(shared, 'data', 'models', 'chronos_bolt_350k');
  if (existsSync(trained)) describeTrained(shared, trained);
  else console.warn(`SKIPPED: the trained third-party model is not there: ${trained}`);
}

function rowsOfCsv(path: string): string[][] {
  const text = gunzipSync(readFileSync(path)).toString();
  return text
    .trim()
    .split('\n')
    .map((line) => line.split(',').map((cell) => cell.replaceAll('"', '').trim()));
}

/** The figures are those of SOURCE.md beside the model, printed with four to six digits. */
function describeTrained(folder: string, model: string): void {
  describe.each(backends)('chronos_bolt_350k, $name', ({ options }) => {
    let forecaster: Forecaster;
    beforeAll(async () => {
      forecaster = await Forecaster.fromPretrained(model, options);
    });
    afterAll(() => forecaster.dispose());
    // Half a unit of the last printed digit, and float32's share of a value (the goldens' tolerance).
    const near = (actual: number | undefined, expected: number, digits: number) =>
      expect(Math.abs((actual ?? NaN) - expected)).toBeLessThanOrEqual(0.5 * 10 ** -digits + 5e-6 * Math.abs(expected));
    const compare = (actual: ArrayLike<number>, expected: readonly number[], digits: number) => {
      for (const [i, value] of expected.entries()) near(actual[i], value, digits);
    };

    it('has the figures of ETTh1', async () => {
      const [header, ...rows] = rowsOfCsv(join(folder, 'data', 'ett', 'ETTh1.csv.gz'));
      const column = header?.indexOf('OT') as number;
      const ot = rows.map((row) => Number(row[column]));
      const window = ot.slice(11008, 11520);
      const missing = window.map((value, i) => (i >= 100 && i < 140 ? null : value));
      const quantileLevels = [0.1, 0.5, 0.9];
      const result = await forecaster.predictQuantiles([window, ot.slice(11020, 11520), missing], { quantileLevels });
      const middle = (i: number) => result.series(i).quantiles['0.5'] as Float32Array;
      compare(middle(0), [9.36116, 9.26695, 9.09825, 8.9798, 8.93286, 8.87386], 5);
      compare(result.quantiles, [8.31678, 9.36116, 10.49459], 5);
      compare(middle(1), [9.34831, 9.25657, 9.08982, 8.97248], 5);
      compare(middle(2), [9.29758, 9.26364, 9.14109, 9.04212], 5);
    });

    it('has the figures of M4 Hourly: first values, WQL and MASE', async () => {
      const read = (name: string) =>
        rowsOfCsv(join(folder, 'data', 'm4', name))
          .slice(1)
          .map((row) =>
            row
              .slice(1)
              .filter((cell) => cell !== '')
              .map(Number),
          );
      const [train, test] = [read('Hourly-train.csv.gz'), read('Hourly-test.csv.gz')];
      const { quantiles, quantileLevels } = await forecaster.predictQuantiles(train, { predictionLength: 48 });
      const at = (series: number, step: number, level: number) => quantiles[(series * 48 + step) * 9 + level] as number;
      compare(
        Array.from({ length: 6 }, (_, t) => at(0, t, 4)),
        [631.0562, 565.618, 516.7752, 485.8689, 469.2731, 460.7246],
        4,
      );
      let loss = 0;
      let total = 0;
      const mase = test.map((actual, i) => {
        const history = train[i] as number[];
        const naive = history.slice(24).map((value, t) => Math.abs(value - (history[t] as number)));
        const error = actual.map((value, t) => Math.abs(value - at(i, t, 4)));
        for (const [t, value] of actual.entries()) {
          total += Math.abs(value);
          for (const [q, level] of quantileLevels.entries()) {
            const difference = value - at(i, t, q);
            loss += (2 * Math.max(level * difference, (level - 1) * difference)) / 9;
          }
        }
        return mean(error) / mean(naive);
      });
      expect(loss / total).toBeCloseTo(0.0326, 4);
      expect(mean(mase)).toBeCloseTo(2.09, 2);
      const middle = mase.toSorted((a, b) => a - b).slice(206, 208);
      expect(mean(middle)).toBeCloseTo(1.26, 2);
    });
  });
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
