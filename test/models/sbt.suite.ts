import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ClassForward, StepForward } from '../../lib/models/sbt/forward.js';
import { SbtModel } from '../../lib/models/sbt/model.js';
import type { BackendUnderTest } from './backends.js';
import { readGoldenFile } from './goldens.js';

/** Elements differ by at most 2e-5 + 2e-5 |expected|, as the goldens' README says. */
export function expectGolden(what: string, actual: ArrayLike<number>, expected: ArrayLike<number>): void {
  expect(actual.length, what).toBe(expected.length);
  for (let i = 0; i < expected.length; i++) {
    const allowed = 2e-5 + 2e-5 * Math.abs(expected[i]!);
    if (!(Math.abs(actual[i]! - expected[i]!) <= allowed))
      expect.fail(`${what}: ${actual[i]} at ${i}, expected ${expected[i]}`);
  }
}

/** The official implementation's outputs for the model in a directory. */
export function describeSbt(title: string, directory: string, backends: readonly BackendUnderTest[]): void {
  const cases = readGoldenFile(join(directory, 'cases.safetensors'));

  describe.each(backends)(`${title}, $name`, ({ options }) => {
    let model: SbtModel;
    beforeAll(async () => {
      model = await SbtModel.load(directory, options);
    });
    afterAll(() => model.dispose());

    it('has the official outputs', async () => {
      const result = await model.forward({ x: cases.floats('x') });
      if (model.config.task === 'classification') {
        const { logProbabilities } = result as ClassForward;
        expect(logProbabilities.shape).toEqual(cases.get('published.output').shape);
        expectGolden('scores', logProbabilities.data, cases.floats('published.output').data);
        return;
      }
      const { newest, error } = result as StepForward;
      expect(newest.shape).toEqual(cases.get('published.last').shape);
      expectGolden('newest', newest.data, cases.floats('published.last').data);
      if (model.config.task === 'anomaly-detection')
        expectGolden('error', error!.data, cases.floats('published.error').data);
    });

    it('stays near them with inputs of 8 bits', async () => {
      const rounded = await SbtModel.load(directory, { ...options, activations: 'int8' });
      const values = async (of: SbtModel) => {
        const result = await of.forward({ x: cases.floats('x') });
        return result.kind === 'classes' ? result.logits.data : result.newest.data;
      };
      const [exact, near] = [await values(model), await values(rounded)];
      rounded.dispose();
      const largest = exact.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      const off = near.reduce((worst, value, i) => Math.max(worst, Math.abs(value - exact[i]!)), 0);
      expect(off).toBeGreaterThan(0);
      expect(off / largest).toBeLessThan(roundingShare(model.config));
    });
  });
}

/**
 * Three standard deviations of what rounding inputs to 8 bits does to an output: a matrix's inputs are off by a uniform
 * error of one 127th of their largest, which is about sqrt(2 ln n) times their usual size; the matrices that a value
 * passes through one after the other add up as independent errors do.
 */
function roundingShare({ numLayers, feedForwardSize }: SbtModel['config']): number {
  const matrices = 2 + 4 * numLayers;
  return (3 * Math.sqrt(matrices) * Math.sqrt(2 * Math.log(feedForwardSize))) / (127 * Math.sqrt(12));
}
