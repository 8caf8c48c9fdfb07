import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { composedMap, Forecaster } from '../../lib/index.js';
import { backendsUnderTest } from './backends.js';
import { withEditedModel } from './edited-model.js';
import { fixture } from './goldens.js';
import type { Rows } from './hyena-oracle.js';
import { MambaOracle } from './mamba-oracle.js';
import { FORECASTERS, type ForecasterName, forecasterFiles, writeForecaster } from './synthetic-forecaster.js';

const names = Object.keys(FORECASTERS) as ForecasterName[];
const folder = (name: ForecasterName) => fixture('mamba-forecaster', name);

/** What the forecaster does with one series, written down again in double precision. */
class ForecastOracle {
  readonly #mamba: MambaOracle;

  constructor(directory: string) {
    this.#mamba = new MambaOracle(directory);
  }

  /** → [levels][horizon] in units of the series, with everything about its tokens. */
  run(series: ArrayLike<number>, r?: (tokens: number) => number) {
    const { context_length, prediction_length: horizon, patch_length: patch = 1 } = this.#mamba.config;
    const values = Array.from(series).slice(-context_length);
    const observed = values.filter((x) => !Number.isNaN(x));
    const mean = observed.reduce((a, b) => a + b, 0) / observed.length;
    const deviation = Math.sqrt(observed.reduce((sum, x) => sum + (x - mean) ** 2, 0) / observed.length);
    while (values.length % patch !== 0) values.unshift(NaN);
    const patches: Rows = [];
    for (let at = 0; at < values.length; at += patch) {
      const own = values.slice(at, at + patch);
      if (own.every(Number.isNaN)) continue;
      const scaled = own.map((x) => (Number.isNaN(x) ? 0 : (x - mean) / deviation));
      patches.push(Float64Array.from([...scaled, ...own.map((x) => (Number.isNaN(x) ? 0 : 1))]));
    }
    const rows = this.#mamba.run(this.#mamba.linear(patches, 'input_projection'), r);
    const flat = this.#mamba.linear([rows.hidden.at(-1)!], 'head')[0]!.map((y) => y * deviation + mean);
    const levels = Array.from({ length: flat.length / horizon }, (_, q) => flat.slice(q * horizon, (q + 1) * horizon));
    return { ...rows, levels, mean, deviation };
  }

  /** 2^-24 for every term of the sums a forecast passes one after the other, of the largest scaled value. */
  tolerance(tokens: number, largest: number): number {
    const {
      hidden_size: d,
      num_hidden_layers,
      state_size,
      conv_kernel,
      time_step_rank,
      patch_length = 1,
    } = this.#mamba.config;
    const block = d + d + conv_kernel + 2 * d + time_step_rank + tokens + state_size + 2 * d;
    return 2 ** -24 * (2 * patch_length + num_hidden_layers * block + d + d) * largest;
  }
}

/** A wave with a trend; gaps where asked. */
function series(length: number, seed: number, gap: (t: number) => boolean = () => false): Float64Array {
  return Float64Array.from({ length }, (_, t) =>
    gap(t) ? NaN : 50 * seed + t / 9 + 4 * Math.sin(t / (1.5 + seed)) + ((t * 7 + seed) % 5),
  );
}

const SERIES = [
  series(30, 1),
  series(7, 2),
  // Single missing values, and a gap of whole patches.
  series(41, 3, (t) => t % 6 === 2 || (t > 20 && t < 32)),
  series(150, 4),
];

const expectNear = (actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number) => {
  expect(actual.length).toBe(expected.length);
  for (let i = 0; i < expected.length; i++) expect(Math.abs(actual[i]! - expected[i]!)).toBeLessThanOrEqual(tolerance);
};

// After a change of the generator: TIDEMERGE_WRITE_FIXTURES=1 npx vitest run test/models/mamba-forecaster
if (process.env.TIDEMERGE_WRITE_FIXTURES) for (const name of names) writeForecaster(name, folder(name));

it.each(names)('the fixture %s is what its generator makes', (name) => {
  const { config, weights } = forecasterFiles(name);
  expect(readFileSync(`${folder(name)}/config.json`, 'utf8')).toBe(config);
  expect(readFileSync(`${folder(name)}/model.safetensors`).equals(weights)).toBe(true);
});

