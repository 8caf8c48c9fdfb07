import { expectClose } from './compare.js';
import { inTurns } from './in-turns.js';
import { PAPER_DATASETS, type SbtConfig, SbtModel, type SbtWeights } from './internals.js';
import { difference, networkBound } from './numbers.js';
import { denseConfig, denseOf, outputOf, randomSbtWeights, randomWindows } from './random-sbt.js';
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
  const weights = randomSbtWeights(config);
  const dense = denseOf(weights);
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
    others.push(await load('dense, full attention', denseConfig(config), dense));
  }
  const x = randomWindows(config, windows);
  const score = ({ model }: Contender) => model.forward({ x });
  const rows: Row[] = [];
  const reference = await outputOf(sparse.model, x);
  for (const other of others) {
    const off = difference(await outputOf(other.model, x), reference).relative;
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
