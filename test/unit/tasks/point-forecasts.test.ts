import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Forecaster, type PointForecasts } from '../../../lib/index.js';
import { readGoldenFile } from '../../models/goldens.js';
import { FORECAST, windowOf } from './sbt-tasks.js';

const expected = readGoldenFile(`${FORECAST}/cases.safetensors`).floats('published.last').data;
/** What is known: all but the newest step. */
const known = [0, 1, 2].map((b) => windowOf(FORECAST, b, 49));

describe('Forecaster with a model of the next step', () => {
  let forecaster: Forecaster;
  beforeAll(async () => {
    forecaster = await Forecaster.fromPretrained(FORECAST);
  });
  afterAll(() => forecaster.dispose());

  it('predicts the next step of every variable', async () => {
    expect(forecaster).toMatchObject({ kind: 'points', contextLength: 49, predictionLength: 1 });
    const { data, shape, errors } = (await forecaster.predict(known)) as PointForecasts;
    expect(shape).toEqual([3, 7, 1]);
    expect(errors).toEqual([undefined, undefined, undefined]);
    for (const [i, value] of expected.entries()) {
      expect(Math.abs(data[i]! - value)).toBeLessThanOrEqual(2e-5 + 2e-5 * Math.abs(value));
    }
    const alone = (await forecaster.predict(known[1]!, { batchSize: 1 })) as PointForecasts;
    expect(alone.data).toEqual(data.slice(7, 14));
  });

  it('looks at the last steps only', async () => {
    const longer = { data: Float32Array.of(...new Array(14).fill(NaN), ...known[2]!.data), shape: [51, 7] as const };
    const both = (await forecaster.predict([known[2]!, longer])) as PointForecasts;
    expect(both.data.slice(7)).toEqual(both.data.slice(0, 7));
  });

  it('keeps apart what cannot be forecast, or throws', async () => {
    const short = windowOf(FORECAST, 0, 48);
    const holed = { data: known[0]!.data.map((value, i) => (i === 5 * 7 + 3 ? NaN : value)), shape: [49, 7] as const };
    const { data, errors } = (await forecaster.predict([short, known[1]!, holed])) as PointForecasts;
    expect(data.slice(0, 7).every(Number.isNaN) && data.slice(14).every(Number.isNaN)).toBe(true);
    expect(data.slice(7, 14)).toEqual(((await forecaster.predict(known[1]!)) as PointForecasts).data);
    expect(errors.map((error) => error?.message)).toEqual([
      'inputs[0]: expected at least 49 steps, which is what the model needs, got 48',
      undefined,
      'inputs[2]: step 5, variable 3: expected a number, got NaN',
    ]);
    await expect(forecaster.predict(holed, { onError: 'throw' })).rejects.toMatchObject({ code: 'ERR_BAD_DATA' });
  });

  it('refuses what it cannot do', async () => {
    const unsupported = { code: 'ERR_UNSUPPORTED' };
    await expect(forecaster.predictQuantiles([[1, 2]])).rejects.toMatchObject(unsupported);
    await expect(forecaster.embed([[1, 2]])).rejects.toMatchObject(unsupported);
    await expect(forecaster.predict(known, { predictionLength: 2 })).rejects.toMatchObject(unsupported);
    await expect(forecaster.predict([1, 2, 3])).resolves.toMatchObject({
      errors: [{ code: 'ERR_INVALID_ARGUMENT' }, { code: 'ERR_INVALID_ARGUMENT' }, { code: 'ERR_INVALID_ARGUMENT' }],
    });
  });
});
