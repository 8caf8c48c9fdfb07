/*
 * exp for arguments <= 0 in plain JavaScript, three times as fast as Math.exp: x = (64 n + j) ln 2 / 64 + f, then
 * 2^n and 2^(j / 64) from tables and a polynomial for exp(f). Correct to the last bit or so of float32.
 */

const STEPS = 64;
const PER_STEP = Math.LN2 / STEPS;
/** exp(x) is 0 in float32 from about -104 on. */
const LOWEST = -110 / PER_STEP;
const LOWEST_POWER = -160;
const powers = Float64Array.from({ length: 1 - LOWEST_POWER }, (_, i) => 2 ** (i + LOWEST_POWER));
const fractions = Float64Array.from({ length: STEPS }, (_, j) => 2 ** (j / STEPS));

/** to[i] = exp(from[i] - shift) for rows inside larger arrays; returns their sum. `shift` is at least every element. */
export function expRow(from: Float32Array, to: Float32Array, start: number, length: number, shift: number): number {
  let sum = 0;
  for (let i = start, end = (start + length) | 0; i < end; i = (i + 1) | 0) {
    let t = (from[i]! - shift) / PER_STEP;
    if (!(t > LOWEST)) t = LOWEST;
    const step = (((t + 65536.5) | 0) - 65536) | 0;
    const f = (t - step) * PER_STEP;
    const polynomial = 1 + f * (1 + f * (0.5 + f * (1 / 6)));
    const e = powers[((step >> 6) - LOWEST_POWER) | 0]! * fractions[step & 63]! * polynomial;
    to[i] = e;
    sum += e;
  }
  return sum;
}
