/** What a fan chart shows of one series: the end of its history and its forecast, on one time axis. */
export interface FanChart {
  readonly title: string;
  /** NaN where a value is missing. */
  readonly history: ArrayLike<number>;
  readonly historyTimes: readonly [first: string, last: string];
  readonly lastForecastTime: string;
  readonly median: ArrayLike<number>;
  /** Widest first; each a lower and an upper quantile of the forecast. */
  readonly bands: readonly Band[];
}

export interface Band {
  readonly label: string;
  readonly lower: ArrayLike<number>;
  readonly upper: ArrayLike<number>;
}

/** How much history stands beside a forecast of `horizon` steps: enough to see a few seasons, never all of it. */
export function visibleHistory(length: number, horizon: number): number {
  return Math.min(length, Math.max(3 * horizon, 48));
}

/** One forecast series, as a chart needs it. */
export interface ChartInput {
  readonly id: string;
  /** The observed values; NaN where missing. */
  readonly values: Float64Array;
  readonly levels: readonly number[];
  /** One array of the horizon's length per level. */
  readonly quantiles: readonly Float32Array[];
  readonly median: Float32Array;
  /** The time of a step, counted from the first observed value; steps after the last one lie in the future. */
  timeAt(step: number): string;
}

/** Chooses what to draw: the median, and a band for each pair of quantile levels that lie symmetrically around it. */
export function fanChart({ id, values, levels, quantiles, median, timeAt }: ChartInput): FanChart {
  const horizon = median.length;
  const shown = visibleHistory(values.length, horizon);
  const start = values.length - shown;
  const bands: (Band & { coverage: number })[] = [];
  levels.forEach((level, index) => {
    const mirror = levels.findIndex((other) => Math.abs(other - (1 - level)) < 1e-6);
    const lower = quantiles[index];
    const upper = quantiles[mirror];
    if (level > 0.5 - 1e-6 || !lower || !upper) return;
    const coverage = Math.round((1 - 2 * level) * 100);
    bands.push({ coverage, label: `${coverage} %`, lower, upper });
  });
  bands.sort((a, b) => b.coverage - a.coverage);
  return {
    title: id,
    history: values.subarray(start),
    historyTimes: [timeAt(start), timeAt(Math.max(start, values.length - 1))],
    lastForecastTime: timeAt(values.length + horizon - 1),
    median,
    bands,
  };
}

/** The range of everything finite in the chart; a flat or empty chart gets a range of its own around its level. */
export function valueRange(chart: FanChart): [low: number, high: number] {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  const curves = [chart.history, chart.median, ...chart.bands.flatMap((band) => [band.lower, band.upper])];
  for (const curve of curves) {
    for (let i = 0; i < curve.length; i++) {
      const value = curve[i] as number;
      if (!Number.isFinite(value)) continue;
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  }
  if (low > high) return [-1, 1];
  if (low === high) {
    const margin = Math.abs(low) * 0.05 || 1;
    return [low - margin, high + margin];
  }
  return [low, high];
}

/** Round numbers, about `count` of them, inside [low, high]. */
export function ticks(low: number, high: number, count: number): number[] {
  const rough = (high - low) / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10);
  const result: number[] = [];
  const first = Math.ceil(low / step);
  for (let i = first; i * step <= high + step * 1e-9 && result.length < 50; i++) result.push(i * step);
  return result;
}

/** A number as an axis label: as short as the distance between labels allows. */
export function axisLabel(value: number, step: number): string {
  if (value !== 0 && (Math.abs(value) >= 1e7 || Math.abs(step) < 1e-5)) return value.toExponential(2);
  const digits = Math.max(0, Math.min(6, -Math.floor(Math.log10(step || 1) + 1e-9)));
  return value.toFixed(digits);
}
