/*
 * The selective scan in plain JavaScript written to be fast: doubles, the exponential of exp.ts in line, states of one
 * channel side by side so that they stay in the first-level cache, channels in the outer loop.
 */

const STEPS = 64;
const PER_STEP = Math.LN2 / STEPS;
const INVERSE = STEPS / Math.LN2;
const LOWEST = -110 * INVERSE;
const LOWEST_POWER = -160;
const powers = Float64Array.from({ length: 1 - LOWEST_POWER }, (_, i) => 2 ** (i + LOWEST_POWER));
const fractions = Float64Array.from({ length: STEPS }, (_, j) => 2 ** (j / STEPS));

export interface ScanArrays {
  /** [length, dInner] */
  readonly u: Float32Array;
  readonly delta: Float32Array;
  readonly z: Float32Array;
  /** [dInner, dState], at most 0 */
  readonly A: Float32Array;
  /** [length, dState] */
  readonly B: Float32Array;
  readonly C: Float32Array;
  /** [dInner] */
  readonly D: Float32Array;
  readonly deltaBias: Float32Array;
}

/** y [length, dInner] of one sequence, with softplus. */
export function selectiveScan({ u, delta, z, A, B, C, D, deltaBias }: ScanArrays, y = new Float32Array(u.length)) {
  const dInner = D.length | 0;
  const dState = (A.length / dInner) | 0;
  const length = (u.length / dInner) | 0;
  const h = new Float64Array(dState);
  const exponents = new Float64Array(dState);
  for (let c = 0; c < dInner; c = (c + 1) | 0) {
    h.fill(0);
    for (let n = 0; n < dState; n++) exponents[n] = A[c * dState + n]! * INVERSE;
    const skip = D[c]!;
    const bias = deltaBias[c]!;
    for (let t = 0, at = c, row = 0; t < length; t = (t + 1) | 0, at = (at + dInner) | 0, row = (row + dState) | 0) {
      const shifted = delta[at]! + bias;
      const dt = shifted > 20 ? shifted : Math.log1p(Math.exp(shifted));
      const dtU = dt * u[at]!;
      let sum = skip * u[at]!;
      for (let n = 0; n < dState; n = (n + 1) | 0) {
        let x = dt * exponents[n]!;
        if (!(x > LOWEST)) x = LOWEST;
        const step = (((x + 65536.5) | 0) - 65536) | 0;
        const f = (x - step) * PER_STEP;
        const polynomial = 1 + f * (1 + f * (0.5 + f * (1 / 6)));
        const decay = powers[((step >> 6) - LOWEST_POWER) | 0]! * fractions[step & 63]! * polynomial;
        const next = decay * h[n]! + dtU * B[(row + n) | 0]!;
        h[n] = next;
        sum += next * C[(row + n) | 0]!;
      }
      const gate = z[at]!;
      y[at] = (sum * gate) / (1 + Math.exp(-gate));
    }
  }
  return y;
}
