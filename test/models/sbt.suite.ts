import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SbtConfig } from '../../lib/models/sbt/config.js';
import type { ClassForward, StepForward } from '../../lib/models/sbt/forward.js';
import { SbtModel } from '../../lib/models/sbt/model.js';
import type { SbtWeights } from '../../lib/models/sbt/weights.js';
import type { BackendUnderTest } from './backends.js';
import type { GoldenFile } from './goldens.js';

/** Elements differ by at most 2e-5 + 2e-5 |expected|, as the goldens' README says. */
export function expectGolden(what: string, actual: ArrayLike<number>, expected: ArrayLike<number>): void {
  expect(actual.length, what).toBe(expected.length);
  for (let i = 0; i < expected.length; i++) {
    const allowed = 2e-5 + 2e-5 * Math.abs(expected[i]!);
    if (!(Math.abs(actual[i]! - expected[i]!) <= allowed))
      expect.fail(`${what}: ${actual[i]} at ${i}, expected ${expected[i]}`);
  }
}

/** The official implementation's outputs for one model. */
export function describeSbt(
  title: string,
  { config, weights, cases }: { config: SbtConfig; weights: SbtWeights; cases: GoldenFile },
  backends: readonly BackendUnderTest[],
): void {
  describe.each(backends)(`${title}, $name`, ({ options }) => {
    let model: SbtModel;
    beforeAll(async () => {
      model = await SbtModel.fromWeights(config, weights, options);
    });
    afterAll(() => model.dispose());

    it('has the official outputs', async () => {
      const result = await model.forward({ x: cases.floats('x') });
      if (config.task === 'classification') {
        const { logProbabilities } = result as ClassForward;
        expect(logProbabilities.shape).toEqual(cases.get('published.output').shape);
        expectGolden('scores', logProbabilities.data, cases.floats('published.output').data);
        return;
      }
      const { newest, error } = result as StepForward;
      expect(newest.shape).toEqual(cases.get('published.last').shape);
      expectGolden('newest', newest.data, cases.floats('published.last').data);
      if (config.task === 'anomaly-detection') expectGolden('error', error!.data, cases.floats('published.error').data);
    });
  });
}
