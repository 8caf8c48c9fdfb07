/*
 * Functions JavaScript lacks, in double precision.
 */

/** 1 - erf(x) with a relative error below 1e-13, also where erf is close to 1. */
export function erfc(x: number): number {
  if (Number.isNaN(x)) return x;
  if (x < 0) return 2 - erfc(-x);
  return x < 2 ? 1 - erfSeries(x) : erfcFraction(x);
}

/** erf(x) = 2/√π · exp(-x²) · Σ 2ⁿ x²ⁿ⁺¹ / (1·3·5·…·(2n+1)): only positive terms, so nothing cancels. */
function erfSeries(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; term > sum * 1e-17; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

/** The continued fraction of erfc for x ≥ 2: exp(-x²)/√π / (x + ½/(x + 1/(x + 3⁄2/(x + …)))). */
function erfcFraction(x: number): number {
  if (x > 30) return 0;
  let denominator = x;
  for (let n = 120; n >= 1; n--) denominator = x + n / 2 / denominator;
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / denominator;
}

/** 1 / (1 + exp(-x)) */
export function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

/** x · sigmoid(x), with its limit at -∞. */
export function silu(x: number): number {
  return x === -Infinity ? 0 : x * sigmoid(x);
}

/** log(1 + exp(x)) */
export function softplus(x: number): number {
  return x > 20 ? x : Math.log1p(Math.exp(x));
}
