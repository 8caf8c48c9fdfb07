import { describe, expect, it } from 'vitest';
import { sbtFromCheckpoint } from '../../lib/models/sbt/checkpoint.js';
import type { SbtConfig } from '../../lib/models/sbt/config.js';
import type { ClassForward, StepForward } from '../../lib/models/sbt/forward.js';
import { SbtModel } from '../../lib/models/sbt/model.js';
import { checkpointTensors, DENSE, FORECAST, numbers, SPARSE, scopeOf } from '../unit/models/sbt/synthetic.js';
import { backendsUnderTest } from './backends.js';
import { fixture } from './goldens.js';
import { describeSbt } from './sbt.suite.js';
import { rowsOf, sbtOracle } from './sbt-oracle.js';

const backends = backendsUnderTest();

for (const task of ['cls', 'anomaly', 'forecast']) {
  describeSbt(`sbt ${task}_small`, fixture('sbt', 'models', `${task}_small`), backends);
}

const ANOMALY: SbtConfig = { ...FORECAST, task: 'anomaly-detection', norm: 'none' };

/** Every way through the programs. */
const CONFIGS: readonly (readonly [string, SbtConfig])[] = [
  ['classification', SPARSE],
  ['dense classification with a position table', { ...SPARSE, weights: 'dense', keepRatio: 1, positionCode: 'table' }],
  ['step-t', ANOMALY],
  ['step-t of one layer and the least window', { ...ANOMALY, numLayers: 1, windowLength: 2 }],
  ['step-t without places', { ...ANOMALY, positionCode: 'none', numLayers: 3 }],
  ['step-t with batch norms', { ...ANOMALY, norm: 'batch' }],
  ['step-t with norms over time', FORECAST],
  ['dense step-t with norms over time', { ...DENSE, attention: 'step-t' }],
  ['dense full attention with norms over time', DENSE],
  ['full attention without norms', { ...ANOMALY, attention: 'full' }],
];

function weightsOf(config: SbtConfig) {
  const { numVariables } = config;
  const standardization = { mean: numbers(numVariables, 7), scale: numbers(numVariables, 8).map((x) => 1 + x / 2) };
  return { ...sbtFromCheckpoint(config, scopeOf(checkpointTensors(config))), standardization };
}

/** The newest step of every window as it is written down: the forecast's is a blank, in standardised units. */
function expectedSteps(config: SbtConfig, weights: ReturnType<typeof weightsOf>, x: Float32Array): number[] {
  const { windowLength: w, numVariables: m } = config;
  const { mean, scale } = weights.standardization;
  return Array.from({ length: x.length / w / m }, (_, b) => {
    const window = rowsOf(x, b * w, w, m);
    if (config.task === 'forecasting') window[w - 1] = [...mean];
    const last = sbtOracle(config, weights, window).at(-1)!;
    return last.map((value, v) => value * scale[v]! + mean[v]!);
  }).flat();
}

/** Relative to the largest value: float32 keeps 2^-24 of each of some thousand steps, in both directions. */
function expectNear(actual: ArrayLike<number>, expected: readonly number[], tolerance: number): void {
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  expect(largest).toBeGreaterThan(0.1);
  const off = expected.reduce((worst, value, i) => Math.max(worst, Math.abs(value - actual[i]!)), 0);
  expect(actual.length).toBe(expected.length);
  expect(off / largest).toBeLessThan(tolerance);
}

describe.each(backends)('sbt against masked attention in double precision, $name', ({ options }) => {
  it.each(CONFIGS)('%s', async (_, config) => {
    const { windowLength, numVariables } = config;
    const weights = weightsOf(config);
    const x = numbers(4 * windowLength * numVariables, 3);
    const model = await SbtModel.fromWeights(config, weights, options);
    const result = await model.forward({ x: { data: x, shape: [4, windowLength, numVariables] } });
    model.dispose();
    if (config.task === 'classification') {
      const expected = [0, 1, 2, 3].flatMap((b) =>
        sbtOracle(config, weights, rowsOf(x, b * windowLength, windowLength, numVariables)).flat(),
      );
      expectNear((result as ClassForward).logits.data, expected, 1e-6);
      return;
    }
    // A norm over five steps divides by deviations that may be small, what enlarges float32's share: the goldens' tolerance.
    const tolerance = config.norm === 'time' && options.backend === 'native' ? 2e-5 : 1e-6;
    expectNear((result as StepForward).newest.data, expectedSteps(config, weights, x), tolerance);
  });

  it('gives a sample with padding, and its prefix, what the sample gives alone, bit for bit', async () => {
    const { windowLength: w, numVariables: m } = SPARSE;
    const model = await SbtModel.fromWeights(SPARSE, weightsOf(SPARSE), options);
    const x = numbers(3 * w * m, 5);
    x.fill(NaN, (w + 3) * m, 2 * w * m);
    const lengths = [w, 3, 1];
    const { logits } = (await model.forward({ x: { data: x, shape: [3, w, m] }, lengths })) as ClassForward;
    for (const [b, length] of lengths.entries()) {
      const data = x.slice(b * w * m, (b * w + length) * m);
      const alone = (await model.forward({ x: { data, shape: [1, length, m] } })) as ClassForward;
      expect(logits.data.slice(b * 4, b * 4 + 4)).toEqual(alone.logits.data);
    }
    model.dispose();
  });
});

describe('sbt, native', () => {
  it('does not depend on the number of threads, bit for bit', async () => {
    for (const [, config] of CONFIGS) {
      const { windowLength, numVariables } = config;
      const x = { data: numbers(64 * windowLength * numVariables, 9), shape: [64, windowLength, numVariables] };
      const [one, two] = [1, 2].map(async (threads) => {
        const model = await SbtModel.fromWeights(config, weightsOf(config), { threads });
        const result = await model.forward({ x });
        model.dispose();
        return result;
      });
      expect(await one).toEqual(await two);
    }
  });

  it('refuses weights that are not those of the configuration', async () => {
    const weights = weightsOf(SPARSE);
    await expect(SbtModel.fromWeights({ ...SPARSE, numLayers: 3 }, weights)).rejects.toMatchObject({
      code: 'ERR_INVALID_SHAPE',
    });
    await expect(SbtModel.fromWeights({ ...SPARSE, norm: 'none' }, weights)).rejects.toThrow('norms');
  });
});
