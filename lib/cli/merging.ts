import type { Command } from 'commander';
import type { MergingOptions } from '../merging/options.js';
import { finite, integer, words } from './options.js';

/** The merging options of a command, as commander hands them over. */
export interface MergingCommandOptions {
  readonly mergeR?: number;
  readonly mergeRatio?: number;
  readonly mergeThreshold?: number;
  readonly mergeSchedule?: readonly number[];
  readonly mergeK?: number | 'global';
  readonly mergeLayers?: readonly number[];
  readonly mergeMinTokens?: number;
  readonly mergeProportional?: boolean;
  readonly mergeTrace?: readonly 'svg'[];
}

export function addMergingOptions(command: Command): Command {
  return command
    .option('--merge-r <tokens>', 'merge tokens: this many fewer in every layer', integer(0))
    .option('--merge-ratio <share>', 'merge tokens: this share of them in every layer, 0 to 1', finite)
    .option('--merge-threshold <similarity>', 'merge tokens: all pairs more similar than this', finite)
    .option('--merge-schedule <tokens>', 'merge tokens: how many fewer, by layer, separated by commas', integers)
    .option('--merge-k <pairs>', "neighbourhood of a merge in pairs of tokens, or global (default: the model's)", pairs)
    .option('--merge-layers <layers>', 'layers that merge, from 0, separated by commas (default: all)', integers)
    .option('--merge-min-tokens <tokens>', 'tokens that remain in any case', integer(1))
    .option('--merge-proportional', 'attention counts a merged token as often as tokens stand in it')
    .option('--merge-trace <kinds>', 'draw what was merged: svg', words(['svg']));
}

/** What the library is asked for: undefined without any of the options. */
export function mergingOptions(options: MergingCommandOptions): MergingOptions | undefined {
  const given = {
    r: options.mergeR,
    ratio: options.mergeRatio,
    threshold: options.mergeThreshold,
    schedule: options.mergeSchedule,
    k: options.mergeK,
    layers: options.mergeLayers,
    minTokens: options.mergeMinTokens,
    proportional: options.mergeProportional,
    trace: options.mergeTrace && true,
  };
  return Object.values(given).every((value) => value === undefined) ? undefined : given;
}

function integers(text: string): number[] {
  return text.split(',').map((part) => integer(0)(part));
}

function pairs(text: string): number | 'global' {
  return text === 'global' ? text : integer(1)(text);
}
