import { writeFileSync } from 'node:fs';
import type { SplitRule } from '../../analysis/split.js';
import { TidemergeError } from '../../errors.js';
import type { TextEncodingName } from '../../io/text-encoding.js';
import { EXIT } from '../exit-codes.js';
import { measure } from './measure.js';
import { closeModels, openModels } from './models.js';
import { paretoPanels, paretoSvg } from './pareto-svg.js';
import { sweep } from './settings.js';
import { tables } from './tables.js';

/** The command's options, as commander hands them over. */
export interface BenchMergingOptions {
  readonly model: readonly string[];
  readonly speedOnly: readonly string[];
  readonly data: readonly string[];
  readonly encoding?: TextEncodingName;
  readonly split?: SplitRule;
  readonly context: number;
  readonly horizon?: number;
  readonly stride?: number;
  readonly windows: number;
  readonly r?: readonly number[];
  readonly ratio?: readonly number[];
  readonly k: readonly (number | 'global')[];
  readonly minTokens?: number;
  readonly sigma: readonly number[];
  readonly controls: boolean;
  readonly quantiles: readonly number[];
  readonly samples?: number;
  readonly seed: number;
  readonly resamples: number;
  /** Default: all cores. */
  readonly threads?: readonly number[];
  readonly batch: number;
  readonly rounds: number;
  readonly turn: number;
  readonly dtype: 'float32' | 'bfloat16';
  readonly isa?: string;
  readonly json?: string;
  readonly plot?: string;
}

/** Runs `tidemerge bench merging` and returns the process's exit code. */
export async function benchMerging(options: BenchMergingOptions, signal: AbortSignal): Promise<number> {
  const settings = sweep(options);
  const { model, speedOnly, context, horizon, threads, isa, dtype } = options;
  const chosen = model.length + speedOnly.length > 0 ? model : ['tidemerge-bolt-nano'];
  const models = await openModels({
    trained: chosen,
    speedOnly,
    context,
    horizon,
    threads: threads?.[0],
    isa,
    dtype,
    signal,
  });
  try {
    const report = await measure(models, settings, options, signal);
    const toStdout = options.json === '-';
    (toStdout ? process.stderr : process.stdout).write(tables(report));
    const json = `${JSON.stringify(report, null, 2)}\n`;
    if (toStdout) process.stdout.write(json);
    else if (options.json !== undefined) writeOut(options.json, json);
    if (options.plot !== undefined) writeOut(options.plot, paretoSvg(paretoPanels(report)));
    return EXIT.ok;
  } finally {
    await closeModels(models);
  }
}

function writeOut(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (cause) {
    const message = `${path}: cannot be written: ${(cause as Error).message}`;
    throw new TidemergeError('ERR_FILE_ACCESS', message, { cause });
  }
  process.stderr.write(`wrote ${path}\n`);
}
