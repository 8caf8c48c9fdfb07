import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createBackend } from '../../lib/backend/select.js';
import { ModelConfig, openSafetensors, WeightScope } from '../../lib/io/index.js';
import { readHyenaConfig } from '../../lib/models/hyena/config.js';
import { evaluateFilter } from '../../lib/models/hyena/filter.js';
import { readFilterWeights } from '../../lib/models/hyena/filter-weights.js';
import { HyenaModel } from '../../lib/models/index.js';
import type { WeightLoader } from '../../lib/models/weight-loader.js';
import type { BackendUnderTest } from './backends.js';
import { readGoldenFile } from './goldens.js';

/*
 * Against the standalone model of HazyResearch/hyena-dna; absolute tolerances from the goldens' README.
 */

const TOLERANCE = { logits: 2e-5, hidden: 2e-4, lm: 1e-3, filter: 5e-5 };

interface Tensor {
  readonly data: Float32Array;
  readonly shape: readonly number[];
}

export function expectNear(what: string, actual: Tensor, expected: Tensor, tolerance: number): void {
  expect(actual.shape, what).toEqual(expected.shape);
  let worst = 0;
  for (const [i, value] of expected.data.entries()) {
    const difference = Math.abs(value - (actual.data[i] as number));
    // A NaN is no small difference.
    if (!(difference <= tolerance)) expect.fail(`${what}: ${actual.data[i]} at ${i}, expected ${value}`);
    worst = Math.max(worst, difference);
  }
  expect(worst).toBeLessThanOrEqual(tolerance);
}

/** Every golden of one model: `directory` is the model, `file` the cases. */
export function describeHyena(
  title: string,
  directory: string,
  file: string,
  backends: readonly BackendUnderTest[],
): void {
  const goldens = readGoldenFile(file);
  const { cases } = goldens.metadata('params') as { readonly cases: readonly { readonly name: string }[] };
  const names = cases.map(({ name }) => name);

  describe.each(backends)(`${title}, $name`, ({ options }) => {
    let model: HyenaModel;
    beforeAll(async () => {
      model = await HyenaModel.load(directory, options);
    });
    afterAll(() => model.dispose());

    it.each(names.filter((name) => goldens.has(`${name}.filter.0.k`)))('evaluates the filters of %s', async (name) => {
      const backend = await createBackend(options);
      const config = readHyenaConfig(ModelConfig.read(`${directory}/config.json`));
      const store = openSafetensors(`${directory}/model.safetensors`);
      const loader = { read: (scope, tensor, shape) => scope.take(tensor, shape).load() } as WeightLoader;
      for (let i = 0; i < config.numLayers; i++) {
        const scope = new WeightScope(store).scope(`backbone.layers.${i}.mixer.filter_fn`);
        const expected = goldens.floats(`${name}.filter.${i}.k`);
        const [length] = expected.shape as [number];
        const data = await evaluateFilter(backend, readFilterWeights(loader, scope, config), config.filter, length);
        expectNear(`filter ${i}`, { data, shape: expected.shape }, expected, TOLERANCE.filter);
      }
      store.close();
      backend.dispose();
    });

    it.each(names)('runs %s forward', async (name) => {
      const inputIds = goldens.integers(`${name}.input_ids`);
      const { logits, hiddenStates, lastHiddenState } = await model.forward({
        ...{ inputIds, lastHiddenState: true, hiddenStates: true },
      });
      expectNear('logits', logits!, goldens.floats(`${name}.logits`), TOLERANCE.logits);
      const hidden = goldens.floats(`${name}.hidden`);
      expectNear('hidden', lastHiddenState!, hidden, TOLERANCE.hidden);
      expect(hiddenStates!.data.slice(-hidden.data.length)).toEqual(lastHiddenState!.data);
      if (goldens.has(`${name}.lm_logits`)) {
        const lm = await model.forward({ inputIds, head: 'lm' });
        expectNear('lm logits', lm.logits!, goldens.floats(`${name}.lm_logits`), TOLERANCE.lm);
      }
      for (let i = 0; goldens.has(`${name}.mid.backbone.layers.${i}.0`); i++) {
        const part = (place: number) => goldens.floats(`${name}.mid.backbone.layers.${i}.${place}`).data;
        const [residual, size] = [part(1), hidden.data.length];
        const block = { data: hiddenStates!.data.slice(i * size, (i + 1) * size), shape: hidden.shape };
        const expected = part(0).map((value, at) => value + (residual[at] as number));
        expectNear(`block ${i}`, block, { data: expected, shape: hidden.shape }, TOLERANCE.hidden);
      }
    });
  });
}
