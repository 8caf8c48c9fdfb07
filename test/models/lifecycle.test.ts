import { describe, expect, it } from 'vitest';
import { Forecaster } from '../../lib/index.js';
import { ChronosT5Model } from '../../lib/models/index.js';
import { fixture } from './goldens.js';

/*
 * Calls that overlap, are stopped, or outlive their model, on the native backend.
 */

const T5 = fixture('chronos-t5', 'random-512');
const series = Array.from({ length: 40 }, (_, i) =>
  Float32Array.from({ length: 120 }, (_, t) => Math.sin(t / 3 + i) + i),
);

describe('native calls', () => {
  it('stop in the middle with the reason, and leave no trace', async () => {
    const forecaster = await Forecaster.fromPretrained(T5, { threads: 2 });
    const before = await forecaster.predict(series.slice(0, 2));
    for (const delay of [0, 1, 5, 20]) {
      const controller = new AbortController();
      const reason = new Error(`after ${delay} ms`);
      const call = forecaster.predict(series, { numSamples: 50, signal: controller.signal });
      setTimeout(() => controller.abort(reason), delay);
      await expect(call).rejects.toBe(reason);
      expect(await forecaster.predict(series.slice(0, 2))).toEqual(before);
    }
    await forecaster.dispose();
  });

  it('finish while the forecaster is disposed of; those behind them are refused', async () => {
    const forecaster = await Forecaster.fromPretrained(T5, { threads: 2 });
    const expected = await forecaster.predictQuantiles(series.slice(0, 3));
    const running = forecaster.predictQuantiles(series.slice(0, 3));
    const waiting = Array.from({ length: 5 }, () => forecaster.predictQuantiles(series));
    const refused = Promise.allSettled(waiting);
    await forecaster.dispose();
    expect(await running).toEqual(expected);
    for (const result of await refused) {
      expect(result).toMatchObject({ status: 'rejected', reason: { code: 'ERR_DISPOSED' } });
    }
  });

  it('of several models and forecasters may overlap', async () => {
    const [one, two] = await Promise.all([T5, 'tidemerge-bolt-nano'].map((name) => Forecaster.fromPretrained(name)));
    const calls = () => [
      one!.predict(series.slice(0, 4)),
      two!.predict(series.slice(0, 4)),
      one!.embed(series.slice(0, 2)),
      two!.predictQuantiles(series.slice(5, 9), { predictionLength: 100 }),
    ];
    const alone = [];
    for (const call of [0, 1, 2, 3]) alone.push(await calls()[call]);
    expect(await Promise.all(calls())).toEqual(alone);
    await Promise.all([one!.dispose(), two!.dispose()]);
  });

  it('of the low level may overlap too', async () => {
    const model = await ChronosT5Model.load(T5);
    const ids = (id: number) => ({ inputIds: { data: Int32Array.of(id, id + 1, 1), shape: [1, 3] } });
    const overlapping = await Promise.all([5, 6, 7, 8].map((id) => model.encode(ids(id))));
    for (const [i, states] of overlapping.entries()) expect(await model.encode(ids(5 + i))).toEqual(states);
    const running = model.encode(ids(5));
    model.dispose();
    expect(await running).toEqual(overlapping[0]);
    await expect(model.encode(ids(5))).rejects.toMatchObject({ code: 'ERR_DISPOSED' });
  });
});