describe.each(backendsUnderTest())('Mamba forecaster, $name', ({ options }) => {
  describe.each(names)('%s', (name) => {
    const { quantiles: trained, prediction_length: horizon } = FORECASTERS[name];
    const oracle = new ForecastOracle(folder(name));
    let forecaster: Forecaster;
    beforeAll(async () => {
      forecaster = await Forecaster.fromPretrained(folder(name), options);
    });
    afterAll(() => forecaster.dispose());

    it.each([
      ['without merging', undefined, undefined],
      ['merging', { r: 2 }, (tokens: number) => Math.min(2, tokens - 1)],
    ] as const)('%s: forecasts and embeds as the double precision model', async (_, merging, r) => {
      const out = await forecaster.predict(SERIES, { merging: merging && { ...merging, trace: true } });
      const { data, shape, trace } = out;
      expect(shape).toEqual([SERIES.length, trained.length, horizon]);
      for (const [b, own] of SERIES.entries()) {
        const { levels, map, deviation, mean, margin } = oracle.run(own, r);
        expect(margin).toBeGreaterThan(1e-5);
        if (merging) expect([...composedMap(trace![b]!)]).toEqual(map);
        const flat = levels.flatMap((row) => [...row]);
        const largest = Math.max(...flat.map((y) => Math.abs((y - mean) / deviation)), 1);
        const size = flat.length;
        const tolerance = deviation * oracle.tolerance(map.length, largest) + 2 ** -23 * Math.abs(mean);
        expectNear(data.subarray(b * size, (b + 1) * size), flat, tolerance);
      }
    });

    it('embeds as the double precision model, merged or not', async () => {
      for (const [merging, r] of [[false], [{ r: 2 }, (tokens: number) => Math.min(2, tokens - 1)]] as const) {
        const { data, shape, mask } = await forecaster.embed(SERIES, { merging });
        const [, width, d] = shape;
        for (const [b, own] of SERIES.entries()) {
          const { hidden, map } = oracle.run(own, r);
          const rows = map.flatMap((row) => [...hidden[row]!]);
          const places = Array.from({ length: width }, (_, p) => b * width + p).filter((p) => mask[p] === 1);
          const actual = places.flatMap((p) => [...data.subarray(p * d, (p + 1) * d)]);
          expectNear(actual, rows, oracle.tolerance(map.length, Math.max(...rows.map(Math.abs))));
        }
      }
    });

    it('gives ascending quantiles at any levels, beyond its horizon too', async () => {
      const levels = [0.2, 0.35, 0.5, 0.7, 0.8];
      const request = { quantileLevels: levels, predictionLength: 2 * horizon + 1 };
      for (const merging of [false, { ratio: 0.3 }] as const) {
        const { quantiles, median, shape, warnings } = await forecaster.predictQuantiles(SERIES, {
          ...request,
          merging,
        });
        expect(shape).toEqual([SERIES.length, 2 * horizon + 1, levels.length]);
        expect(warnings.map(({ code }) => code)).toEqual(['WARN_LONG_HORIZON']);
        for (const [at, value] of quantiles.entries()) {
          if (at % levels.length > 0) expect(value).toBeGreaterThan(quantiles[at - 1]!);
        }
        for (const [at, value] of median.entries()) expect(value).toBe(quantiles[at * levels.length + 2]);
      }
    });

    it('makes of nothing what its head makes of zeros', async () => {
      const { data, warnings } = await forecaster.predict([new Float64Array(5).fill(NaN), series(9, 1)]);
      expect(warnings.map(({ code }) => code)).toEqual(['WARN_NOTHING_OBSERVED']);
      const bias = new MambaOracle(folder(name)).get('head.bias');
      expect([...data.subarray(0, bias.length)]).toEqual([...bias]);
    });
  });
});

describe('a Mamba forecaster that does not fit', () => {
  it.each([
    [
      'patch_length',
      { patch_length: 3 },
      /patch_length: expected 4, half the width of tensor input_projection.weight, got 3/,
    ],
    ['prediction_length', { prediction_length: 5 }, /prediction_length: expected 6, the rows of tensor head.weight/],
    ['quantiles', { quantiles: [0.5, 0.1] }, /quantiles: expected ascending numbers between 0 and 1/],
    ['model_type', { model_type: 'mamba' }, /model_type: expected one of "mamba_forecaster"/],
    ['state_size', { state_size: 5 }, /tensor .*: expected shape \[16, 5\]/],
    ['architectures', { architectures: ['MambaForCausalLM'] }, /architectures: expected \["MambaForecaster"\]/],
  ] as const)('is refused by name: %s', async (_, change, message) => {
    const load = withEditedModel(folder('patches'), { config: (all) => Object.assign(all, change) }, (directory) =>
      Forecaster.fromPretrained(directory, { backend: 'js' }),
    );
    await expect(load).rejects.toThrow(message);
    await expect(load).rejects.toMatchObject({ code: 'ERR_BAD_MODEL' });
  });
});
