import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AnomalyDetector } from '../../../lib/index.js';
import { openModel } from '../../../lib/models/model-files.js';
import type { SbtConfig } from '../../../lib/models/sbt/config.js';
import { writeSbtModel } from '../../../lib/models/sbt/pack.js';
import { readSbtConfig } from '../../../lib/models/sbt/read-config.js';
import { readSbtWeights } from '../../../lib/models/sbt/unpack.js';
import { backendsUnderTest } from '../../models/backends.js';
import { readGoldenFile } from '../../models/goldens.js';
import { ANOMALY } from './sbt-tasks.js';

const folder = mkdtempSync(join(tmpdir(), 'tidemerge-stream-'));
afterAll(() => rmSync(folder, { recursive: true }));

const { data } = readGoldenFile(`${ANOMALY}/cases.safetensors`).floats('x');
const sample = (t: number) => data.subarray(t * 7, (t + 1) * 7);

/** The golden model with another configuration, as a packed model. */
function edited(name: string, change: Partial<SbtConfig>): string {
  const files = openModel(ANOMALY);
  const config = readSbtConfig(files.config);
  const weights = readSbtWeights(config, files.weights);
  files.close();
  const directory = join(folder, name);
  writeSbtModel(directory, { ...config, ...change }, weights);
  return directory;
}

/**
 * How far a stream's score may be from that of the window: mean (r - x)², where both round the reconstruction r of as many
 * products as the model has layers for, the longest sum having as many terms as its feed-forward network is wide.
 */
function scoreBound(score: number, x: Float32Array, { numLayers, feedForwardSize }: SbtConfig): number {
  const largest = x.reduce((most, value) => Math.max(most, Math.abs(value)), 0) + Math.sqrt(x.length * score);
  const products = 6 * numLayers + 2;
  return 2 * Math.sqrt(score) * largest * 4 * products * Math.sqrt(feedForwardSize) * 2 ** -24;
}

function expectScore(score: number, whole: number, t: number): void {
  if (Number.isNaN(whole)) expect(score).toBeNaN();
  else expect(Math.abs(score - whole)).toBeLessThanOrEqual(scoreBound(whole, sample(t), config));
}

const { config: file, ...opened } = openModel(ANOMALY);
const config = readSbtConfig(file);
opened.close();
const withoutPlaces = edited('without-places', { positionCode: 'none' });

describe.each(backendsUnderTest())('AnomalyStream, $name', ({ options }) => {
  it.each([
    ['of a model with places', ANOMALY, false],
    ['of a model without places', withoutPlaces, true],
  ])('%s gives the scores of the whole series', async (_, directory, cached) => {
    const detector = await AnomalyDetector.fromPretrained(directory, options);
    // The reference takes its time.
    const steps = options.backend === 'js' ? 51 : 150;
    const whole = await detector.score({ data: data.subarray(0, steps * 7), shape: [steps, 7] });
    const streams = [detector.stream(), detector.stream({ cached: false })];
    expect(streams.map((stream) => stream.cached)).toEqual([cached, false]);
    for (const stream of streams) {
      const scores = Float64Array.from({ length: steps }, (_, t) => stream.push(sample(t)));
      if (stream.cached) for (const [t, score] of scores.entries()) expectScore(score, whole[t]!, t);
      else expect(scores).toEqual(whole);
    }
    await detector.dispose();
    expect(() => streams[0]!.push(sample(0))).toThrow(expect.objectContaining({ code: 'ERR_DISPOSED' }));
  });
});

describe('AnomalyStream', () => {
  let detector: AnomalyDetector;
  beforeAll(async () => {
    detector = await AnomalyDetector.fromPretrained(withoutPlaces);
  });
  afterAll(() => detector.dispose());

  it('has no score while the window holds a missing value, and then the right one', async () => {
    const holed: (number | null)[] = [...data];
    holed[60 * 7 + 1] = null;
    const whole = await detector.score({ data: holed, shape: [150, 7] });
    expect(Number.isNaN(whole[109]) && whole[110]! > 0).toBe(true);
    const stream = detector.stream();
    for (let t = 0; t < 150; t++) expectScore(stream.push(holed.slice(t * 7, (t + 1) * 7)), whole[t]!, t);
    stream.dispose();
    expect(() => stream.push(sample(0))).toThrow(expect.objectContaining({ code: 'ERR_DISPOSED' }));
  });

  it('has the same bits for the same window, whenever it began', () => {
    const streams = [0, 1, 7, 30].map((begin) => ({ begin, stream: detector.stream() }));
    for (let t = 0; t < 150; t++) {
      const scores = streams.filter(({ begin }) => t >= begin).map(({ stream }) => stream.push(sample(t)));
      if (t >= 30 + 49) expect(new Set(scores).size).toBe(1);
    }
  });

  it('is where it was after an error', () => {
    const [stream, other] = [detector.stream(), detector.stream()];
    for (let t = 0; t < 55; t++) {
      if (t === 20 || t === 52) {
        const wrong = (input: unknown) => expect(() => stream.push(input as Float32Array));
        wrong(new Float32Array(6)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_SHAPE' }));
        wrong([1, 2, 3, 4, 5, 6, Infinity]).toThrow(expect.objectContaining({ code: 'ERR_BAD_DATA' }));
        wrong(undefined).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }));
      }
      expect(stream.push(sample(t))).toBe(other.push(sample(t)));
    }
  });

  it('says why past steps cannot be kept', async () => {
    const withPlaces = await AnomalyDetector.fromPretrained(ANOMALY);
    expect(() => withPlaces.stream({ cached: true })).toThrow(
      expect.objectContaining({ code: 'ERR_UNSUPPORTED', message: expect.stringContaining('place in the window') }),
    );
    await withPlaces.dispose();
  });
});
