import { describe, expect, it } from 'vitest';
import { rmsNorm } from '../../../lib/ops/index.js';

const x = { data: Float32Array.of(3, -4, 0, 1, 2, -2), shape: [2, 3] };
const weight = { data: Float32Array.of(1, 2, 0.5), shape: [3] };
const gate = { data: Float32Array.of(0.5, -1, 2, 0, 3, -0.25), shape: [2, 3] };

/** In doubles, as written in the documentation. */
function byHand(before: boolean): number[] {
  const silu = Array.from(gate.data, (z) => z / (1 + Math.exp(-z)));
  return [0, 3].flatMap((row) => {
    const given = [0, 1, 2].map((i) => x.data[row + i]! * (before ? 1 : silu[row + i]!));
    const root = Math.sqrt(given.reduce((sum, value) => sum + value * value, 0) / 3 + 1e-5);
    return given.map((value, i) => (value / root) * weight.data[i]! * (before ? silu[row + i]! : 1));
  });
}

describe.each(['js', 'native'] as const)('gated rmsNorm on %s', (backend) => {
  it.each([true, false])('normBeforeGate %s', (normBeforeGate) => {
    const y = rmsNorm(x, weight, { gate, normBeforeGate, epsilon: 1e-5, backend });
    expect(y.shape).toEqual([2, 3]);
    // A handful of roundings, and 5 ULP of silu.
    for (const [i, value] of byHand(normBeforeGate).entries()) {
      expect(Math.abs(y.data[i]! - value)).toBeLessThanOrEqual(24 * 2 ** -24 * Math.abs(value));
    }
  });
  it('norms in groups', () => {
    const [wide, options] = [
      { data: x.data, shape: [1, 6] },
      { epsilon: 1e-5, backend },
    ];
    const twice = { data: Float32Array.of(1, 2, 0.5, 1, 2, 0.5), shape: [6] };
    const y = rmsNorm(wide, twice, { ...options, groups: 2 });
    expect(y).toEqual({ data: rmsNorm(x, weight, options).data, shape: [1, 6] });
    const run = () => rmsNorm(x, weight, { ...options, groups: 2 });
    expect(run).toThrow(expect.objectContaining({ code: 'ERR_INVALID_SHAPE' }));
  });
  it('norms first unless told otherwise, and refuses a gate of another shape', () => {
    const options = { gate, backend };
    expect(rmsNorm(x, weight, options)).toEqual(rmsNorm(x, weight, { ...options, normBeforeGate: true }));
    const short = { data: gate.data.slice(3), shape: [1, 3] };
    const run = () => rmsNorm(x, weight, { gate: short, backend });
    expect(run).toThrow(expect.objectContaining({ code: 'ERR_INVALID_SHAPE' }));
  });
});
