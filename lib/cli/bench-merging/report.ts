import type { Change } from '../../analysis/bootstrap.js';
import type { ForecastScores } from '../../analysis/forecast-errors.js';
import type { Way } from '../../analysis/selection.js';
import type { AccuracyRow, ControlRow } from './accuracy.js';
import type { BenchData } from './data.js';

/** What the command found, as `--json` writes it. `schemaVersion` changes when a field changes its meaning or goes. */
export interface MergingReport {
  readonly schemaVersion: 1;
  readonly date: string;
  readonly tidemerge: string;
  readonly machine: { readonly cpu: string; readonly cores: number; readonly node: string; readonly isa: string };
  readonly options: Readonly<Record<string, unknown>>;
  readonly models: readonly ModelReport[];
  readonly data: readonly DataReport[];
  readonly accuracy: readonly AccuracyReport[];
  readonly selection: readonly SelectionReport[];
}

export interface ModelReport {
  readonly name: string;
  readonly directory: string;
  readonly family: string;
  /** False: its weights are random or unknown, so that only its speed is measured. */
  readonly trained: boolean;
  /** Values of context and steps of forecast it was given. */
  readonly context: number;
  readonly horizon: number;
  readonly speed: readonly SpeedReport[];
}

export interface SpeedReport {
  readonly setting: string;
  readonly threads: number;
  /** Mean tokens of a series entering each layer of the merging stack, and those that leave the last one. */
  readonly tokens: readonly number[];
  /** Floating-point operations of one series, a multiply-add being two. */
  readonly flops: number | undefined;
  /** Milliseconds of a call with `options.batch` series. */
  readonly milliseconds: number;
  /** The unmerged rate of the model times the speed-up, so that all settings rest on one rate. */
  readonly seriesPerSecond: number;
  /** Against the unmerged setting with as many threads: median and quartiles of the rounds. */
  readonly speedup: { readonly median: number; readonly low: number; readonly high: number };
}

export interface DataReport {
  readonly name: string;
  readonly path: string;
  readonly series: number;
  readonly split: BenchData['split'];
  /** Windows, and different times at which they start: the units of the bootstrap. */
  readonly windows: Readonly<Record<'validation' | 'test', { readonly count: number; readonly starts: number }>>;
}

export interface ScoreReport {
  readonly scores: ForecastScores;
  /** Relative to the unmerged setting: the MSE with its interval, the others without. */
  readonly change: { readonly mse: Change; readonly mae: number; readonly wql: number };
}

export interface AccuracyReport {
  readonly model: string;
  readonly data: string;
  readonly part: 'validation' | 'test';
  readonly rows: readonly (ScoreReport & {
    readonly setting: string;
    readonly prune: ScoreReport | undefined;
    readonly gaussian: readonly (ScoreReport & { readonly sigma: number })[];
  })[];
}

export interface SelectionReport {
  readonly data: string;
  readonly way: Way;
  readonly family: string;
  readonly models: readonly string[];
  /** Instead of choices: why there are none. */
  readonly note?: string;
  readonly choices: readonly ChoiceReport[];
}

export interface ChoiceReport {
  readonly rule: 'best' | 'fastest';
  readonly reference: { readonly model: string; readonly setting: string; readonly testMse: number };
  /** Undefined: the rule allows none. */
  readonly choice:
    | {
        readonly model: string;
        readonly setting: string;
        readonly speedup: number;
        readonly validationChange: number;
        readonly testMse: number;
        readonly testChange: Change;
      }
    | undefined;
}

export function accuracyReport(
  model: string,
  data: string,
  part: 'validation' | 'test',
  rows: readonly AccuracyRow[],
  sigmas: readonly number[],
): AccuracyReport {
  const reference = rows[0]!.scores;
  const score = ({ scores, change }: ControlRow): ScoreReport => ({
    scores,
    change: { mse: change, mae: scores.mae / reference.mae - 1, wql: scores.wql / reference.wql - 1 },
  });
  return {
    model,
    data,
    part,
    rows: rows.map((row) => ({
      setting: row.setting.name,
      ...score(row),
      prune: row.prune && score(row.prune),
      gaussian: row.gaussian.map((control, i) => ({ sigma: sigmas[i]!, ...score(control) })),
    })),
  };
}

export function dataReport({ name, path, series, split, validation, test }: BenchData): DataReport {
  const count = (windows: BenchData['test']) => ({
    count: windows.length,
    starts: new Set(windows.map(({ start }) => start)).size,
  });
  return { name, path, series: series.length, split, windows: { validation: count(validation), test: count(test) } };
}
