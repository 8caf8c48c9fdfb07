import { writeFileSync } from 'node:fs';
import { basename, extname } from 'node:path';
import { TidemergeError } from '../errors.js';
import { type ForecastSeries, readSeries, type SeriesTable, type TableFormat, writeForecasts } from '../io/index.js';
import type { TextEncodingName } from '../io/text-encoding.js';
import { Forecaster } from '../tasks/forecaster.js';
import type { ForecastWarning, SeriesForecast } from '../tasks/forecasts.js';
import { type FanChart, fanChart } from './chart.js';
import { EXIT } from './exit-codes.js';
import { type MergeChart, mergeSvg } from './merge-svg.js';
import { type MergingCommandOptions, mergingOptions } from './merging.js';
import { OutputFile } from './output-file.js';
import { plotSvg } from './plot-svg.js';
import { plotTerminal } from './plot-terminal.js';
import { ProgressBar } from './progress.js';
import { timeAxis } from './time-axis.js';

/** The command's options, as commander hands them over. */
export interface ForecastCommandOptions extends MergingCommandOptions {
  readonly model: string;
  readonly horizon?: number;
  readonly quantiles: number[];
  readonly context?: number;
  readonly id?: string;
  readonly time?: string;
  readonly target?: string;
  readonly sort?: boolean;
  readonly freq?: string;
  readonly encoding?: TextEncodingName;
  readonly samples?: number;
  readonly seed?: number;
  readonly threads?: number;
  readonly dtype: 'float32' | 'bfloat16';
  readonly isa?: string;
  readonly batchSize?: number;
  readonly format: TableFormat;
  readonly plot?: readonly ('terminal' | 'svg')[];
  readonly output?: string;
}

/** Series handed to the model at a time: progress is told and results are written after each share. */
const SHARE = 256;
const MAX_CHARTS = { terminal: 3, svg: 24 } as const;

const say = (text: string) => process.stderr.write(`${text}\n`);

/** Runs `tidemerge forecast` and returns the process's exit code. */
export async function forecast(path: string, options: ForecastCommandOptions, signal: AbortSignal): Promise<number> {
  const table = await readSeries(path, seriesOptions(options));
  for (const warning of table.warnings) say(`warning: ${warning}`);
  if (table.ids.length === 0)
    throw new TidemergeError('ERR_BAD_DATA', `${path}: expected at least one series, got none`);

  const forecaster = await Forecaster.fromPretrained(options.model, {
    dtype: options.dtype,
    threads: options.threads,
    isa: options.isa,
    merging: mergingOptions(options),
    signal,
  });
  try {
    const run = new Run(table, forecaster, options, signal);
    await run.write();
    run.plot(path);
    return run.exitCode();
  } finally {
    await forecaster.dispose();
  }
}

function seriesOptions({ id, time, target, sort, freq, encoding }: ForecastCommandOptions) {
  return Object.fromEntries(
    Object.entries({ id, time, target, sort, freq, encoding }).filter(([, value]) => value !== undefined),
  );
}

class Run {
  readonly #table: SeriesTable;
  readonly #forecaster: Forecaster;
  readonly #options: ForecastCommandOptions;
  readonly #signal: AbortSignal;
  readonly #horizon: number;
  readonly #charts: FanChart[] = [];
  readonly #mergeCharts: MergeChart[] = [];
  readonly #warnings = new Set<string>();
  #failed = 0;

  constructor(table: SeriesTable, forecaster: Forecaster, options: ForecastCommandOptions, signal: AbortSignal) {
    this.#table = table;
    this.#forecaster = forecaster;
    this.#options = options;
    this.#signal = signal;
    this.#horizon = options.horizon ?? forecaster.predictionLength;
  }

