import { interpolateQuantiles, sampleMean, sampleMedian, sampleQuantiles } from '../../lib/ops/quantiles.js';
import { int32, matrix, type TensorData } from '../../lib/tensor/tensor.js';
import type { ParityCase } from './case.js';
import { Random } from './random.js';

/** Percentiles, most of which float32 must round. */
const LEVELS = Array.from({ length: 101 }, (_, i) => i / 100);

function samplesCase(batch: number, numSamples: number, horizon: number, samples?: TensorData): ParityCase[] {
  const random = new Random(batch * 100 + numSamples);
  const values = samples ?? random.matrix(batch * numSamples, horizon);
  const name = `of ${numSamples} samples of ${batch} series, ${horizon} steps${samples ? ', special' : ''}`;
  const runs = [{ samples: values, numSamples: int32(numSamples), levels: matrix(Float64Array.from(LEVELS)) }];
  const statistic = { runs, roles: { samples: { per: numSamples }, y: { per: 1 } } } as const;
  return [
    {
      ...statistic,
      name: `sample_quantiles ${name}`,
      record: ({ samples, levels, numSamples }) => ({ y: sampleQuantiles(samples!, levels!, numSamples!) }),
      roles: { samples: { per: numSamples }, y: { per: horizon } },
    },
    {
      ...statistic,
      name: `sample_mean ${name}`,
      record: ({ samples, numSamples }) => ({ y: sampleMean(samples!, numSamples!) }),
    },
    {
      ...statistic,
      name: `sample_median ${name}`,
      record: ({ samples, numSamples }) => ({ y: sampleMedian(samples!, numSamples!) }),
    },
  ];
}

function interpolateCase(
  batch: number,
  horizon: number,
  trained: number[],
  levels: number[],
  float32 = false,
): ParityCase {
  const vector = (values: number[]) => matrix(float32 ? Float32Array.from(values) : Float64Array.from(values));
  return {
    name: `interpolate_quantiles ${levels} of ${trained}, [${batch}, ${horizon}]${float32 ? ' in float32' : ''}`,
    runs: [
      {
        x: new Random(batch + horizon).matrix(batch, trained.length * horizon),
        levels: vector(levels),
        trained: vector(trained),
      },
    ],
    record: ({ x, levels, trained }) => ({ y: interpolateQuantiles(x!, levels!, trained!, { horizon }) }),
    roles: { x: { per: 1 }, y: { per: horizon } },
  };
}

const NINE = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];
const special = matrix(Float32Array.of(NaN, 1, Infinity, 2, 1, -Infinity, 3, 1e-40, Infinity, 3.4e38, -3.4e38, 0), 3);
const [quantiles, mean] = samplesCase(2, 3, 2);

export const cases: ParityCase[] = [
  ...samplesCase(1, 1, 1),
  ...samplesCase(3, 2, 5),
  ...samplesCase(2, 20, 64),
  ...samplesCase(4, 101, 7),
  ...samplesCase(1, 37, 30),
  ...samplesCase(1, 4, 50),
  ...samplesCase(1, 4, 3, special),
  ...samplesCase(2, 2, 3, special),
  ...samplesCase(0, 3, 4),
  {
    ...quantiles!,
    name: 'sample_quantiles beyond 1',
    runs: [{ ...quantiles!.runs[0], levels: matrix(Float64Array.of(1.01)) }],
    fails: 'ERR_INVALID_ARGUMENT',
  },
  {
    ...quantiles!,
    name: 'sample_quantiles of NaN',
    runs: [{ ...quantiles!.runs[0], levels: matrix(Float64Array.of(NaN)) }],
    fails: 'ERR_INVALID_ARGUMENT',
  },
  {
    ...mean!,
    name: 'sample_mean of no samples',
    runs: [{ ...mean!.runs[0], numSamples: int32(0) }],
    fails: 'ERR_INVALID_ARGUMENT',
  },
  {
    ...mean!,
    name: 'sample_mean of a part of a series',
    runs: [{ ...mean!.runs[0], numSamples: int32(4) }],
    fails: 'ERR_INVALID_SHAPE',
  },
  interpolateCase(3, 7, NINE, NINE),
  interpolateCase(3, 7, NINE, [0.9, 0.1]),
  interpolateCase(3, 64, NINE, [0.05, 0.15, 0.5, 0.77, 0.99]),
  interpolateCase(2, 5, NINE, [0, 1, 0.5], true),
  interpolateCase(2, 5, [0.05, 0.25, 0.5, 0.75, 0.95], [0.25, 0.3]),
  interpolateCase(1, 1, [0.5], [0.5, 0.1]),
  interpolateCase(0, 3, NINE, [0.3]),
  {
    ...interpolateCase(1, 2, NINE, [0.3]),
    name: 'interpolate_quantiles of other columns',
    runs: [{ ...interpolateCase(1, 3, NINE, [0.3]).runs[0] }],
    fails: 'ERR_INVALID_SHAPE',
  },
  { ...interpolateCase(1, 2, NINE, [-0.1]), fails: 'ERR_INVALID_ARGUMENT' },
];
