import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { embeddedModels, Forecaster, type SeriesInputs } from '../../../lib/index.js';
import { fixture } from '../../models/goldens.js';

/*
 * The user's interface on the reference backend with two small models: Chronos-Bolt (context 96, horizon 20, levels 0.05
 * 0.25 0.5 0.75 0.95, no register token) and Chronos-T5 (context 64, horizon 12, 7 samples).
 */

const code = (expected: string) => expect.objectContaining({ code: expected });
const open: Forecaster[] = [];

async function load(folder: string): Promise<Forecaster> {
  const forecaster = await Forecaster.fromPretrained(fixture(folder), { backend: 'js' });
  open.push(forecaster);
  return forecaster;
}

afterAll(async () => {
  for (const forecaster of open) await forecaster.dispose();
});

function wave(length: number, phase = 0): Float64Array {
  return Float64Array.from({ length }, (_, i) => 10 + 3 * Math.sin((i + phase) / 2) + ((i * 7) % 5) / 10);
}

let bolt: Forecaster;
let t5: Forecaster;
beforeAll(async () => {
  bolt = await load('chronos-bolt/random-bolt-overlap');
  t5 = await load('chronos-t5/random-untied');
});

describe('fromPretrained', () => {
  it('says what was loaded', () => {
    expect([bolt.modelName, bolt.kind, bolt.contextLength, bolt.predictionLength]).toEqual([
      'chronos-bolt',
      'quantiles',
      96,
      20,
    ]);
    expect([t5.modelName, t5.kind, t5.contextLength, t5.predictionLength]).toEqual(['chronos-t5', 'samples', 64, 12]);
    expect(bolt.backend).toEqual({ name: 'js', isa: 'js', threads: 1 });
  });

  it('knows the embedded model by its name, from any working directory', async () => {
    expect(embeddedModels()).toContain('tidemerge-bolt-nano');
    const forecaster = await Forecaster.fromPretrained('tidemerge-bolt-nano', { backend: 'js' });
    open.push(forecaster);
    const { shape, errors } = await forecaster.predictQuantiles(wave(60), { predictionLength: 3 });
    expect([shape, errors]).toEqual([[1, 3, 9], [undefined]]);
  });

  it('says how to get a model of a hub, and never fetches it', async () => {
    const promise = Forecaster.fromPretrained('amazon/chronos-bolt-small', { backend: 'js' });
    await expect(promise).rejects.toMatchObject({
      code: 'ERR_MODEL_NOT_FOUND',
      message: expect.stringMatching(/hf download amazon\/chronos-bolt-small .*`git clone https:/s),
    });
  });

  it('names the embedded models where there is no such directory', async () => {
    for (const name of ['no-such-model', './no/such/model', '../tidemerge-bolt-nano', '/no-such-model']) {
      const promise = Forecaster.fromPretrained(name, { backend: 'js' });
      await expect(promise).rejects.toMatchObject({
        code: 'ERR_MODEL_NOT_FOUND',
        message: expect.stringContaining('tidemerge-bolt-nano'),
      });
    }
    for (const name of ['', undefined, 5, {}]) {
      await expect(Forecaster.fromPretrained(name as string)).rejects.toEqual(code('ERR_INVALID_ARGUMENT'));
    }
  });

  it('refuses directories without a model, and files', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'tidemerge-'));
    try {
      mkdirSync(join(directory, 'empty'));
      await expect(Forecaster.fromPretrained(join(directory, 'empty'), { backend: 'js' })).rejects.toEqual(
        code('ERR_MODEL_NOT_FOUND'),
      );
      const file = fixture('chronos-bolt/random-bolt/config.json');
      await expect(Forecaster.fromPretrained(file, { backend: 'js' })).rejects.toEqual(code('ERR_MODEL_NOT_FOUND'));
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it('refuses unknown precision and backend', async () => {
    const model = fixture('chronos-bolt/random-bolt-overlap');
    for (const options of [{ dtype: 'int8' }, { backend: 'gpu' }, { backend: 'js', threads: 0 }]) {
      await expect(Forecaster.fromPretrained(model, options as never)).rejects.toEqual(code('ERR_INVALID_ARGUMENT'));
    }
  });
});

describe('inputs', () => {
  const values = [...wave(30)].map(Math.fround);

  it('has one result for every form of the same series', async () => {
    const forms: SeriesInputs[] = [
      values,
      Float32Array.from(values),
      Float64Array.from(values),
      [values],
      [Float32Array.from(values)],
      { values: Float32Array.from(values), sizes: [30] },
      { values, sizes: Int32Array.of(30) },
    ];
    for (const forecaster of [bolt, t5]) {
      const [first, ...others] = await Promise.all(
        forms.map((form) => forecaster.predictQuantiles(form, { predictionLength: 4 })),
      );
      for (const other of others) expect(other).toEqual(first);
    }
  });

  it('copies before the call returns', async () => {
    const series = Float32Array.from(values);
    const expected = bolt.predictQuantiles(Float32Array.from(values));
    const result = bolt.predictQuantiles([series]);
    series.fill(1);
    structuredClone(series, { transfer: [series.buffer] });
    expect(await result).toEqual(await expected);
  });

  it('reads only the last values of a long series', async () => {
    const long = new Float64Array(1_000_000).fill(5);
    long.set(wave(200), long.length - 200);
    const [whole, cut] = await Promise.all([bolt.predictQuantiles(long), bolt.predictQuantiles(long.slice(-96))]);
    expect(whole).toEqual(cut);
    // What is wrong before them is not seen.
    long[0] = Infinity;
    expect(await bolt.predictQuantiles(long)).toEqual(cut);
  });

  it('gives null, NaN and leading missing values the same meaning', async () => {
    const gaps = [5, null, 6, 7, null];
    const result = await t5.predictQuantiles(gaps, { topK: 1 });
    expect(await t5.predictQuantiles([5, NaN, 6, 7, NaN], { topK: 1 })).toEqual(result);
    // A missing value in front changes no distance between tokens.
    expect((await t5.predictQuantiles([NaN, NaN, ...gaps], { topK: 1 })).quantiles).toEqual(result.quantiles);
  });

  it('takes a batch of no series', async () => {
    const quantiles = await bolt.predictQuantiles([], { quantileLevels: [0.5] });
    expect([quantiles.shape, quantiles.quantiles.length, quantiles.errors]).toEqual([[0, 20, 1], 0, []]);
    expect((await t5.predict([])).shape).toEqual([0, 7, 12]);
    expect((await t5.embed([])).shape).toEqual([0, 0, 32]);
  });

  it('rejects what is no input at all', async () => {
    for (const [inputs, expected] of [
      [undefined, 'ERR_INVALID_ARGUMENT'],
      ['1,2,3', 'ERR_INVALID_ARGUMENT'],
      [Int32Array.of(1, 2), 'ERR_INVALID_DTYPE'],
      [{ values: Float32Array.of(1), sizes: [2] }, 'ERR_INVALID_SHAPE'],
    ] as const) {
      await expect(bolt.predictQuantiles(inputs as never)).rejects.toEqual(code(expected));
      await expect(bolt.predict(inputs as never)).rejects.toEqual(code(expected));
      await expect(bolt.embed(inputs as never)).rejects.toEqual(code(expected));
    }
  });
});

describe('bad series', () => {
  const good = wave(40);
  const bad: [what: string, series: unknown, error: string][] = [
    ['no values', [], 'ERR_BAD_DATA'],
    ['text', [1, '2', 3], 'ERR_BAD_DATA'],
    ['infinity', [1, Infinity, 3], 'ERR_BAD_DATA'],
    ['minus infinity', Float32Array.of(1, 2, -Infinity), 'ERR_BAD_DATA'],
    ['a number no float32 can hold', [1, 1e300], 'ERR_BAD_DATA'],
    ['another type', Int32Array.of(1, 2, 3), 'ERR_INVALID_DTYPE'],
  ];

  it.each(bad)('%s: fails alone, as NaN with an error', async (_, series, error) => {
    for (const forecaster of [bolt, t5]) {
      const inputs = [good, series, wave(25, 3)] as SeriesInputs;
      const result = await forecaster.predictQuantiles(inputs, { quantileLevels: [0.5, 0.75], predictionLength: 3 });
      expect(result.errors).toEqual([undefined, code(error), undefined]);
      expect(result.errors[1]?.message).toMatch(/^series 1: /);
      const clean = await forecaster.predictQuantiles([good, wave(25, 3)], {
        quantileLevels: [0.5, 0.75],
        predictionLength: 3,
      });
      expect([...result.quantiles]).toEqual([
        ...clean.quantiles.subarray(0, 6),
        ...Array(6).fill(NaN),
        ...clean.quantiles.subarray(6),
      ]);
      expect([...result.median]).toEqual([...clean.median.subarray(0, 3), NaN, NaN, NaN, ...clean.median.subarray(3)]);
      expect(result.series(1).error).toEqual(code(error));
      const samples = await forecaster.predict(inputs, { predictionLength: 2 });
      const size = samples.shape[1] * 2;
      expect(samples.data.subarray(size, 2 * size).every(Number.isNaN)).toBe(true);
      expect(samples.data.some((x, i) => Number.isNaN(x) && (i < size || i >= 2 * size))).toBe(false);
      const embedded = await forecaster.embed(inputs);
      const row = embedded.shape[1] * embedded.shape[2];
      expect(embedded.data.subarray(row, 2 * row).every(Number.isNaN)).toBe(true);
      expect([
        Number.isNaN(embedded.scale[1]),
        embedded.mask.subarray(embedded.shape[1], 2 * embedded.shape[1]).includes(1),
      ]).toEqual([true, false]);
      await expect(forecaster.predictQuantiles(inputs, { onError: 'throw' })).rejects.toEqual(code(error));
    }
  });

  it('names the place of an infinity from the end of a long series', async () => {
    const series = wave(500);
    series[497] = Infinity;
    expect((await bolt.predictQuantiles(series)).errors[0]?.message).toMatch(/value 3 from the end: .* got Infinity/);
  });
});

describe('unusual series', () => {
  it('nothing observed: what the model makes of it, and a warning', async () => {
    for (const [forecaster, scale] of [[t5, 1]] as const) {
      const result = await forecaster.predictQuantiles([wave(20), [null, NaN, null]], { predictionLength: 2 });
      expect(result.errors).toEqual([undefined, undefined]);
      expect(result.warnings).toMatchObject([{ code: 'WARN_NOTHING_OBSERVED', series: [1] }]);
      expect(result.series(0).warnings).toEqual([]);
      expect(result.series(1).warnings.length).toBe(1);
      expect(result.quantiles.every(Number.isFinite)).toBe(true);
      expect((await forecaster.embed([[NaN, NaN]])).scale).toEqual(Float32Array.of(scale));
    }
    const embedded = await bolt.embed([[NaN, NaN]]);
    expect([embedded.loc, embedded.scale]).toEqual([Float32Array.of(0), Float32Array.of(1)]);
  });

  it('constant series and single values have the published scale', async () => {
    const constant = await bolt.embed([[5, 5, 5], [0, 0], [-3]]);
    expect([...constant.loc!]).toEqual([5, 0, -3]);
    expect([...constant.scale]).toEqual(Array(3).fill(Math.fround(1e-5)));
    const { scale, loc } = await t5.embed([[5, 5, 5], [0, 0], [-3]]);
    expect([...scale]).toEqual([5, 1, 3]);
    expect(loc).toBeUndefined();
    for (const forecaster of [bolt, t5]) {
      const result = await forecaster.predictQuantiles([[5, 5, 5], [0, 0], [-3]], { predictionLength: 3 });
      expect(result.quantiles.every(Number.isFinite)).toBe(true);
      expect([result.errors, result.warnings.filter(({ code: own }) => own === 'WARN_NOTHING_OBSERVED')]).toEqual([
        Array(3).fill(undefined),
        [],
      ]);
    }
  });
});

describe('options', () => {
  const series = wave(30);

  it.each([
    { predictionLength: 0 },
    { predictionLength: -3 },
    { predictionLength: 1.5 },
    { predictionLength: '3' },
    { predictionLength: NaN },
    { quantileLevels: [] },
    { quantileLevels: [0] },
    { quantileLevels: [0.5, 1] },
    { quantileLevels: [-0.1] },
    { quantileLevels: [1.1] },
    { quantileLevels: [NaN] },
    { quantileLevels: ['0.5'] },
    { quantileLevels: 0.5 },
    { quantileLevels: [1 - 1e-12] },
    { numSamples: 0 },
    { temperature: 0 },
    { temperature: Infinity },
    { topK: -1 },
    { topP: 0 },
    { topP: 1.5 },
    { seed: -1 },
    { seed: 0.5 },
    { seed: 2 ** 53 },
    { ids: ['a', 'b'] },
    { ids: 'a' },
    { ids: [{}] },
    { batchSize: 0 },
    { batchSize: 'large' },
    { onError: 'ignore' },
    { limitPredictionLength: 'yes' },
    { signal: {} },
    { signal: null },
    { onProgress: 5 },
  ])('refuses %o', async (options) => {
    for (const forecaster of [bolt, t5]) {
      await expect(forecaster.predictQuantiles([series], options as never)).rejects.toEqual(
        code('ERR_INVALID_ARGUMENT'),
      );
    }
  });

  it('warns of a horizon beyond the model’s, or refuses it', async () => {
    for (const [forecaster, horizon] of [
      [bolt, 21],
      [t5, 13],
    ] as const) {
      const { shape, warnings } = await forecaster.predictQuantiles(series, { predictionLength: horizon });
      expect([shape, warnings.map((warning) => warning.code)]).toEqual([
        [1, horizon, 9],
        expect.arrayContaining(['WARN_LONG_HORIZON']),
      ]);
      const refused = forecaster.predictQuantiles(series, { predictionLength: horizon, limitPredictionLength: true });
      await expect(refused).rejects.toMatchObject({
        code: 'ERR_INVALID_ARGUMENT',
        message: expect.stringContaining(String(horizon - 1)),
      });
      const within = await forecaster.predictQuantiles(series, {
        predictionLength: horizon - 1,
        limitPredictionLength: true,
        quantileLevels: [0.5],
      });
      expect(within.warnings).toEqual([]);
    }
  });

  it('warns once of levels outside the trained ones, which fall back on the outermost', async () => {
    const nano = await Forecaster.fromPretrained('tidemerge-bolt-nano', { backend: 'js' });
    open.push(nano);
    const options = { predictionLength: 5, quantileLevels: [0.01, 0.1, 0.9, 0.99] };
    const result = await nano.predictQuantiles(series, options);
    expect(result.warnings.map(String)).toEqual([expect.stringMatching(/0\.01, 0\.99 .*0\.1 to 0\.9/)]);
    expect(result.quantile(0.01)).toEqual(result.quantile(0.1));
    expect(result.quantile(0.99)).toEqual(result.quantile(0.9));
    expect((await t5.predictQuantiles(series, { quantileLevels: [0.01] })).warnings).toEqual([]);
  });

  it('looks levels up with a tolerance', async () => {
    const result = await bolt.predictQuantiles([series, wave(12)], { quantileLevels: [0.1 + 0.2, 0.75] });
    const [batch, horizon, levels] = result.shape;
    expect([batch, horizon, levels]).toEqual([2, 20, 2]);
    expect([...result.quantile(0.3)]).toEqual([...result.quantiles].filter((_, i) => i % 2 === 0));
    expect(result.series(1).quantiles['0.75']).toEqual(result.quantile(0.75).slice(20));
    expect(result.series(1).median).toEqual(result.median.slice(20));
    expect(() => result.quantile(0.31)).toThrow(code('ERR_INVALID_ARGUMENT'));
    expect(() => result.quantile(NaN)).toThrow(code('ERR_INVALID_ARGUMENT'));
    for (const i of [-1, 2, 0.5]) expect(() => result.series(i)).toThrow(code('ERR_INVALID_ARGUMENT'));
  });

  it('has no memory for horizons beyond all bounds', async () => {
    for (const forecaster of [bolt, t5]) {
      const predictionLength = 2 ** 45;
      await expect(forecaster.predictQuantiles(series, { predictionLength })).rejects.toEqual(
        code('ERR_OUT_OF_MEMORY'),
      );
      await expect(forecaster.predict(series, { predictionLength })).rejects.toEqual(code('ERR_OUT_OF_MEMORY'));
    }
  });

  it('reports progress', async () => {
    const steps: unknown[] = [];
    await bolt.predictQuantiles([series, [], wave(9)], { batchSize: 1, onProgress: (step) => steps.push(step) });
    expect(steps).toEqual([1, 2, 3].map((done) => ({ done, total: 3 })));
  });
});

describe('results', () => {
  const batch = [wave(50), wave(7, 1), [1, null, 2, 4, 3], wave(200, 2), [3], wave(33, 5)];

  it('do not depend on order, company, batch size or call', async () => {
    for (const forecaster of [bolt, t5]) {
      for (const predictionLength of [5, forecaster.predictionLength + 2]) {
        const options = { predictionLength, seed: 3, numSamples: 2 };
        const whole = await forecaster.predict(batch, options);
        const size = whole.shape[1] * predictionLength;
        const of = (data: Float32Array, i: number) => data.slice(i * size, (i + 1) * size);
        const backwards = await forecaster.predict([...batch].reverse(), { ...options, batchSize: 4 });
        const [single, flat] = await Promise.all([
          Promise.all(batch.map((series) => forecaster.predict(series as SeriesInputs, options))),
          forecaster.predict(batch, { ...options, batchSize: 1 }),
        ]);
        for (let i = 0; i < batch.length; i++) {
          expect(of(backwards.data, batch.length - 1 - i)).toEqual(of(whole.data, i));
          expect(single[i]?.data).toEqual(of(whole.data, i));
        }
        expect(flat.data).toEqual(whole.data);
      }
    }
  });

  it('are samples of streams chosen by seed and id, or by the values', async () => {
    const same = [wave(10), wave(10)];
    const samples = async (options: object) => {
      const { data, shape } = await t5.predict(same, options);
      const size = shape[1] * shape[2];
      return [data.slice(0, size), data.slice(size)] as const;
    };
    const [a, b] = await samples({});
    expect(a).toEqual(b);
    expect((await samples({}))[0]).toEqual(a);
    expect((await samples({ seed: 0 }))[0]).toEqual(a);
    expect((await samples({ seed: 1 }))[0]).not.toEqual(a);
    expect((await samples({ seed: 2 ** 32 }))[0]).not.toEqual(a);
    const [x, y] = await samples({ ids: ['x', 'y'] });
    expect(x).not.toEqual(y);
    const [y2, x2] = await samples({ ids: ['y', 'x'] });
    expect([x2, y2]).toEqual([x, y]);
    expect((await samples({ ids: [7, 8n] }))[1]).toEqual((await samples({ ids: ['7', '8'] }))[1]);
    // Paths differ among each other, and so do the blocks of a long forecast.
    const { data } = await t5.predict(same[0]!, {
      predictionLength: 24,
      numSamples: 2,
      temperature: 5,
      topK: 0,
      topP: 1,
    });
    expect(data.slice(0, 24)).not.toEqual(data.slice(24));
    expect(data.slice(0, 12)).not.toEqual(data.slice(12, 24));
  });

  it('have a mean where there are samples, and the median is the 0.5 quantile', async () => {
    const options = {
      predictionLength: 4,
      quantileLevels: [0.5, 0.25],
      numSamples: 8,
      temperature: 3,
      topK: 0,
      topP: 1,
    };
    const result = await t5.predictQuantiles(batch, options);
    expect(result.median).toEqual(result.quantile(0.5));
    const { data } = await t5.predict(batch, options);
    for (const [i, mean] of result.mean!.entries()) {
      const [series, step] = [Math.floor(i / 4), i % 4];
      const paths = Array.from({ length: 8 }, (_, s) => data[(series * 8 + s) * 4 + step] as number);
      expect(mean).toBeCloseTo(paths.reduce((sum, x) => sum + x, 0) / 8, 4);
      const [, , , low, high] = paths.toSorted((one, other) => one - other);
      expect(result.median[i]).toBeCloseTo((low! + high!) / 2, 4);
    }
    expect((await bolt.predictQuantiles(batch)).mean).toBeUndefined();
  });
});

describe('embed', () => {
  it('is padded in front, as wide as the longest series', async () => {
    const { data, shape, mask } = await t5.embed([
      [1, 2],
      [1, NaN, 2, 3],
    ]);
    expect(shape).toEqual([2, 5, 32]);
    expect([...mask]).toEqual([0, 0, 1, 1, 1, 1, 0, 1, 1, 1]);
    const alone = await t5.embed([[1, 2]]);
    expect(data.slice(2 * 32, 5 * 32)).toEqual(alone.data);
    expect(data.slice(0, 64)).toEqual(new Float32Array(64));
    expect(data.slice(6 * 32, 7 * 32)).toEqual(new Float32Array(32));
  });
});

describe('abort and dispose', () => {
  const series = wave(60);

  it('rejects with the reason before, while waiting and while running', async () => {
    const reason = new Error('enough');
    await expect(t5.predict(series, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const controller = new AbortController();
    const running = t5.predict(series, { signal: controller.signal });
    const waiting = t5.predict(series, { signal: controller.signal });
    const other = t5.predict(series, { predictionLength: 2 });
    setTimeout(() => controller.abort(reason), 20);
    await expect(waiting).rejects.toBe(reason);
    await expect(running).rejects.toBe(reason);
    expect((await other).data).toEqual((await t5.predict(series, { predictionLength: 2 })).data);
  });

  it('rejects with the reason between passes', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const onProgress = () => controller.abort(reason);
    const promise = bolt.predictQuantiles([series, series, series], {
      batchSize: 1,
      signal: controller.signal,
      onProgress,
    });
    await expect(promise).rejects.toBe(reason);
  });

  it('finishes the running call, refuses the others, and may be repeated', async () => {
    const forecaster = await Forecaster.fromPretrained(fixture('chronos-bolt/random-bolt-overlap'), { backend: 'js' });
    const running = forecaster.predictQuantiles(series);
    const waiting = forecaster.predict(series);
    const refused = expect(waiting).rejects.toEqual(code('ERR_DISPOSED'));
    const disposing = forecaster.dispose();
    await expect(forecaster.embed(series)).rejects.toEqual(code('ERR_DISPOSED'));
    await refused;
    expect((await running).quantiles).toEqual((await bolt.predictQuantiles(series)).quantiles);
    await disposing;
    await forecaster.dispose();
    await expect(forecaster.predictQuantiles(series)).rejects.toEqual(code('ERR_DISPOSED'));
  });

  it('is an async disposable', async () => {
    const forecaster = await Forecaster.fromPretrained(fixture('chronos-bolt/random-bolt-overlap'), { backend: 'js' });
    await forecaster[Symbol.asyncDispose]();
    await expect(forecaster.predict(series)).rejects.toEqual(code('ERR_DISPOSED'));
  });
});
