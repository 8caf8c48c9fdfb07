/** Beyond that many deviations a weight is below 4e-4 of the middle one. */
const REACH = 4;

/**
 * Convolves a series with a Gaussian of deviation `sigma` steps (local-merging paper, figure 5: the control that
 * smooths the input instead of merging its tokens).
 *
 * The kernel ends after four deviations. At both ends of the series, and around missing values, it is cut and its
 * weights are scaled to a sum of 1: nothing outside the series is looked at. Missing values stay missing. `sigma` 0
 * copies.
 */
export function gaussianFilter(values: Float64Array, sigma: number): Float64Array {
  if (!(sigma > 0)) return values.slice();
  const reach = Math.ceil(REACH * sigma);
  const weights = Float64Array.from({ length: reach + 1 }, (_, i) => Math.exp(-0.5 * (i / sigma) ** 2));
  return values.map((value, at) => {
    if (Number.isNaN(value)) return value;
    let sum = 0;
    let total = 0;
    for (let i = Math.max(0, at - reach); i <= Math.min(values.length - 1, at + reach); i++) {
      if (Number.isNaN(values[i])) continue;
      const weight = weights[Math.abs(i - at)]!;
      sum += weight * values[i]!;
      total += weight;
    }
    return sum / total;
  });
}
