import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expectClose } from './compare.js';
import { type Command, interleave, Peer } from './interleave.js';
import { PAPER_DATASETS, SbtModel } from './internals.js';
import { difference, networkBound } from './numbers.js';
import { datasetOf, denseConfig, denseOf, nameOf, outputOf, randomSbtWeights, randomWindows } from './random-sbt.js';
import { type Options, Report, type Row } from './report.js';
import { temporaryFolder } from './workspace.js';

/*
 * Sparse binary transformers at the paper's sizes, windows in, scores out, against the dense models of the same weights in
 * onnxruntime-node, with full attention as the paper's dense models have it. Random weights: times say nothing about accuracy.
 */

interface OnnxOptions extends Options {
  readonly only?: string | undefined;
  readonly rounds?: string | undefined;
  readonly wait?: string | undefined;
  readonly calm?: string | undefined;
}

export async function run(options: OnnxOptions): Promise<void> {
  const report = await Report.start('sparse-onnx', options);
  const chosen = options.quick ? ['SMD', 'JapaneseVowels'] : PAPER_DATASETS.map(({ name }) => name);
  const names = chosen.filter((name) => !options.only || name.includes(options.only));
  const file = join(temporaryFolder(), 'output.f32');
  const workloads = (options.quick ? [16] : [1, 16]).flatMap((windows) => names.map((name) => nameOf(name, windows)));
  for (const threads of options.quick ? ['1'] : ['1', '2']) {
    const onnx = await Peer.start('onnxruntime', commandOf('../bench/peers/onnx-sbt.mjs', threads, ...workloads));
    const own = {
      float32: await Peer.start('float32', commandOf('workers/sbt.js', 'float32', threads, ...workloads)),
      int8: await Peer.start('int8', commandOf('workers/sbt.js', 'int8', threads, ...workloads)),
    };
    try {
      for (const peer of Object.values(own)) if (peer.absent) throw new Error(`${peer.name}: ${peer.absent}`);
      if (onnx.absent) {
        report.say(`\n!! onnxruntime-node: not measured here: ${onnx.absent}`);
        break;
      }
      const rows: Row[] = [];
      for (const workload of workloads)
        rows.push(...(await measure(workload, own, { onnx, error: await errorOf(workload, onnx, file) }, options)));
      report.table(`against ${onnx.info.version}, ${threads} thread${threads === '1' ? '' : 's'}`, rows);
    } finally {
      for (const peer of [onnx, ...Object.values(own)]) peer.close();
    }
  }
  report.finish();
}

async function measure(
  workload: string,
  own: Readonly<Record<'float32' | 'int8', Peer>>,
  { onnx, error }: { readonly onnx: Peer; readonly error: number },
  options: OnnxOptions,
): Promise<Row[]> {
  const { windows } = datasetOf(workload);
  const rows: Row[] = [];
  for (const [activations, peer] of Object.entries(own)) {
    const { a, b, ratio, cpuRatio, others, disturbed } = await interleave(peer, onnx, workload, {
      rounds: Number(options.rounds ?? (options.quick ? 3 : 5)),
      wait: Number(options.wait ?? (options.quick ? 0 : 10)),
      calm: Number(options.calm ?? 0.1),
    });
    rows.push({
      'data x windows': workload,
      activations,
      'us/window': (a.median * 1e3) / windows,
      'onnxruntime us/window': (b.median * 1e3) / windows,
      'times faster': ratio.median,
      quartiles: `${ratio.low.toFixed(2)} - ${ratio.high.toFixed(2)}`,
      'by processor time': cpuRatio,
      others: `${(100 * others).toFixed(0)} %${disturbed ? ', disturbed' : ''}`,
      'onnxruntime is off by': error,
    });
  }
  return rows;
}

/** Its outputs against those of the same dense model here. */
async function errorOf(workload: string, onnx: Peer, file: string): Promise<number> {
  const { config, windows } = datasetOf(workload);
  const model = await SbtModel.fromWeights(denseConfig(config), denseOf(randomSbtWeights(config)));
  const expected = await outputOf(model, randomWindows(config, windows));
  model.dispose();
  const result = await onnx.output(workload, file);
  const { relative } = difference(result, expected);
  const products = 8 * config.numLayers + 2;
  expectClose(`onnxruntime, ${workload}`, relative, networkBound(products, config.feedForwardSize));
  return relative;
}

function commandOf(path: string, ...args: string[]): Command {
  return { program: process.execPath, args: [fileURLToPath(new URL(path, import.meta.url)), ...args] };
}
