import { type Command, Option } from 'commander';
import { fraction, integer, list, neighbourhood, number, quantileLevels, repeated, splitRule } from '../options.js';
import { type BenchMergingOptions, benchMerging } from './command.js';

const LEVELS = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];

/** Adds `bench merging` to the program. */
export function defineBenchMerging(program: Command, signal: AbortSignal): void {
  program
    .command('bench')
    .description('measure what an option of a model costs and gains')
    .command('merging')
    .description('sweep token merging over real windows: speed, errors, controls, and the choices that follow')
    .option('-m, --model <model>', 'trained model, [family=]folder or embedded name; repeat for more', repeated, [])
    .option('--speed-only <model>', 'model whose weights are random: its speed only; repeat for more', repeated, [])
    .requiredOption('-d, --data <file>', 'wide CSV: a time column and a column per series; repeat for more', repeated)
    .addOption(new Option('--encoding <name>', 'encoding of the text').choices(['utf-8', 'latin1']))
    .option('--split <a/b/c>', 'train, validation and test: shares or months of 30 days', splitRule)
    .option('--context <values>', 'values of context, as far as a model looks back', integer(1), 512)
    .option('-H, --horizon <steps>', 'steps to forecast (default: 64, or the shortest horizon of a model)', integer(1))
    .option('--stride <steps>', 'from a window to the next one (default: the horizon)', integer(1))
    .option('-w, --windows <count>', 'windows of each part and file, drawn by the seed', integer(1), 256)
    .option('--r <list>', 'tokens merged per layer', list(integer(0)))
    .option('--ratio <list>', 'the same as shares of the tokens (default: 0.0625,0.125,0.25,0.5)', list(fraction))
    .option('--k <list>', 'neighbourhoods in pairs of tokens, or global', list(neighbourhood), [1, 'global'])
    .option('--min-tokens <count>', 'tokens that remain in any case', integer(1))
    .option('--sigma <list>', 'deviations of the Gaussian control in steps', list(number(0)), [0.5, 1, 2])
    .option('--no-controls', 'leave pruning and the Gaussian filter out')
    .option('-q, --quantiles <levels>', 'of the weighted quantile loss', quantileLevels, LEVELS)
    .option('--samples <count>', 'sample paths per series (models that sample)', integer(1))
    .option('--seed <number>', 'of windows, sample paths and bootstrap', integer(0), 0)
    .option('--resamples <count>', 'of the bootstrap', integer(100), 2000)
    .option('--threads <list>', 'choices use the first (default: all cores)', list(integer(1)))
    .option('--batch <series>', 'series of a timed call', integer(1), 32)
    .option('--rounds <count>', 'of a timed pair', integer(1), 9)
    .option('--turn <ms>', 'shortest turn of a timed pair', integer(1), 60)
    .addOption(
      new Option('--dtype <type>', 'precision of the weights').choices(['float32', 'bfloat16']).default('float32'),
    )
    .option('--isa <set>', 'instruction set to use (default: the best this CPU has)')
    .option('--json <file>', 'write everything as JSON; - for stdout, tables then go to stderr')
    .option('--plot <file>', 'write the Pareto plots as SVG')
    .action(async (options: BenchMergingOptions) => {
      process.exitCode = await benchMerging(options, signal);
    });
}
