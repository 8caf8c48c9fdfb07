import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { anomalyThreshold } from '../../../lib/analysis/anomaly/threshold.js';
import { AnomalyDetector } from '../../../lib/index.js';
import { readGoldenFile } from '../../models/goldens.js';
import { ANOMALY, CLASSES, windowOf } from './sbt-tasks.js';

const golden = readGoldenFile(`${ANOMALY}/cases.safetensors`);
const error = golden.floats('published.error').data;
const all = golden.floats('x');
/** All golden windows one behind the other. */
const series = { data: all.data, shape: [150, 7] as const };

describe('AnomalyDetector', () => {
  let detector: AnomalyDetector;
  beforeAll(async () => {
    detector = await AnomalyDetector.fromPretrained(ANOMALY);
  });
  afterAll(() => detector.dispose());

  it('scores the newest step of every window of a series', async () => {
    const score = await detector.score(series);
    expect(score.length).toBe(150);
    for (const [b, end] of [49, 99, 149].entries()) {
      expect(Math.abs(score[end]! - error[b]!)).toBeLessThanOrEqual(2e-5 + 2e-5 * error[b]!);
    }
    expect([...score.keys()].filter((t) => Number.isNaN(score[t]!))).toEqual([...Array(49).keys()]);
    // Every window alone, and out of the middle of a run.
    for (const end of [49, 80, 148]) {
      const data = series.data.subarray((end - 49) * 7, (end + 1) * 7);
      expect((await detector.score({ data, shape: [50, 7] })).at(-1)).toBe(score[end]);
    }
  });

  it('does not score windows with a missing value, and leaves the others as they are', async () => {
    const clean = await detector.score(series);
    const data: (number | null)[] = [...series.data];
    data[60 * 7 + 2] = null;
    data[149 * 7] = NaN;
    const { score, missing, isAnomaly } = await detector.detect({ data, shape: [150, 7] }, { threshold: 0 });
    expect(missing).toBe(51);
    for (const [t, value] of score.entries()) {
      const whole = t >= 49 && (t < 60 || t >= 110) && t < 149;
      expect(value, `${t}`).toBe(whole ? clean[t] : NaN);
      expect(isAnomaly[t]).toBe(whole ? 1 : 0);
    }
  });

  it('decides by a given threshold, by calibration, and as the paper does', async () => {
    await expect(detector.detect(series)).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    const scores = (await detector.score(series)).slice(49);
    const normal = windowOf(ANOMALY, 1);
    const longer = { data: series.data.subarray(0, 90 * 7), shape: [90, 7] as const };
    const reference = await detector.score([normal, longer]);
    const { threshold, level, scores: count } = await detector.calibrate([normal, longer], { level: 0.9 });
    const values = reference.map((list) => list.slice(49));
    expect({ threshold, level, count }).toEqual({
      threshold: anomalyThreshold(values, { level: 0.9 }),
      level: 0.9,
      count: 42,
    });
    expect(detector.threshold).toBe(threshold);
    const honest = await detector.detect(series);
    expect(honest).toMatchObject({ threshold, protocol: 'honest', missing: 0 });
    expect([...honest.isAnomaly.slice(49)]).toEqual([...scores].map((score) => Number(score > threshold)));
    expect(honest.isAnomaly.reduce((a, b) => a + b, 0)).toBeGreaterThan(0);
    const half = await detector.detect(series, { level: 0.5 });
    expect(half.threshold).toBe(anomalyThreshold(values, { level: 0.5 }));
    const [paper] = await detector.detect([series], { protocol: 'paper' });
    expect(paper).toMatchObject({
      protocol: 'paper',
      threshold: anomalyThreshold([...values, scores], { level: 0.9 }),
    });
  });

  it('keeps a calibrated threshold with the model', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tidemerge-detector-'));
    cpSync(ANOMALY, folder, { recursive: true });
    const first = await AnomalyDetector.fromPretrained(folder);
    expect(() => first.saveThreshold()).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }));
    const { threshold } = await first.calibrate(series, { level: 0.9 });
    first.saveThreshold();
    await first.dispose();
    const second = await AnomalyDetector.fromPretrained(folder);
    expect(await second.detect(series)).toMatchObject({ threshold, protocol: 'honest' });
    await expect(second.detect(series, { level: 0.5 })).rejects.toThrow('the stored one is of level 0.9');
    await second.dispose();
    rmSync(folder, { recursive: true });
  });

  it('gives typed errors', async () => {
    const shape = (given: readonly number[]) =>
      detector.detect({ data: series.data, shape: given as never }, { threshold: 1 });
    await expect(shape([175, 6])).rejects.toMatchObject({
      code: 'ERR_INVALID_SHAPE',
      message: 'inputs: expected shape [length, 7], got [175, 6]',
    });
    await expect(shape([149, 7])).rejects.toMatchObject({ code: 'ERR_INVALID_SHAPE' });
    await expect(
      detector.detect([{ data: [1, 2, 3, 4, 5, 6, Infinity], shape: [1, 7] }], { threshold: 1 }),
    ).rejects.toMatchObject({
      code: 'ERR_BAD_DATA',
      message: 'inputs[0]: step 0, variable 6: expected a number of float32 size or NaN, got Infinity',
    });
    await expect(detector.score('series' as never)).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    await expect(detector.detect(series, { threshold: 1, protocol: 'paper' })).rejects.toMatchObject({
      code: 'ERR_INVALID_ARGUMENT',
    });
    await expect(detector.calibrate(windowOf(ANOMALY, 0, 30))).rejects.toMatchObject({ code: 'ERR_BAD_DATA' });
    await expect(AnomalyDetector.fromPretrained(CLASSES)).rejects.toMatchObject({
      code: 'ERR_UNSUPPORTED',
      message: expect.stringContaining('expected anomaly-detection, got classification: load it with Classifier'),
    });
  });

  it('has no score for a series shorter than a window', async () => {
    expect((await detector.score(windowOf(ANOMALY, 0, 30))).every(Number.isNaN)).toBe(true);
    expect(await detector.score({ data: [], shape: [0, 7] })).toEqual(new Float64Array(0));
  });

  it('can be aborted and disposed', async () => {
    const aborted = AbortSignal.abort(new Error('enough'));
    await expect(detector.score(series, { signal: aborted })).rejects.toThrow('enough');
    const other = await AnomalyDetector.fromPretrained(ANOMALY);
    const running = other.score(series);
    const waiting = expect(other.score(series)).rejects.toMatchObject({ code: 'ERR_DISPOSED' });
    const disposed = other.dispose();
    expect((await running).length).toBe(150);
    await waiting;
    await disposed;
    await expect(other.score(series)).rejects.toMatchObject({ code: 'ERR_DISPOSED' });
  });
});
