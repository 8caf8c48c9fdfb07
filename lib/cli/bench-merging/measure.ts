import { readFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { TidemergeError } from '../../errors.js';
import { ProgressBar } from '../progress.js';
import { type AccuracyOptions, type AccuracyRow, forecastsOf, measureAccuracy } from './accuracy.js';
import { chooseSettings, type MeasuredModel } from './choose.js';
import type { BenchMergingOptions } from './command.js';
import { type BenchData, readBenchData, windowValues } from './data.js';
import type { BenchModel } from './models.js';
import {
  type AccuracyReport,
  accuracyReport,
  dataReport,
  type MergingReport,
  type SelectionReport,
  type SpeedReport,
} from './report.js';
import type { Setting } from './settings.js';
import { measureSpeeds, pairsOf } from './speeds.js';

const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'));

/** Speeds of all models, then accuracy of the trained ones on every data set, then the choices that follow. */
export async function measure(
  models: readonly BenchModel[],
  settings: readonly Setting[],
  options: BenchMergingOptions,
  signal: AbortSignal,
): Promise<MergingReport> {
  const data = await readAll(models, options);
  const speeds = await timeModels(models, data[0]!, settings, options, signal);
  return {
    schemaVersion: 1,
    date: new Date().toISOString(),
    tidemerge: version,
    machine: {
      cpu: cpus()[0]?.model.trim() ?? 'unknown',
      cores: availableParallelism(),
      node: process.version,
      isa: models[0]!.forecaster.backend.isa,
    },
    options: { ...options },
    models: models.map(({ forecaster, ...model }, m) => ({ ...model, speed: speeds[m]! })),
    data: data.map(dataReport),
    ...(await measureData(models, data, speeds, settings, options, signal)),
  };
}

async function readAll(models: readonly BenchModel[], options: BenchMergingOptions): Promise<BenchData[]> {
  const horizon = models[0]!.horizon;
  const { stride = horizon, windows: limit, split, encoding, seed } = options;
  // Targets are the same for all models, whatever each of them sees before.
  const context = Math.max(...models.map((model) => model.context));
  const data: BenchData[] = [];
  for (const path of options.data) {
    const warn = (text: string) => process.stderr.write(`warning: ${text}\n`);
    data.push(await readBenchData(path, { split, encoding, context, horizon, stride, limit, seed }, warn));
  }
  if (new Set(data.map(({ name }) => name)).size < data.length) {
    const names = data.map(({ name }) => name).join(', ');
    throw new TidemergeError(
      'ERR_INVALID_ARGUMENT',
      `bench merging: --data: expected files of different names, got ${names}`,
    );
  }
  return data;
}

async function timeModels(
  models: readonly BenchModel[],
  data: BenchData,
  settings: readonly Setting[],
  options: BenchMergingOptions,
  signal: AbortSignal,
): Promise<SpeedReport[][]> {
  const { batch, quantiles: levels, samples: numSamples, threads = [undefined] } = options;
  const timed = models.map((model) => {
    const own = windowValues(data, 'validation', model.context, model.horizon).contexts;
    return { model, contexts: Array.from({ length: batch }, (_, i) => own[i % own.length]!) };
  });
  const bar = new ProgressBar('timing');
  const pairs = pairsOf(models.length, settings, threads.length);
  let done = 0;
  const onPair = () => bar.update(++done, pairs);
  try {
    return await measureSpeeds(timed, settings, {
      ...options,
      levels,
      numSamples,
      threads,
      signal,
      onPair,
    });
  } finally {
    bar.clear();
  }
}

async function measureData(
  models: readonly BenchModel[],
  data: readonly BenchData[],
  speeds: readonly (readonly SpeedReport[])[],
  settings: readonly Setting[],
  options: BenchMergingOptions,
  signal: AbortSignal,
): Promise<{ accuracy: AccuracyReport[]; selection: SelectionReport[] }> {
  const trained = models.filter((model) => model.trained);
  const controls = { sigmas: options.controls ? options.sigma : [], prune: options.controls };
  const windows = data.reduce((sum, { validation, test }) => sum + validation.length + test.length, 0);
  const total = trained.length * windows * forecastsOf(settings, controls);
  const bar = new ProgressBar('forecasting');
  let done = 0;
  const onForecast = (count: number) => {
    done += count;
    bar.update(done, total);
  };
  const { quantiles: levels, samples: numSamples } = options;
  const run: AccuracyOptions = {
    ...options,
    ...controls,
    horizon: models[0]!.horizon,
    levels,
    numSamples,
    signal,
    onForecast,
  };
  const accuracy: AccuracyReport[] = [];
  const selection: SelectionReport[] = [];
  try {
    for (const set of data) {
      const measured: MeasuredModel[] = [];
      for (const model of trained) {
        const part = async (name: 'validation' | 'test'): Promise<AccuracyRow[]> => {
          const values = windowValues(set, name, model.context, model.horizon);
          const rows = await measureAccuracy(model.forecaster, values, settings, run);
          accuracy.push(accuracyReport(model.name, set.name, name, rows, controls.sigmas));
          return rows;
        };
        const { name, family } = model;
        const rates = primaryRates(speeds[models.indexOf(model)]!);
        measured.push({ name, family, validation: await part('validation'), test: await part('test'), speeds: rates });
      }
      const groups = set.test.map(({ start }) => start);
      selection.push(...chooseSettings(set.name, measured, { groups, ...options }));
    }
  } finally {
    bar.clear();
  }
  return { accuracy, selection };
}

/** Series a second by setting, with the threads that were given first. */
function primaryRates(rows: readonly SpeedReport[]): ReadonlyMap<string, number> {
  const own = rows.filter(({ threads }) => threads === rows[0]!.threads);
  return new Map(own.map(({ setting, seriesPerSecond }) => [setting, seriesPerSecond]));
}
