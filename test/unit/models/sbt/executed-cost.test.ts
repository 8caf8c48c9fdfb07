import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Call } from '../../../../lib/backend/reference/call.js';
import { REFERENCE_OPERATORS } from '../../../../lib/backend/reference/operators.js';
import { sbtFromCheckpoint } from '../../../../lib/models/sbt/checkpoint.js';
import type { SbtConfig } from '../../../../lib/models/sbt/config.js';
import { costOf } from '../../../../lib/models/sbt/cost.js';
import { SbtModel } from '../../../../lib/models/sbt/model.js';
import { slidingWindows } from '../../../../lib/models/sbt/windows.js';
import { checkpointTensors, DENSE, FORECAST, numbers, SPARSE, scopeOf } from './synthetic.js';

/*
 * The counted multiply-adds are those of the programs that run: the operators of the reference backend are watched.
 */

const ANOMALY: SbtConfig = { ...FORECAST, task: 'anomaly-detection', norm: 'none' };
const CONFIGS: readonly (readonly [string, SbtConfig])[] = [
  ['classification', SPARSE],
  ['step-t', ANOMALY],
  ['step-t of one layer', { ...ANOMALY, numLayers: 1 }],
  ['step-t with batch norms', { ...ANOMALY, norm: 'batch' }],
  ['step-t with norms over time', FORECAST],
  ['full attention', { ...ANOMALY, attention: 'full' }],
  ['dense full attention with norms over time', DENSE],
  ['step-t without places', { ...ANOMALY, positionCode: 'none', numLayers: 3 }],
];

let watched = { allEntries: 0, keptEntries: 0 };

function watch(op: string, count: (call: Call) => readonly [all: number, kept: number]): void {
  const operator = REFERENCE_OPERATORS.get(op)!;
  const run = operator.run;
  vi.spyOn(operator, 'run').mockImplementation((call) => {
    const [all, kept] = count(call);
    watched = { allEntries: watched.allEntries + all, keptEntries: watched.keptEntries + kept };
    return run.call(operator, call);
  });
}

function watchProducts(): void {
  watched = { allEntries: 0, keptEntries: 0 };
  const rows = (call: Call) => call.input(0, 'x', 'float32').rows;
  watch('linear', (call) => {
    const products = rows(call) * call.weight(1, 'weight', 'matrix').data.length;
    return [products, products];
  });
  const sparse = (call: Call, i: number) => {
    const { data } = call.weight(i, 'weight', 'sparse-binary');
    return [rows(call) * data.length, rows(call) * data.filter((entry) => entry !== 0).length] as const;
  };
  watch('sparse_linear', (call) => sparse(call, 1));
  watch('sparse_chain', (call) => {
    const stages = [...call.numbers('relus').keys()].map((stage) => sparse(call, 1 + 2 * stage));
    return [stages.reduce((sum, [all]) => sum + all, 0), stages.reduce((sum, [, kept]) => sum + kept, 0)];
  });
  watch('attention', (call) => {
    const [queries, keys] = [3, 4].map((i) => call.offsetsOnly(i, 'offsets').data);
    let products = 0;
    for (let b = 1; b < queries!.length; b++) {
      const seen = (queries![b]! - queries![b - 1]!) * (keys![b]! - keys![b - 1]!);
      products += 2 * seen * call.number('numHeads') * call.number('headDim');
    }
    return [products, products];
  });
}

function modelOf(config: SbtConfig): Promise<SbtModel> {
  const weights = sbtFromCheckpoint(config, scopeOf(checkpointTensors(config)));
  return SbtModel.fromWeights(config, weights, { backend: 'js' });
}

afterEach(() => vi.restoreAllMocks());

describe('costOf, against what runs', () => {
  it.each(CONFIGS)('%s', async (_, config) => {
    const { windowLength, numVariables } = config;
    const model = await modelOf(config);
    watchProducts();
    await model.forward({
      x: { data: numbers(windowLength * numVariables, 3), shape: [1, windowLength, numVariables] },
    });
    model.dispose();
    expect(watched.keptEntries).toBeGreaterThan(0);
    expect(watched).toEqual(costOf(config).honest.multiplyAdds.executed);
  });

  it('another step of a long series', async () => {
    const config: SbtConfig = { ...ANOMALY, positionCode: 'none', numLayers: 3 };
    const model = await modelOf(config);
    const counts = [];
    for (const windows of [4, 5]) {
      watchProducts();
      const samples = numbers((windows + config.windowLength - 1) * config.numVariables, 3);
      await model.newest(samples, slidingWindows(windows, config.windowLength));
      counts.push(watched);
      vi.restoreAllMocks();
    }
    model.dispose();
    const [fewer, more] = counts as [typeof watched, typeof watched];
    expect({
      allEntries: more.allEntries - fewer.allEntries,
      keptEntries: more.keptEntries - fewer.keptEntries,
    }).toEqual(costOf(config).honest.multiplyAdds.streaming);
  });
});
