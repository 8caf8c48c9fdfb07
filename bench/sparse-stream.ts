import { expectClose } from './compare.js';
import { inTurns } from './in-turns.js';
import { PAPER_DATASETS, type SbtConfig, SbtModel } from './internals.js';
import { difference, networkBound, randomArray } from './numbers.js';
import { denseConfig, denseOf, randomSbtWeights } from './random-sbt.js';
import { type Options, Report, type Row } from './report.js';

/*
 * Detection sample by sample, at the paper's sizes without a position code: what is kept of past steps, against a window
 * computed anew for every sample, by the same model and by a dense one with full attention. Weights are random.
 */

type Stream = ReturnType<SbtModel['stream']>;

const LONGER = [200, 1000];

export async function run(options: Options & { readonly rounds?: string; readonly only?: string }): Promise<void> {
  const report = await Report.start('sparse-stream', options);
  const rounds = Number(options.rounds ?? (options.quick ? 5 : 15));
  const cases = PAPER_DATASETS.filter(({ config }) => config.task === 'anomaly-detection').map(({ name, config }) => ({
    name,
    config: { ...config, positionCode: 'none' } as SbtConfig,
  }));
  const smd = cases.find(({ name }) => name === 'SMD')!.config;
  for (const windowLength of LONGER.filter((length) => length !== smd.windowLength)) {
    cases.push({ name: `SMD, window ${windowLength}`, config: { ...smd, windowLength } });
  }
  for (const threads of options.quick ? [1] : [1, 2]) {
    const table: Row[] = [];
    for (const { name, config } of cases) {
      if (!options.only || name.includes(options.only)) table.push(...(await measure(name, config, threads, rounds)));
    }
    report.table(`one sample at a time, ${threads} thread${threads > 1 ? 's' : ''}`, table);
  }
  report.finish();
}

async function measure(name: string, config: SbtConfig, threads: number, rounds: number): Promise<Row[]> {
  const weights = randomSbtWeights(config);
  const sparse = await SbtModel.fromWeights(config, weights, { threads });
  const full = await SbtModel.fromWeights(denseConfig(config), denseOf(weights), { threads });
  const samples = randomArray(2 * config.windowLength * config.numVariables, 7);
  const kept = sparse.stream(true);
  const others = [
    { other: 'the same, window anew', stream: sparse.stream(false), products: windowProducts(config) },
    { other: 'dense, full attention, window anew', stream: full.stream(false), products: fullProducts(config) },
  ];
  const outputs = [kept, ...others.map(({ stream }) => stream)].map((stream) => fill(stream, samples, config));
  const off = difference(outputs[1]!, outputs[0]!).relative;
  const bound = 4 * networkBound(6 * config.numLayers + 2, config.feedForwardSize);
  expectClose(`${name}, kept and computed anew`, off, bound);
  const rows: Row[] = [];
  for (const { other, stream, products } of others) {
    const push = pushing(kept, samples, config);
    const anew = pushing(stream, samples, config);
    const batch = 20;
    const turns = await inTurns(
      () => anew(1),
      () => push(batch),
      { rounds, turn: 60 },
    );
    rows.push({
      data: name,
      window: config.windowLength,
      against: other,
      'us/push': (turns.b * 1e3) / batch,
      'other us': turns.a * 1e3,
      'times faster': turns.ratio.median * batch,
      quartiles: `${(turns.ratio.low * batch).toFixed(1)} - ${(turns.ratio.high * batch).toFixed(1)}`,
      'by processor time': turns.cpuRatio * batch,
      'times fewer products': products / pushProducts(config),
      'outputs differ by': other.startsWith('the same') ? off : undefined,
    });
  }
  sparse.dispose();
  full.dispose();
  return rows;
}

/** The output for the last of all samples. */
function fill(stream: Stream, samples: Float32Array, { numVariables, windowLength }: SbtConfig): Float32Array {
  const count = samples.length / numVariables;
  for (let t = 0; t + 1 < count; t++) {
    stream.push(samples.subarray(t * numVariables, (t + 1) * numVariables), t + 1 === windowLength);
  }
  return stream.push(samples.subarray((count - 1) * numVariables), true)!.slice();
}

function pushing(stream: Stream, samples: Float32Array, { numVariables }: SbtConfig) {
  const count = samples.length / numVariables;
  let t = 0;
  return async (times: number): Promise<void> => {
    for (let i = 0; i < times; i++, t = (t + 1) % count) {
      stream.push(samples.subarray(t * numVariables, (t + 1) * numVariables), true);
    }
  };
}

/*
 * Multiply-adds, those with weights that are kept. What is promised where they alone take time; a product with a sparse
 * matrix takes longer for each than attention does.
 */

/** Of a layer, with weights, for a row that asks, and for one that is only asked later. */
function layerProducts({ dModel: d, feedForwardSize: f, keepRatio }: SbtConfig) {
  return { newest: keepRatio * (4 * d * d + 2 * d * f), past: keepRatio * (2 * d * d + 2 * d * f) };
}

/** Two rows of every layer and one query. */
function pushProducts(config: SbtConfig): number {
  const { numVariables, windowLength, dModel, numLayers, outputSize, keepRatio } = config;
  const edges = keepRatio * dModel * (numVariables + outputSize);
  return 2 * (edges + numLayers * layerProducts(config).newest) + numLayers * 2 * (windowLength - 1) * dModel;
}

/** Past rows in all layers but the last, the newest one in all; every head asks whole rows. */
function windowProducts(config: SbtConfig): number {
  const { numVariables, windowLength, dModel, numLayers, numHeads, outputSize, keepRatio } = config;
  const { newest, past } = layerProducts(config);
  const edges = keepRatio * dModel * (windowLength * numVariables + outputSize);
  const attention = numHeads * 2 * (windowLength - 1) * dModel;
  return edges + (windowLength - 1) * (numLayers - 1) * past + numLayers * (newest + attention);
}

/** All rows and scores in all layers; in the last one keys and values of all, the rest of the newest. */
function fullProducts({
  numVariables,
  windowLength: w,
  dModel: d,
  feedForwardSize: f,
  numLayers,
  outputSize,
}: SbtConfig) {
  const layer = w * (4 * d * d + 2 * d * f) + 2 * w * w * d;
  const last = w * 2 * d * d + 2 * d * d + 2 * d * f + 2 * w * d;
  return d * (w * numVariables + outputSize) + (numLayers - 1) * layer + last;
}
