import type { BoundContext } from './case.js';
import { TINY, U } from './tolerance.js';

interface ScanSizes {
  readonly dInner: number;
  readonly dState: number;
  readonly groups: readonly [number, number];
  readonly deltaSoftplus: boolean;
  /** Of the step sizes; a clamp moves no two numbers apart. */
  readonly limits?: readonly [number, number];
}

/**
 * The error of a scan, carried along its recurrence beside the values: the rounding of delta and the stated errors of
 * softplus, exponential and silu (native/simd/math.h), four roundings of a state a step, of the sum one a state.
 */
export function scanBounds({ inputs, isa }: BoundContext, sizes: ScanSizes) {
  const { dInner, dState, groups, deltaSoftplus, limits = [-Infinity, Infinity] } = sizes;
  const unit = isa === 'baseline' ? 2 * U : U;
  const offsets = inputs.offsets!.data;
  const y = new Float64Array(inputs.u!.rows * dInner);
  const lastState = new Float64Array((offsets.length - 1) * dInner * dState);
  const factor = (name: 'B' | 'C', count: number) => (t: number, c: number, n: number) => {
    const { data } = inputs[name]!;
    if (count === 0) return data[c * dState + n]!;
    return data[(t * count + Math.floor((c * count) / dInner)) * dState + n]!;
  };
  const B = factor('B', groups[0]);
  const C = factor('C', groups[1]);
  for (let b = 0; b + 1 < offsets.length; b++) {
    for (let c = 0; c < dInner; c++) {
      const from = (b * dInner + c) * dState;
      const h = Float64Array.from({ length: dState }, (_, n) => inputs.initialState?.data[from + n] ?? 0);
      const error = lastState.subarray(from, from + dState);
      for (let t = offsets[b]!; t < offsets[b + 1]!; t++) {
        const u = inputs.u!.data[t * dInner + c]!;
        const [free, dtError] = step(
          inputs.delta!.data[t * dInner + c]! + (inputs.deltaBias?.data[c] ?? 0),
          deltaSoftplus,
          unit,
        );
        const dt = Math.min(Math.max(free, limits[0]), limits[1]);
        const skip = (inputs.D?.data[c] ?? 0) * u;
        let [sum, size, carried] = [skip, Math.abs(skip), 0];
        for (let n = 0; n < dState; n++) {
          const a = inputs.A!.data[c * dState + n]!;
          const decay = Math.exp(dt * a);
          const decayError =
            decay * Math.expm1(Math.abs(a) * dtError + 3 * unit * Math.abs(dt * a) + 3 * 2 * unit) + 4 * TINY;
          const [before, input] = [h[n]!, dt * u * B(t, c, n)];
          h[n] = decay * before + input;
          error[n] =
            (decay + decayError) * error[n]! +
            decayError * Math.abs(before) +
            Math.abs(u * B(t, c, n)) * dtError +
            3 * unit * (Math.abs(input) + Math.abs(decay * before)) +
            4 * TINY;
          sum += C(t, c, n) * h[n]!;
          size += Math.abs(C(t, c, n) * h[n]!);
          carried += Math.abs(C(t, c, n)) * error[n]!;
        }
        const sumError = carried + (dState + 4) * unit * (size + carried) + 4 * TINY;
        y[t * dInner + c] = gated(sum, sumError, inputs.z?.data[t * dInner + c], unit);
      }
    }
  }
  return { y, lastState };
}

function step(shifted: number, softplus: boolean, unit: number): [dt: number, error: number] {
  const rounding = unit * Math.abs(shifted);
  if (!softplus) return [shifted, rounding];
  const dt = shifted > 20 ? shifted : Math.log1p(Math.exp(shifted));
  const own = (4 + 1.25 * Math.max(0, -shifted)) * 2 * unit * dt;
  return [dt, rounding * Math.min(1, dt) + own + 4 * TINY];
}

function gated(sum: number, error: number, z: number | undefined, unit: number): number {
  if (z === undefined) return error;
  const gate = z / (1 + Math.exp(-z));
  const gateError = (5 + 1.25 * Math.max(0, -z)) * 2 * unit * Math.abs(gate) + 2 ** -118;
  return error * (Math.abs(gate) + gateError) + Math.abs(sum) * gateError + 2 * unit * Math.abs(sum * gate) + 4 * TINY;
}
