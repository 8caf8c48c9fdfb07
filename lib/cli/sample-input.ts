import { type Command, Option } from 'commander';
import { TidemergeError } from '../errors.js';
import { type ReadSamplesOptions, readSamples, type SampleFormat, type SampleSet } from '../io/index.js';
import { quoteList } from '../io/quote.js';
import type { LoadOptions } from '../models/load.js';
import { integer } from './options.js';

/** Options of every command that runs a network on samples, as commander hands them over. */
export interface NetworkCommandOptions {
  readonly model: string;
  readonly inputFormat?: SampleFormat;
  readonly threads?: number;
  readonly isa?: string;
  readonly activations: 'float32' | 'int8';
}

export function addNetworkOptions(command: Command): Command {
  return command
    .requiredOption('-m, --model <folder>', 'folder of the model')
    .addOption(
      new Option('--input-format <format>', 'of the data (default: by the name, csv for standard input)').choices([
        'ts',
        'arff',
        'npy',
        'csv',
      ]),
    )
    .option('--threads <count>', 'threads (default: all cores)', integer(1))
    .option('--isa <set>', 'instruction set to use (default: the best this CPU has)')
    .addOption(
      new Option('--activations <type>', 'how sparse layers take their inputs: int8 rounds them and is faster')
        .choices(['float32', 'int8'])
        .default('float32'),
    );
}

export function loadOptions(
  { threads, isa, activations }: NetworkCommandOptions,
  signal: AbortSignal,
): Pick<LoadOptions, 'threads' | 'isa' | 'activations' | 'signal'> {
  return { threads, isa, activations, signal };
}

/** A file by its name, or standard input. */
export function readInput(path: string, format?: SampleFormat, options: ReadSamplesOptions = {}): Promise<SampleSet> {
  const piped = path === '-';
  const chosen = format ?? (piped ? 'csv' : undefined);
  return readSamples(path, { ...options, ...(chosen && { format: chosen }), ...(piped && { name: 'standard input' }) });
}

/** ERR_BAD_DATA unless the samples have the model's variables: they would all fail. */
export function checkVariables(path: string, { samples, variableNames }: SampleSet, expected: number): void {
  const got = samples[0]?.shape[1];
  if (got === undefined || got === expected) return;
  const names = variableNames ? `: ${quoteList(variableNames, 12)}` : '';
  throw new TidemergeError(
    'ERR_BAD_DATA',
    `${path}: expected ${expected} variables as the model has, got ${got}${names}`,
  );
}
