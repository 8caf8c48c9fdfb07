import { statSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { TidemergeError } from '../errors.js';
import { ModelConfig, openSafetensors, type TensorStore, TorchCheckpoint, WeightScope } from '../io/index.js';
import { quoteList } from '../io/quote.js';
import type { AlphaRule } from '../models/sbt/binarize.js';
import { sbtFromCheckpoint } from '../models/sbt/checkpoint.js';
import { readCheckpointConfig } from '../models/sbt/checkpoint-config.js';
import type { SbtConfig } from '../models/sbt/config.js';
import { writeSbtModel } from '../models/sbt/pack.js';
import type { SbtWeights } from '../models/sbt/weights.js';
import { EXIT } from './exit-codes.js';
import { list } from './options.js';

export interface ConvertSbtOptions {
  readonly config: string;
  readonly alpha?: AlphaRule;
  readonly labels?: readonly string[];
  readonly output: string;
}

/** Adds `convert` to the program. */
export function defineConvert(program: Command): void {
  program
    .command('convert')
    .description('turn a training checkpoint into a folder that the library loads')
    .command('sbt')
    .description('sparse binary transformers: weights and scores become bit masks, signs and scales')
    .argument('<checkpoint>', 'state dictionary as .safetensors, or as PyTorch saves it (read as data, never executed)')
    .requiredOption('-c, --config <file>', 'sizes and task as JSON')
    .addOption(
      new Option('--alpha <rule>', "scale of a matrix (default: the checkpoint's own, or mask)").choices([
        'mask',
        'score',
      ]),
    )
    .option('--labels <names>', 'comma-separated names of the classes', list(String))
    .requiredOption('-o, --output <folder>', 'where config.json and model.safetensors go')
    .action((checkpoint: string, options: ConvertSbtOptions) => {
      process.exitCode = convertSbt(checkpoint, options);
    });
}

const say = (text: string) => process.stderr.write(`${text}\n`);

/** Runs `tidemerge convert sbt` and returns the process's exit code. */
export function convertSbt(path: string, options: ConvertSbtOptions): number {
  const store = openCheckpoint(path);
  try {
    const scope = new WeightScope(store);
    const {
      config: read,
      normKeepRatio,
      standardization,
    } = readCheckpointConfig(ModelConfig.read(options.config), scope);
    const config = withLabels(read, options.labels);
    const weights = sbtFromCheckpoint(config, scope, { alphaRule: options.alpha, normKeepRatio });
    warn(config, weights, scope);
    writeSbtModel(options.output, config, { ...weights, standardization });
    report(store, options.output);
    return EXIT.ok;
  } finally {
    store.close();
  }
}

function openCheckpoint(path: string): TensorStore {
  return /\.safetensors(\.index\.json)?$/.test(path) ? openSafetensors(path) : TorchCheckpoint.open(path);
}

function withLabels(config: SbtConfig, labels: readonly string[] | undefined): SbtConfig {
  if (!labels) return config;
  if (config.task === 'classification' && labels.length === config.outputSize) return { ...config, labels };
  const expected = config.task === 'classification' ? `${config.outputSize} distinct names` : `none for ${config.task}`;
  throw new TidemergeError('ERR_INVALID_ARGUMENT', `--labels: expected ${expected}, got ${labels.length}`);
}

/** What a user would not expect to be missing. */
function warn(config: SbtConfig, weights: SbtWeights, scope: WeightScope): void {
  const unused = scope.unused();
  if (unused.length > 0) say(`warning: not read: ${quoteList(unused)}`);
  const masked = weights.layers.every((layer) => layer.activationMasks);
  if (config.weights === 'sparse-binary' && config.task === 'classification' && !masked) {
    say(
      'warning: the checkpoint has no fixed masks of query, key and value: a model trained with them answers otherwise',
    );
  }
}

function report(store: TensorStore, output: string): void {
  const before = store.names().reduce((sum, name) => sum + (store.info(name)?.byteLength ?? 0), 0);
  const after = statSync(join(output, 'model.safetensors')).size;
  say(`wrote ${output}: ${after} bytes of weights, from ${before} in the checkpoint`);
}
