import type { Forecaster } from '../../tasks/forecaster.js';
import { forecastCost } from './cost.js';
import { type BenchModel, type LoadSettings, load } from './models.js';
import type { SpeedReport } from './report.js';
import { type Setting, UNMERGED } from './settings.js';
import { interleave, type SpeedOptions } from './speed.js';
import { traceTokens } from './tokens.js';

export interface SpeedsOptions extends SpeedOptions, Omit<LoadSettings, 'threads'> {
  /** The first one is that of the models given. */
  readonly threads: readonly (number | undefined)[];
  readonly levels: readonly number[];
  readonly numSamples: number | undefined;
  readonly seed: number;
  readonly onPair: () => void;
}

/** A model and the series of one timed call. */
export interface TimedModel {
  readonly model: BenchModel;
  readonly contexts: readonly Float64Array[];
}

const ALONE = { median: 1, low: 1, high: 1 } as const;

/**
 * Times every setting of every model in turns with the model unmerged, and every model unmerged in turns with the first
 * one: all rates are multiples of one measured rate, so that noise between measurements does not tell them apart.
 */
export async function measureSpeeds(
  timed: readonly TimedModel[],
  settings: readonly Setting[],
  options: SpeedsOptions,
): Promise<SpeedReport[][]> {
  const reports: SpeedReport[][] = timed.map(() => []);
  const work = await Promise.all(timed.map((own) => workOf(own, settings, options)));
  for (const [t, threads] of options.threads.entries()) {
    const given = timed.map(({ model }) => model.forecaster);
    const forecasters = t === 0 ? given : await reload(timed, threads, options);
    try {
      const calls = timed.map((own, m) => callOf(forecasters[m]!, own, options));
      const rates = await unmergedRates(timed, calls, options);
      for (const [m, call] of calls.entries()) {
        for (const [s, setting] of settings.entries()) {
          const pair = setting.merging && (await interleave(call(UNMERGED), call(setting), options));
          if (pair) options.onPair();
          const speedup = pair ? pair.speedup : ALONE;
          reports[m]!.push({
            setting: setting.name,
            threads: forecasters[m]!.backend.threads,
            ...work[m]![s]!,
            milliseconds: pair ? pair.other : (1e3 * timed[m]!.contexts.length) / rates[m]!,
            seriesPerSecond: rates[m]! * speedup.median,
            speedup,
          });
        }
      }
    } finally {
      if (t > 0) await Promise.all(forecasters.map((forecaster) => forecaster.dispose()));
    }
  }
  return reports;
}

/** Pairs that `measureSpeeds` will time. */
export function pairsOf(models: number, settings: readonly Setting[], threads: number): number {
  return threads * models * (1 + settings.filter(({ merging }) => merging).length);
}

type Call = (setting: Setting) => () => Promise<unknown>;

function callOf(forecaster: Forecaster, { model, contexts }: TimedModel, options: SpeedsOptions): Call {
  const { levels, numSamples, seed, signal } = options;
  const common = { predictionLength: model.horizon, quantileLevels: levels, numSamples, seed, signal };
  return ({ merging }) =>
    () =>
      forecaster.predictQuantiles(contexts, { ...common, merging, onError: 'throw' });
}

/** Series a second of every model unmerged. */
async function unmergedRates(timed: readonly TimedModel[], calls: readonly Call[], options: SpeedsOptions) {
  const rates: number[] = [];
  for (const [m, call] of calls.entries()) {
    const { reference, speedup } = await interleave(calls[0]!(UNMERGED), call(UNMERGED), options);
    options.onPair();
    const first = rates[0] ?? (1e3 * timed[0]!.contexts.length) / reference;
    const share = timed[m]!.contexts.length / timed[0]!.contexts.length;
    rates.push(m === 0 ? first : first * speedup.median * share);
  }
  return rates;
}

async function reload(
  timed: readonly TimedModel[],
  threads: number | undefined,
  options: Omit<LoadSettings, 'threads'>,
): Promise<Forecaster[]> {
  const forecasters: Forecaster[] = [];
  for (const { model } of timed) forecasters.push(await load(model.directory, { ...options, threads }));
  return forecasters;
}

/** Tokens and operations of every setting. */
async function workOf(
  { model: { forecaster, directory, horizon }, contexts }: TimedModel,
  settings: readonly Setting[],
  { signal, numSamples }: SpeedsOptions,
): Promise<Pick<SpeedReport, 'tokens' | 'flops'>[]> {
  const cost = forecastCost(forecaster.modelName, directory, { horizon, numSamples });
  const work: Pick<SpeedReport, 'tokens' | 'flops'>[] = [];
  for (const setting of settings) {
    const tokens = await traceTokens(forecaster, contexts, setting, signal);
    work.push({ tokens, flops: cost?.(tokens, setting.merging) });
  }
  return work;
}
