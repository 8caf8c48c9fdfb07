/** What one window says about a forecast. Steps without an observed target count nowhere. */
export interface WindowErrors {
  /** Observed target steps. */
  readonly steps: number;
  /** Sum of squared errors of the median. */
  readonly squared: number;
  /** Sum of absolute errors of the median. */
  readonly absolute: number;
  /** Sum over steps of twice the quantile loss, averaged over the levels. */
  readonly pinball: number;
  /** Sum of the absolute targets, which the weighted quantile loss is divided by. */
  readonly magnitude: number;
}

export interface ForecastScores {
  readonly mse: number;
  readonly mae: number;
  /** Weighted quantile loss: 2 Σ ρ_q(y, ŷ_q) / Σ |y|, averaged over the levels q. */
  readonly wql: number;
}

/**
 * Errors of one window.
 * @param target [horizon], NaN where missing
 * @param median [horizon]
 * @param quantiles [horizon, levels]
 */
export function windowErrors(
  target: ArrayLike<number>,
  median: ArrayLike<number>,
  quantiles: ArrayLike<number>,
  levels: readonly number[],
): WindowErrors {
  let [steps, squared, absolute, pinball, magnitude] = [0, 0, 0, 0, 0];
  for (let t = 0; t < target.length; t++) {
    const y = target[t]!;
    if (Number.isNaN(y)) continue;
    const error = y - median[t]!;
    steps++;
    squared += error * error;
    absolute += Math.abs(error);
    magnitude += Math.abs(y);
    for (const [l, level] of levels.entries()) {
      const gap = y - quantiles[t * levels.length + l]!;
      pinball += (2 * Math.max(level * gap, (level - 1) * gap)) / levels.length;
    }
  }
  return { steps, squared, absolute, pinball, magnitude };
}

/** Scores over windows: every observed step counts the same. */
export function scores(windows: readonly WindowErrors[]): ForecastScores {
  const total = (key: keyof WindowErrors) => windows.reduce((sum, window) => sum + window[key], 0);
  const steps = total('steps');
  return { mse: total('squared') / steps, mae: total('absolute') / steps, wql: total('pinball') / total('magnitude') };
}
