import { type Change, mseChange } from '../../analysis/bootstrap.js';
import { type ForecastScores, scores, type WindowErrors, windowErrors } from '../../analysis/forecast-errors.js';
import { gaussianFilter } from '../../analysis/gaussian-filter.js';
import { TidemergeError } from '../../errors.js';
import type { QuantileForecasts } from '../../tasks/forecasts.js';
import type { WindowValues } from './data.js';
import type { Setting, SweptMerging } from './settings.js';

/** What is needed of a forecaster. */
export interface MergingForecaster {
  predictQuantiles(
    inputs: readonly Float64Array[],
    options: {
      readonly merging: SweptMerging | false;
      readonly predictionLength: number;
      readonly quantileLevels: readonly number[];
      readonly onError: 'throw';
      readonly signal: AbortSignal;
      readonly numSamples?: number | undefined;
      readonly seed: number;
    },
  ): Promise<Pick<QuantileForecasts, 'quantiles' | 'median'>>;
}

export interface AccuracyOptions {
  readonly horizon: number;
  readonly levels: readonly number[];
  /** Of the Gaussian control, in steps; empty together with `prune` false: no controls. */
  readonly sigmas: readonly number[];
  readonly prune: boolean;
  readonly numSamples?: number | undefined;
  readonly resamples: number;
  readonly seed: number;
  readonly signal: AbortSignal;
  readonly onForecast: (windows: number) => void;
}

/** A control in the place of merging, or on top of it. */
export interface ControlRow {
  readonly scores: ForecastScores;
  /** Against the unmerged forecast of the untouched input. */
  readonly change: Change;
}

export interface AccuracyRow extends ControlRow {
  readonly setting: Setting;
  readonly errors: readonly WindowErrors[];
  /** The A token dropped instead of averaged; undefined for the unmerged setting. */
  readonly prune: ControlRow | undefined;
  /** The setting applied to the filtered input, one for every sigma: the filter alone in the unmerged row. */
  readonly gaussian: readonly ControlRow[];
}

/** Runs every setting and its controls over the windows. The first setting is the unmerged one, and every change is against it. */
export async function measureAccuracy(
  forecaster: MergingForecaster,
  windows: WindowValues,
  settings: readonly Setting[],
  options: AccuracyOptions,
): Promise<AccuracyRow[]> {
  const filtered = options.sigmas.map((sigma) => windows.contexts.map((values) => gaussianFilter(values, sigma)));
  const rows: AccuracyRow[] = [];
  let reference: readonly WindowErrors[] | undefined;
  for (const setting of settings) {
    const run = async (contexts: readonly Float64Array[], merging: SweptMerging | false) => {
      const errors = await forecastErrors(forecaster, contexts, windows.targets, merging, options);
      options.onForecast(contexts.length);
      reference ??= errors;
      return { errors, scores: scores(errors), change: mseChange(errors, reference, windows.groups, options) };
    };
    const own = await run(windows.contexts, setting.merging);
    const pruned =
      options.prune && setting.merging && (await run(windows.contexts, { ...setting.merging, prune: true }));
    const gaussian: ControlRow[] = [];
    for (const contexts of filtered) gaussian.push(withoutErrors(await run(contexts, setting.merging)));
    rows.push({ setting, ...own, prune: pruned ? withoutErrors(pruned) : undefined, gaussian });
  }
  return rows;
}

/** Forecasts of a setting and its controls: what `measureAccuracy` will report to onForecast, times the windows. */
export function forecastsOf(
  settings: readonly Setting[],
  { sigmas, prune }: Pick<AccuracyOptions, 'sigmas' | 'prune'>,
): number {
  return settings.reduce((sum, { merging }) => sum + 1 + sigmas.length + (prune && merging ? 1 : 0), 0);
}

function withoutErrors({ scores, change }: ControlRow): ControlRow {
  return { scores, change };
}

async function forecastErrors(
  forecaster: MergingForecaster,
  contexts: readonly Float64Array[],
  targets: readonly Float64Array[],
  merging: SweptMerging | false,
  { horizon, levels, numSamples, seed, signal }: AccuracyOptions,
): Promise<WindowErrors[]> {
  const { median, quantiles } = await forecaster.predictQuantiles(contexts, {
    merging,
    predictionLength: horizon,
    quantileLevels: levels,
    onError: 'throw',
    numSamples,
    seed,
    signal,
  });
  const errors = targets.map((target, i) => {
    const from = i * horizon;
    const own = median.subarray(from, from + horizon);
    return windowErrors(
      target,
      own,
      quantiles.subarray(from * levels.length, (from + horizon) * levels.length),
      levels,
    );
  });
  const bad = errors.findIndex(({ squared, pinball }) => !Number.isFinite(squared + pinball));
  if (bad >= 0) throw new TidemergeError('ERR_BAD_DATA', `window ${bad}: expected a finite forecast, got another`);
  return errors;
}
