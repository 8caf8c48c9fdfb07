import { existsSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { TidemergeError } from '../../errors.js';
import { Forecaster } from '../../tasks/forecaster.js';
import type { ModelReport } from './report.js';

export interface LoadSettings {
  readonly threads: number | undefined;
  readonly isa?: string | undefined;
  readonly dtype: 'float32' | 'bfloat16';
  readonly signal: AbortSignal;
}

/** A model of the command line, loaded. */
export interface BenchModel extends Omit<ModelReport, 'speed'> {
  readonly forecaster: Forecaster;
}

export interface ModelOptions extends LoadSettings {
  readonly trained: readonly string[];
  readonly speedOnly: readonly string[];
  /** Values of context wanted; a model that looks at fewer gets as many as it takes. */
  readonly context: number;
  /** Undefined: 64, or the least horizon of a model if that is less. */
  readonly horizon: number | undefined;
}

const PAPER_HORIZON = 64;

/** Loads all models. `[family=]directory`: models of a family are sizes to choose across; the default family is the architecture. */
export async function openModels(options: ModelOptions): Promise<BenchModel[]> {
  const { trained, speedOnly, context, horizon } = options;
  const wanted = [
    ...trained.map((text) => ({ ...named(text), trained: true })),
    ...speedOnly.map((text) => ({ ...named(text), trained: false })),
  ];
  const names = uniqueNames(wanted.map(({ directory }) => directory));
  const models: Omit<BenchModel, 'horizon'>[] = [];
  try {
    for (const [i, { directory, family, trained }] of wanted.entries()) {
      const forecaster = await load(directory, options);
      const own = { name: names[i]!, directory, family: family ?? forecaster.modelName, trained, forecaster };
      models.push({ ...own, context: Math.min(context, forecaster.contextLength) });
    }
    const least = Math.min(...models.map(({ forecaster }) => forecaster.predictionLength));
    const steps = horizon ?? Math.min(PAPER_HORIZON, least);
    if (steps > least) {
      throw new TidemergeError(
        'ERR_INVALID_ARGUMENT',
        `bench merging: --horizon: expected at most ${least}, the shortest horizon of the models, got ${steps}`,
      );
    }
    return models.map((model) => ({ ...model, horizon: steps }));
  } catch (error) {
    await closeModels(models);
    throw error;
  }
}

export function load(directory: string, { threads, isa, dtype, signal }: LoadSettings): Promise<Forecaster> {
  return Forecaster.fromPretrained(directory, { threads, isa, dtype, signal });
}

export async function closeModels(models: readonly Pick<BenchModel, 'forecaster'>[]): Promise<void> {
  await Promise.all(models.map(({ forecaster }) => forecaster.dispose()));
}

function named(text: string): { directory: string; family: string | undefined } {
  const at = text.indexOf('=');
  if (at <= 0 || existsSync(text)) return { directory: text, family: undefined };
  return { directory: text.slice(at + 1), family: text.slice(0, at) };
}

/** The last part of each path, or all of it where that is not enough to tell models apart. */
function uniqueNames(directories: readonly string[]): string[] {
  if (new Set(directories.map((path) => resolve(path))).size < directories.length) {
    throw new TidemergeError('ERR_INVALID_ARGUMENT', 'bench merging: expected every model once, got one twice');
  }
  const short = directories.map((path) => basename(resolve(path)));
  return short.map((name, i) => (short.indexOf(name) === short.lastIndexOf(name) ? name : directories[i]!));
}
