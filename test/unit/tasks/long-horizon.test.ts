import { describe, expect, it } from 'vitest';
import type { QuantileModel, SampleModel, SampleRequest, SeriesBatch } from '../../../lib/models/forecast-model.js';
import { levelBlocks, pathBlocks, sampleBlocks } from '../../../lib/tasks/long-horizon.js';
import type { ForecastRequest } from '../../../lib/tasks/options.js';

/*
 * The rules with models that only write down what they are asked.
 */

const request: ForecastRequest = {
  batchSize: 'auto',
  throwErrors: false,
  signal: undefined,
  onProgress: undefined,
  horizon: 5,
  numSamples: 2,
  sampling: { temperature: 1, topK: 0, topP: 1 },
  seed: 7,
  keys: undefined,
  merging: undefined,
};
const batch: SeriesBatch = { values: Float64Array.of(1, 2, 3, 10), offsets: Int32Array.of(0, 3, 4) };

function seriesOf({ values, offsets }: SeriesBatch): number[][] {
  return Array.from({ length: offsets.length - 1 }, (_, b) => [...values.subarray(offsets[b], offsets[b + 1])]);
}

async function collect<T>(blocks: AsyncGenerator<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const block of blocks) all.push(block);
  return all;
}

describe('sampleBlocks', () => {
  it('continues every series with the lower median of each block, and draws every block anew', async () => {
    const asked: { context: number[][]; request: SampleRequest }[] = [];
    const model = {
      predictionLength: 2,
      contextLength: 4,
      sample: async (context: SeriesBatch, sampleRequest: SampleRequest) => {
        asked.push({ context: seriesOf(context), request: sampleRequest });
        const { horizon } = sampleRequest;
        return { lowerMedian: Float32Array.from({ length: 2 * horizon }, (_, i) => 100 * asked.length + i) };
      },
    } as unknown as SampleModel;
    const keys = Int32Array.of(1, 2, 3, 4);
    const blocks = await collect(sampleBlocks(model, batch, request, keys, undefined));
    expect(blocks.map(({ at, count }) => [at, count])).toEqual([
      [0, 2],
      [2, 2],
      [4, 1],
    ]);
    expect(asked.map(({ context }) => context)).toEqual([
      [[1, 2, 3], [10]],
      [
        [2, 3, 100, 101],
        [10, 102, 103],
      ],
      [
        [100, 101, 200, 201],
        [102, 103, 202, 203],
      ],
    ]);
    expect(asked.map(({ request: { horizon } }) => horizon)).toEqual([2, 2, 1]);
    // The streams stay those of the series; the seed changes.
    expect(asked.every(({ request: own }) => own.keys === keys)).toBe(true);
    expect(new Set(asked.map(({ request: own }) => own.seed.join())).size).toBe(3);
  });
});

describe('pathBlocks', () => {
  const quantileModel = () => {
    const asked: { contexts: number[][][]; reduced: number[] } = { contexts: [], reduced: [] };
    const model = {
      predictionLength: 2,
      contextLength: 4,
      quantileLevels: [0.25, 0.75],
      // Level q of a context that ends with x: x + 1, x + 2 for the lower level, x - 1, x - 2 for the upper one.
      paths: async (context: SeriesBatch) => {
        const series = seriesOf(context);
        asked.contexts.push(series);
        return Float32Array.from(series.flatMap((one) => [1, 2, -1, -2].map((step) => (one.at(-1) as number) + step)));
      },
      reducePaths: async (paths: Float32Array, count: number) => {
        asked.reduced.push(count);
        // Per series and step, [steps, levels]: first and last path.
        const series = paths.length / (2 * count);
        return Float32Array.from({ length: series * 4 }, (_, i) => {
          const [b, step, level] = [i >> 2, (i >> 1) & 1, i & 1];
          return paths[(b * count + (level === 0 ? 0 : count - 1)) * 2 + step] as number;
        });
      },
      levelsOfPaths: async (paths: Float32Array) => ({ quantiles: paths, median: paths }),
      quantiles: async () => ({ quantiles: Float32Array.of(1), median: Float32Array.of(2) }),
    } as unknown as QuantileModel;
    return { model, asked };
  };

  it('continues a copy of the series with every quantile path, and reduces the paths of paths', async () => {
    const { model, asked } = quantileModel();
    const blocks = await collect(pathBlocks(model, batch, request));
    expect(asked.contexts.slice(0, 2)).toEqual([
      [[1, 2, 3], [10]],
      [
        [2, 3, 4, 5],
        [2, 3, 2, 1],
        [10, 11, 12],
        [10, 9, 8],
      ],
    ]);
    expect(asked.reduced).toEqual([4, 4]);
    expect(blocks.map(({ at, count, forecast }) => [at, count, [...forecast]])).toEqual([
      [0, 2, [4, 5, 2, 1, 11, 12, 9, 8]],
      [2, 2, [6, 7, 0, -1, 13, 14, 7, 6]],
      [4, 1, [8, 9, -2, -3, 15, 16, 5, 4]],
    ]);
    // Every path goes on from its own last block.
    expect(asked.contexts[2]).toEqual([
      [4, 5, 6, 7],
      [2, 1, 0, -1],
      [11, 12, 13, 14],
      [9, 8, 7, 6],
    ]);
  });

  it('is one pass at any levels while the horizon is the model’s', async () => {
    const { model, asked } = quantileModel();
    const blocks = await collect(levelBlocks(model, batch, { ...request, horizon: 2 }, Float32Array.of(0.5)));
    expect(blocks).toEqual([
      { at: 0, count: 2, forecast: { quantiles: Float32Array.of(1), median: Float32Array.of(2) } },
    ]);
    expect(asked.contexts).toEqual([]);
    expect((await collect(levelBlocks(model, batch, request, Float32Array.of(0.5)))).length).toBe(3);
  });
});
