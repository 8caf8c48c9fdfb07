import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Forecaster } from '../../lib/index.js';
import { ChronosBoltModel } from '../../lib/models/index.js';
import type { BackendUnderTest } from './backends.js';
import { expectRows, expectTensorRows, type GoldenFile, readGoldenFile, seriesOf } from './goldens.js';

/*
 * Against the published ChronosBoltPipeline; tolerances from the goldens' README.
 */

interface Case {
  readonly params: { readonly horizon: number; readonly levels?: readonly number[][] };
}

/**
 * Every golden of one model: `directory` is the model, `file` the cases. With `padded` series are given with the missing
 * values in front of them: where patches overlap, the published result depends on this padding.
 */
export function describeChronosBolt(
  title: string,
  directory: string,
  file: string,
  backends: readonly BackendUnderTest[],
  { padded }: { readonly padded: boolean },
): void {
  const goldens = readGoldenFile(file);
  const cases = goldens.cases<Case>();
  const inputsOf = (name: string) => (padded ? rowsOf(goldens, name) : seriesOf(goldens, name));

  describe.each(backends)(`${title}, $name`, ({ options }) => {
    let model: ChronosBoltModel;
    let forecaster: Forecaster;
    beforeAll(async () => {
      model = await ChronosBoltModel.load(directory, options);
      forecaster = await Forecaster.fromPretrained(directory, options);
    });
    afterAll(async () => {
      model.dispose();
      await forecaster.dispose();
    });

    it.each(cases)('runs %s forward', async (name) => {
      const { quantiles, loc, scale, patchMask } = await model.forward({ context: goldens.floats(`${name}.context`) });
      const expected = goldens.floats(`${name}.predictions`);
      const [batch, levels, horizon] = expected.shape as [number, number, number];
      const steps = Math.min(horizon, model.predictionLength);
      expect(quantiles.shape).toEqual([batch, levels, model.predictionLength]);
      const rows = (data: Float32Array, length: number) =>
        Array.from({ length: batch * levels }, (_, row) => [
          ...data.subarray(row * length, row * length + steps),
        ]).flat();
      const actual = rows(quantiles.data, model.predictionLength);
      expectRows('predictions', actual, rows(expected.data, horizon), levels * steps, 5e-6);
      expectRows('loc', loc.data, goldens.floats(`${name}.loc`).data, 1, 1e-6);
      expectRows('scale', scale.data, goldens.floats(`${name}.scale`).data, 1, 1e-6);
      if (!goldens.has(`${name}.patch_mask`)) return;
      const mask = goldens.get(`${name}.patch_mask`);
      expect(patchMask).toEqual({ data: Int32Array.from(mask.data), shape: mask.shape });
    });

    it.each(cases)('predicts %s', async (name, { params: { horizon } }) => {
      const expected = goldens.floats(`${name}.predictions`);
      const result = await forecaster.predict(inputsOf(name), { predictionLength: horizon });
      expect(result.kind).toBe('quantiles');
      expectTensorRows('predictions', result, expected, result.shape[1] * horizon, 5e-6);
    });

    it.each(cases.filter(([, { params }]) => params.levels))('predicts quantiles of %s', async (name, { params }) => {
      for (const [i, quantileLevels] of params.levels!.entries()) {
        const options = { predictionLength: params.horizon, quantileLevels };
        const result = await forecaster.predictQuantiles(inputsOf(name), options);
        const expected = goldens.floats(`${name}.quantiles.${i}`);
        expect(result.shape).toEqual(expected.shape);
        expectRows('quantiles', result.quantiles, expected.data, params.horizon * quantileLevels.length, 5e-6);
        expectRows('median', result.median, goldens.floats(`${name}.mean`).data, params.horizon, 5e-6);
        expect(result.mean).toBeUndefined();
      }
    });

    it.each(cases)('embeds %s', async (name) => {
      const expected = goldens.floats(`${name}.embeddings`);
      const embedded = await forecaster.embed(inputsOf(name));
      const tolerance = name === 'magnitudes' ? 1e-4 : 1e-5;
      expectTensorRows('embeddings', embedded, expected, model.dModel, tolerance, embedded.mask);
      if (goldens.has(`${name}.patch_mask`)) {
        expect(Array.from(embedded.mask)).toEqual(Array.from(goldens.get(`${name}.patch_mask`).data));
      }
      expectRows('loc', embedded.loc!, goldens.floats(`${name}.loc`).data, 1, 1e-6);
      expectRows('scale', embedded.scale, goldens.floats(`${name}.scale`).data, 1, 1e-6);
    });
  });
}

/** The padded rows as they are: with overlapping patches the published result depends on the padding. */
function rowsOf(goldens: GoldenFile, name: string): Float32Array[] {
  const { data, shape } = goldens.floats(`${name}.context`);
  const [batch, time] = shape as [number, number];
  return Array.from({ length: batch }, (_, i) => data.slice(i * time, (i + 1) * time));
}
