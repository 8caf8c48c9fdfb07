import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { TidemergeError } from '../errors.js';
import { ModelConfig } from '../io/model-config.js';
import { openSafetensors } from '../io/safetensors.js';
import { WeightScope } from '../io/weight-scope.js';
import { readCheckpointConfig } from '../models/sbt/checkpoint-config.js';
import type { SbtConfig } from '../models/sbt/config.js';
import { type CostOptions, costOf, type SbtCost } from '../models/sbt/cost.js';
import type { MultiplyAdds } from '../models/sbt/cost-honest.js';
import { PAPER_DATASETS } from '../models/sbt/paper-datasets.js';
import { readSbtConfig } from '../models/sbt/read-config.js';
import { type MeasuredTime, measureTime, timeTable } from './cost-time.js';
import { EXIT } from './exit-codes.js';
import { fraction, integer } from './options.js';
import { textTable } from './text-table.js';

interface CostCommandOptions {
  readonly paper?: boolean;
  readonly json?: boolean;
  readonly activationKeep?: number;
  readonly normKeep?: number;
  readonly time?: boolean;
  readonly threads?: number;
  readonly isa?: string;
  readonly rounds: number;
}

export function defineCost(program: Command, signal: AbortSignal): void {
  program
    .command('cost')
    .description('count what a sparse binary transformer costs, as the paper counts and in reality')
    .argument('[model]', 'folder of a model, or its config.json')
    .option('--paper', "the models of the paper's eleven data sets instead")
    .option(
      '--activation-keep <share>',
      'classification: share of query, key and value values kept (default: 0.5, or 1 if the file has no masks)',
      fraction,
    )
    .option(
      '--norm-keep <share>',
      'forecasting: share of norm weights kept; 1 for ordinary norms (default: 0.5)',
      fraction,
    )
    .option('--time', 'run the model on random samples and measure what one takes')
    .option('--threads <count>', 'threads of the measurement (default: all cores)', integer(1))
    .option('--isa <set>', 'instruction set of the measurement (default: the best this CPU has)')
    .option('--rounds <count>', 'rounds of the measurement', integer(1), 15)
    .option('--json', 'as one JSON document')
    .action(async (model: string | undefined, options: CostCommandOptions) => {
      process.exitCode = await cost(model, options, signal);
    });
}

export async function cost(
  model: string | undefined,
  options: CostCommandOptions,
  signal: AbortSignal,
): Promise<number> {
  if ((model === undefined) === (options.paper !== true)) {
    throw new TidemergeError('ERR_INVALID_ARGUMENT', 'cost: expected either a model or --paper');
  }
  if (options.time && model === undefined) {
    throw new TidemergeError('ERR_INVALID_ARGUMENT', 'cost: --time: expected a model folder, got --paper');
  }
  const ratios: CostOptions = {
    ...(options.activationKeep !== undefined && { activationKeepRatio: options.activationKeep }),
    ...(options.normKeep !== undefined && { normKeepRatio: options.normKeep }),
  };
  const found =
    model === undefined
      ? PAPER_DATASETS.map(({ name, config }) => namedCost(name, config, ratios))
      : [costOfPath(model, ratios)];
  const { threads, isa, rounds } = options;
  const time = options.time ? await measureTime(model!, { threads, isa, rounds, signal }) : undefined;
  const one = { ...found[0]!, ...(time && { time }) };
  const text = model === undefined ? paperTables(found) : modelTables(one);
  process.stdout.write(options.json ? `${JSON.stringify(model === undefined ? found : one, null, 2)}\n` : text);
  return EXIT.ok;
}

interface NamedCost extends SbtCost {
  readonly name: string;
  readonly config: SbtConfig;
  readonly time?: MeasuredTime;
}

function costOfPath(path: string, options: CostOptions): NamedCost {
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  const file = ModelConfig.read(isFolder ? join(path, 'config.json') : path);
  const weights = join(path, 'model.safetensors');
  const stat = isFolder ? statSync(weights, { throwIfNoEntry: false }) : undefined;
  if (!stat) return namedCost(path, readSbtConfig(file), options);
  const store = openSafetensors(weights);
  try {
    // A training checkpoint says little in its configuration and more in its tensors.
    const isPacked = store.metadata.has('sbt.version');
    const config = isPacked ? readSbtConfig(file) : readCheckpointConfig(file, new WeightScope(store)).config;
    const unmasked = config.task === 'classification' && store.metadata.get('sbt.activation_masks') === 'none';
    return namedCost(path, config, { ...(unmasked && { activationKeepRatio: 1 }), ...options, fileBytes: stat.size });
  } finally {
    store.close();
  }
}

