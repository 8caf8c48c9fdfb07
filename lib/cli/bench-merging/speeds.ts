import type { Forecaster } from '../../tasks/forecaster.js';
import type { MergingForecaster } from './accuracy.js';
import { type BenchModel, type LoadSettings, load } from './models.js';
import type { SpeedReport } from './report.js';
import { type Setting, UNMERGED } from './settings.js';
import { interleave, type PairTimes, type SpeedOptions } from './speed.js';

export interface SpeedsOptions extends SpeedOptions, Omit<LoadSettings, 'threads'> {
  /** The first one is that of the models given. */
  readonly threads: readonly (number | undefined)[];
  readonly levels: readonly number[];
  readonly numSamples: number | undefined;
  readonly seed: number;
  readonly onPair: () => void;
}

const ALONE = { median: 1, low: 1, high: 1 } as const;

/**
 * Times every setting of every model in turns with the model unmerged, and every model unmerged in turns with the first
 * one: all rates are multiples of one measured rate, so that noise between measurements does not tell them apart.
 *
 * @param contexts by model: the series of one call
 */
export async function measureSpeeds(
  models: readonly BenchModel[],
  contexts: readonly (readonly Float64Array[])[],
  settings: readonly Setting[],
  options: SpeedsOptions,
): Promise<SpeedReport[][]> {
  const reports: SpeedReport[][] = models.map(() => []);
  for (const [t, threads] of options.threads.entries()) {
    const forecasters = t === 0 ? models.map(({ forecaster }) => forecaster) : await reload(models, threads, options);
    try {
      const call =
        (m: number, { merging }: Setting) =>
        () =>
          (forecasters[m] as MergingForecaster).predictQuantiles(contexts[m]!, {
            merging,
            predictionLength: models[m]!.horizon,
            quantileLevels: options.levels,
            onError: 'throw',
            numSamples: options.numSamples,
            seed: options.seed,
            signal: options.signal,
          });
      const pair = async (a: () => Promise<unknown>, b: () => Promise<unknown>): Promise<PairTimes> => {
        const times = await interleave(a, b, options);
        options.onPair();
        return times;
      };
      let first: number | undefined;
      for (const m of models.keys()) {
        const { reference, speedup } = await pair(call(0, UNMERGED), call(m, UNMERGED));
        first ??= (1e3 * contexts[0]!.length) / reference;
        const rate = m === 0 ? first : first * speedup.median * (contexts[m]!.length / contexts[0]!.length);
        for (const setting of settings) {
          const own = setting.merging && (await pair(call(m, UNMERGED), call(m, setting)));
          const gain = own ? own.speedup : ALONE;
          reports[m]!.push({
            setting: setting.name,
            threads: forecasters[m]!.backend.threads,
            tokens: undefined,
            flops: undefined,
            milliseconds: own ? own.other : (1e3 * contexts[m]!.length) / rate,
            seriesPerSecond: rate * gain.median,
            speedup: gain,
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

async function reload(
  models: readonly BenchModel[],
  threads: number | undefined,
  options: Omit<LoadSettings, 'threads'>,
): Promise<Forecaster[]> {
  const forecasters: Forecaster[] = [];
  for (const { directory } of models) forecasters.push(await load(directory, { ...options, threads }));
  return forecasters;
}
