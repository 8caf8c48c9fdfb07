import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { embeddedModels, Forecaster } from '../../lib/index.js';
import { nativeBackends } from './backends.js';
import { expectRows } from './goldens.js';

/*
 * The models of the package, on every instruction set against the reference.
 */

const series = [
  Float64Array.from({ length: 300 }, (_, t) => 50 + 20 * Math.sin((2 * Math.PI * t) / 24) + 3 * Math.sin(t)),
  Float64Array.from({ length: 700 }, (_, t) => (t % 17 === 0 ? NaN : 0.01 * t + ((t * 7919) % 101) / 50)),
  Float64Array.of(3),
];
const request = { quantileLevels: [0.1, 0.33, 0.5, 0.9] };

describe.each(embeddedModels())('%s', (name) => {
  const expected = Forecaster.fromPretrained(name, { backend: 'js' }).then(async (forecaster) => {
    const result = await forecaster.predictQuantiles(series, request);
    await forecaster.dispose();
    return result;
  });

  it('has a card', () => {
    const card = readFileSync(new URL(`../../models/${name}/README.md`, import.meta.url), 'utf8');
    expect(card).toMatch(/training/i);
    expect(card).toMatch(/naive/i);
  });

  it.each(nativeBackends())('$name', async ({ options }) => {
    const { quantiles, shape, median } = await expected;
    const forecaster = await Forecaster.fromPretrained(name, options);
    const result = await forecaster.predictQuantiles(series, request);
    await forecaster.dispose();
    const [, horizon, levels] = shape;
    // The tolerance of the Chronos-Bolt goldens, ten times the float32 error measured there.
    expectRows('quantiles', result.quantiles, quantiles, horizon * levels, 5e-6);
    expectRows('median', result.median, median, horizon, 5e-6);
  });

  it('follows a daily season', async () => {
    const { quantiles, shape } = await expected;
    const [, horizon, levels] = shape;
    const day = Array.from({ length: 24 }, (_, t) => quantiles[t * levels + 2] as number);
    const truth = day.map((_, t) => 50 + 20 * Math.sin((2 * Math.PI * (300 + t)) / 24) + 3 * Math.sin(300 + t));
    const error = truth.reduce((sum, value, t) => sum + Math.abs(value - (day[t] as number)), 0) / 24;
    const constant = truth.reduce((sum, value) => sum + Math.abs(value - 50), 0) / 24;
    expect(horizon).toBeGreaterThanOrEqual(24);
    expect(error).toBeLessThan(constant / 2);
  });
});
