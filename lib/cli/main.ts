#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { Command, CommanderError, Option } from 'commander';
import { defineBenchMerging } from './bench-merging/define.js';
import { defineClassify } from './classify.js';
import { defineConvert } from './convert.js';
import { defineCost } from './cost.js';
import { defineDetect } from './detect.js';
import { doctor } from './doctor.js';
import { describe, EXIT, exitCodeOf, Interrupted } from './exit-codes.js';
import { type ForecastCommandOptions, forecast } from './forecast.js';
import { addMergingOptions } from './merging.js';
import { integer, quantileLevels, words } from './options.js';

const DEFAULT_LEVELS = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];
const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));

function buildProgram(signal: AbortSignal): Command {
  const program = new Command('tidemerge')
    .description('Time-series models on the CPU: forecasts, classes, anomalies.')
    .version(version)
    .exitOverride()
    .showHelpAfterError('(--help lists the options)');

  const forecastCommand = program
    .command('forecast')
    .description('forecast every series of a table; data goes to stdout, everything else to stderr')
    .argument('<file>', 'CSV or NDJSON, plain or gzipped; - reads standard input')
    .option('-m, --model <model>', 'folder of a model, or the name of an embedded one', 'tidemerge-bolt-nano')
    .option('-H, --horizon <steps>', "steps to forecast (default: the model's own)", integer(1))
    .option('-q, --quantiles <levels>', 'comma-separated, between 0 and 1', quantileLevels, DEFAULT_LEVELS)
    .option('--context <values>', 'look at the last values of each series only', integer(1))
    .option('--id <column>', 'column that names the series (long tables)')
    .option('--time <column>', 'column with the times')
    .option('--target <column>', 'column with the values (long tables)')
    .option('--sort', 'sort rows by time instead of refusing unsorted ones')
    .option('--freq <step>', 'distance of neighbours such as h, 15min, D, W, MS (default: inferred)')
    .addOption(new Option('--encoding <name>', 'encoding of the text').choices(['utf-8', 'latin1']))
    .option('--samples <count>', 'sample paths per series (models that sample)', integer(1))
    .option('--seed <number>', 'seed of the sample paths', integer(0))
    .option('--threads <count>', 'threads (default: all cores)', integer(1))
    .addOption(
      new Option('--dtype <type>', 'precision of the weights').choices(['float32', 'bfloat16']).default('float32'),
    )
    .option('--isa <set>', 'instruction set to use (default: the best this CPU has)')
    .option('--batch-size <series>', 'series per pass (default: as memory allows)', integer(1))
    .addOption(new Option('-f, --format <format>', 'of the table').choices(['csv', 'json', 'ndjson']).default('csv'))
    .option('-p, --plot <kinds>', 'terminal, svg, or both separated by a comma', words(['terminal', 'svg']))
    .option('-o, --output <file>', 'write the table to a file (and an SVG beside it)');
  addMergingOptions(forecastCommand).action(async (file: string, options: ForecastCommandOptions) => {
    process.exitCode = await forecast(file, options, signal);
  });

  defineBenchMerging(program, signal);
  defineClassify(program, signal);
  defineConvert(program);
  defineCost(program, signal);
  defineDetect(program, signal);

  program
    .command('doctor')
    .description('tell what this machine has and what the library makes of it')
    .option('--json', 'as one JSON document')
    .action(async (options: { json?: boolean }) => {
      process.exitCode = await doctor(options);
    });
  return program;
}

/** The first SIGINT stops the work in order; the second one is the system's. */
function interruptSignal(): AbortSignal {
  const controller = new AbortController();
  process.once('SIGINT', () => controller.abort(new Interrupted('interrupted')));
  return controller.signal;
}

/** A reader that went away (`| head`) is no error of ours. */
function isClosedPipe(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EPIPE') return true;
  }
  return false;
}

process.stdout.on('error', (error) => {
  if (!isClosedPipe(error)) throw error;
});

try {
  await buildProgram(interruptSignal()).parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  else if (!isClosedPipe(error)) {
    process.stderr.write(`tidemerge: ${describe(error)}\n`);
    process.exitCode = exitCodeOf(error);
  }
}