  /** Forecasts share by share and writes every row as soon as it is known. */
  async write(): Promise<void> {
    const { format, quantiles, output, id, time } = this.#options;
    const file = output === undefined || output === '-' ? undefined : new OutputFile(output);
    try {
      await writeForecasts(this.#forecasts(), file?.stream ?? process.stdout, {
        format,
        quantileLevels: quantiles,
        mean: this.#forecaster.kind === 'samples',
        ...(id !== undefined && { idColumn: id }),
        ...(time !== undefined && { timeColumn: time }),
      });
    } catch (error) {
      file?.discard();
      throw error;
    }
    await file?.commit();
  }

  async *#forecasts(): AsyncGenerator<ForecastSeries> {
    const { ids } = this.#table;
    const bar = new ProgressBar('forecasting');
    try {
      for (let begin = 0; begin < ids.length; begin += SHARE) {
        yield* await this.#share(begin, Math.min(ids.length, begin + SHARE), bar);
      }
    } finally {
      bar.clear();
    }
  }

  async #share(begin: number, end: number, bar: ProgressBar): Promise<ForecastSeries[]> {
    const { quantiles: levels, context, samples, seed, batchSize } = this.#options;
    const ids = this.#table.ids.slice(begin, end);
    const values = this.#table.values.slice(begin, end);
    const seen =
      context === undefined ? values : values.map((series) => series.subarray(Math.max(0, series.length - context)));
    const result = await this.#forecaster.predictQuantiles(seen, {
      predictionLength: this.#horizon,
      quantileLevels: levels,
      ids,
      numSamples: samples,
      seed,
      batchSize,
      signal: this.#signal,
      onProgress: ({ done }) => bar.update(begin + done, this.#table.ids.length),
    });
    bar.clear();
    this.#warn(result.warnings, ids);
    for (const [i, trace] of result.trace?.entries() ?? []) {
      if (!trace || this.#mergeCharts.length === MAX_CHARTS.svg) continue;
      const looked = seen[i]!.subarray(Math.max(0, seen[i]!.length - this.#forecaster.contextLength));
      this.#mergeCharts.push({ title: ids[i]!, values: looked, trace });
    }
    return values.flatMap((series, i) => this.#row(begin + i, series, result.series(i)) ?? []);
  }

  /** One series' rows of the table, and its chart; undefined if it failed. */
  #row(index: number, values: Float64Array, result: SeriesForecast): ForecastSeries | undefined {
    const id = this.#table.ids[index]!;
    if (result.error) {
      this.#failed++;
      say(`series '${id}' failed: ${result.error.message}`);
      return undefined;
    }
    const levels = this.#options.quantiles;
    const quantiles = levels.map((level) => result.quantiles[String(level)]!);
    const timeAt = timeAxis(this.#table.times?.[index]);
    if (this.#options.plot && this.#charts.length < MAX_CHARTS.svg) {
      this.#charts.push(fanChart({ id, values, levels, quantiles, median: result.median, timeAt }));
    }
    const times = Array.from({ length: this.#horizon }, (_, step) => timeAt(values.length + step));
    return { id, times, quantiles, ...(result.mean && { mean: result.mean }) };
  }

  /** What holds for the whole call is told once, not with every share. */
  #warn(warnings: readonly ForecastWarning[], ids: readonly string[]): void {
    for (const { message, series } of warnings) {
      const named = series?.slice(0, 5).map((i) => `'${ids[i]}'`);
      const more = series && series.length > 5 ? ` and ${series.length - 5} more` : '';
      const text = named ? `${message}: ${named.join(', ')}${more}` : message;
      if (!this.#warnings.has(text)) say(`warning: ${text}`);
      this.#warnings.add(text);
    }
  }

  /** Charts are not data: the terminal's go to stderr, the SVG beside the table. */
  plot(source: string): void {
    const kinds = this.#options.plot ?? [];
    if (kinds.includes('terminal')) {
      const width = Math.min(110, process.stderr.columns ?? 88);
      const color = process.stderr.isTTY === true && process.env.NO_COLOR === undefined;
      for (const chart of this.#charts.slice(0, MAX_CHARTS.terminal)) {
        say(plotTerminal(chart, { width, height: 16, color }));
      }
      this.#tellRest(MAX_CHARTS.terminal);
    }
    const { output } = this.#options;
    const base = output !== undefined && output !== '-' ? output : `${basename(source, extname(source))}_forecast`;
    const write = (ending: string, svg: string) => {
      const path = `${base.slice(0, base.length - extname(base).length)}${ending}`;
      writeFileSync(path, svg);
      say(`wrote ${path}`);
      this.#tellRest(MAX_CHARTS.svg);
    };
    if (kinds.includes('svg') && this.#charts.length > 0) write('.svg', plotSvg(this.#charts));
    if (this.#mergeCharts.length > 0) write('_merging.svg', mergeSvg(this.#mergeCharts));
    if (output !== undefined && output !== '-') say(`wrote ${output}`);
  }

  #tellRest(limit: number): void {
    const drawable = this.#table.ids.length - this.#failed;
    if (drawable > limit) say(`(charts of the first ${limit} of ${drawable} series)`);
  }

  exitCode(): number {
    if (this.#failed === 0) return EXIT.ok;
    say(`${this.#failed} of ${this.#table.ids.length} series failed`);
    return this.#failed === this.#table.ids.length ? EXIT.badData : EXIT.someSeriesFailed;
  }
}
