import { expectClose } from './compare.js';
import { inTurns } from './in-turns.js';
import {
  binarize,
  denseFromSparseBinary,
  PAPER_DATASETS,
  type SbtConfig,
  type SbtLinear,
  SbtModel,
  type SbtWeights,
} from './internals.js';
import { difference, networkBound, randomArray } from './numbers.js';
import { type Options, Report, type Row } from './report.js';

/*
 * Sparse binary transformers at the paper's sizes, windows in, scores out, against dense models of the same weights in
 * full: with the same evaluation of the newest step, and with full attention, as the paper's dense models have it. All
 * weights are random: times say nothing about accuracy.
 */

interface Contender {
  readonly name: string;
  readonly model: SbtModel;
}

export async function run(options: Options & { readonly rounds?: string; readonly only?: string }): Promise<void> {
  const report = await Report.start('sparse-models', options);
  const rounds = Number(options.rounds ?? (options.quick ? 5 : 15));
  const chosen = options.quick ? ['SMD', 'JapaneseVowels'] : PAPER_DATASETS.map(({ name }) => name);
  const names = chosen.filter((name) => !options.only || name.includes(options.only));
  for (const threads of [1, 2]) {
    for (const windows of options.quick ? [16] : [1, 16]) {
      const table: Row[] = [];
      for (const { name, config } of PAPER_DATASETS) {
        if (names.includes(name)) table.push(...(await measure(name, config, windows, threads, rounds)));
      }
      report.table(
        `${windows} window${windows > 1 ? 's' : ''} a call, ${threads} thread${threads > 1 ? 's' : ''}`,
        table,
      );
    }
  }
  report.finish();
}

async function measure(
  name: string,
  config: SbtConfig,
  windows: number,
  threads: number,
  rounds: number,
): Promise<Row[]> {
  const weights = randomWeights(config);
  const dense = inFull(weights);
  const own = { ...config, weights: 'dense', keepRatio: 1 } as const;
  const load = async (label: string, of: SbtConfig, from: SbtWeights, activations: 'float32' | 'int8' = 'float32') => ({
    name: label,
    model: await SbtModel.fromWeights(of, from, { threads, activations }),
  });
  const sparse = await load('float32', config, weights);
  const others: Contender[] = [
    await load('int8', config, weights, 'int8'),
    await load('dense, same evaluation', own, dense),
  ];
  if (config.attention === 'step-t') {
    others.push(await load('dense, full attention', { ...own, attention: 'full' }, dense));
  }
  const shape = [windows, config.windowLength, config.numVariables];
  const x = { data: randomArray(shape[0]! * shape[1]! * shape[2]!, 7), shape };
  const score = ({ model }: Contender) => model.forward({ x });
  const rows: Row[] = [];
  const reference = await resultOf(sparse, x);
  for (const other of others) {
    const off = difference(await resultOf(other, x), reference).relative;
    if (other.name === 'dense, same evaluation') {
      const products = 6 * config.numLayers + 2;
      expectClose(`${name}, ${other.name}`, off, 4 * networkBound(products, config.feedForwardSize));
    }
    const turns = await inTurns(
      () => score(other),
      () => score(sparse),
      { rounds, turn: 60 },
    );
    rows.push({
      data: name,
      other: other.name,
      'float32 us/window': (turns.b * 1e3) / windows,
      'other us/window': (turns.a * 1e3) / windows,
      'times faster': turns.ratio.median,
      quartiles: `${turns.ratio.low.toFixed(2)} - ${turns.ratio.high.toFixed(2)}`,
      'by processor time': turns.cpuRatio,
      'outputs differ by': off,
    });
  }
  for (const { model } of [sparse, ...others]) model.dispose();
  return rows;
}

async function resultOf({ model }: Contender, x: { data: Float32Array; shape: number[] }): Promise<Float32Array> {
  const result = await model.forward({ x });
  return result.kind === 'classes' ? result.logits.data : result.newest.data;
}

function randomWeights(config: SbtConfig): SbtWeights {
  const { numVariables: m, dModel: d, feedForwardSize: f, windowLength: w, outputSize, numLayers, norm } = config;
  let seed = 1;
  const linear = (out: number, inner: number, bias = false): SbtLinear => {
    const values = { data: randomArray(out * inner, seed++, inner ** -0.5), shape: [out, inner] };
    const scores = { data: randomArray(out * inner, seed++), shape: [out, inner] };
    const matrix = binarize(values, scores, { keepRatio: config.keepRatio });
    return {
      weight: { kind: 'sparse-binary', matrix },
      bias: bias ? randomArray(out, seed++, 0.1) : undefined,
    };
  };
  const size = norm === 'time' ? w : d;
  const one = () => ({ scale: randomArray(size, seed++, 0.1, 1), shift: randomArray(size, seed++, 0.1) });
  return {
    embedding: linear(d, m),
    layers: Array.from({ length: numLayers }, () => ({
      query: linear(d, d, true),
      key: linear(d, d, true),
      value: linear(d, d, true),
      output: linear(d, d, true),
      expand: linear(f, d),
      contract: linear(d, f),
      norms: norm === 'none' ? undefined : ([one(), one()] as const),
    })),
    decoder: linear(outputSize, d),
  };
}

/** The same numbers as dense matrices. */
function inFull(weights: SbtWeights): SbtWeights {
  const dense = ({ weight, bias }: SbtLinear): SbtLinear =>
    weight.kind === 'dense'
      ? { weight, bias }
      : { weight: { kind: 'dense', shape: weight.matrix.shape, data: denseFromSparseBinary(weight.matrix) }, bias };
  return {
    ...weights,
    embedding: dense(weights.embedding),
    layers: weights.layers.map((layer) => ({
      ...layer,
      query: dense(layer.query),
      key: dense(layer.key),
      value: dense(layer.value),
      output: dense(layer.output),
      expand: dense(layer.expand),
      contract: dense(layer.contract),
    })),
    decoder: dense(weights.decoder),
  };
}