function namedCost(name: string, config: SbtConfig, options: CostOptions): NamedCost {
  return { name, config, ...costOf(config, options) };
}

const whole = (count: number | undefined) => (count === undefined ? '-' : count.toLocaleString('en-US'));
const times = (dense: number, sparse: number | undefined) => (sparse ? (dense / sparse).toFixed(2) : '-');

function modelTables({ config, paper, honest, time }: NamedCost): string {
  const { task, numVariables, windowLength, dModel, numLayers, numHeads, keepRatio, weights } = config;
  const { dense, sparseBinary } = paper;
  const compare = (name: string, a: number | undefined, b: number | undefined) => [
    name,
    whole(a),
    whole(b),
    a === undefined ? '-' : times(a, b),
  ];
  const adds = (name: string, counts: MultiplyAdds | undefined) =>
    counts ? [compare(name, counts.allEntries, counts.keptEntries)] : [];
  const { full, executed, streaming } = honest.multiplyAdds;
  return [
    `${task}: ${numVariables} variables, ${windowLength} steps, width ${dModel}, ${numLayers} layers, ${numHeads} heads, ${
      weights === 'dense' ? 'dense' : `${Number((100 * keepRatio).toPrecision(6))} % of the weights kept`
    }\n`,
    textTable(
      ['as the paper counts', 'dense', 'sparse binary', 'ratio'],
      [
        compare('parameters', dense.parameters, sparseBinary?.parameters),
        compare('of them not zero', undefined, sparseBinary?.nonZero),
        compare('bits', dense.bits, sparseBinary?.bits),
        compare('multiply-adds', dense.flops, sparseBinary?.flops),
      ],
    ),
    textTable(
      ['bytes', 'dense float32', 'this model', 'ratio'],
      [
        compare('packed weights', honest.denseBytes, honest.packedBytes),
        ...(honest.fileBytes === undefined ? [] : [compare('the file', honest.denseBytes, honest.fileBytes)]),
      ],
    ),
    textTable(
      ['multiply-adds, counted where they are made', 'all weights', 'kept weights', 'ratio'],
      [
        ...adds('a sample, every step of every layer', full),
        ...adds('a sample, as computed here', executed),
        ...adds('another step of a long series', streaming),
      ],
    ),
    ...(time ? [timeTable(time)] : []),
  ].join('\n');
}

/** What `tidemerge cost --paper` prints. */
export function paperTables(rows: readonly NamedCost[]): string {
  const published = rows.map(({ name, config, paper: { dense, sparseBinary } }) => [
    name,
    config.keepRatio.toString(),
    ...[dense.parameters, dense.bits, dense.flops].map(whole),
    ...[sparseBinary?.parameters, sparseBinary?.nonZero, sparseBinary?.bits, sparseBinary?.flops].map(whole),
    times(dense.bits, sparseBinary?.bits),
    times(dense.flops, sparseBinary?.flops),
  ]);
  const real = rows.map(({ name, honest: { denseBytes, packedBytes, multiplyAdds } }) => [
    name,
    whole(denseBytes),
    whole(packedBytes),
    times(denseBytes, packedBytes),
    whole(multiplyAdds.full.allEntries),
    whole(multiplyAdds.executed.allEntries),
    whole(multiplyAdds.executed.keptEntries),
    times(multiplyAdds.full.allEntries, multiplyAdds.executed.keptEntries),
  ]);
  const counted = ['parameters', 'bits', 'FLOPs'].map((what) => `dense ${what}`);
  return [
    'as the paper counts\n',
    textTable(['set', 'kept', ...counted, 'parameters', 'not zero', 'bits', 'FLOPs', 'bits ×', 'FLOPs ×'], published),
    '\nin reality: bytes of the weights, multiply-adds a sample\n',
    textTable(['set', 'dense bytes', 'bytes', '×', 'dense', 'exact', 'exact, kept only', '×'], real),
  ].join('');
}
