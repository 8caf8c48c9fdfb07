import { describe, expect, it } from 'vitest';
import type { ErrorCode } from '../../../lib/errors.js';
import { type SsdScanInputs, selectiveScan, ssdScan, type Tensor } from '../../../lib/ops/index.js';
import { Random } from '../../parity/random.js';

type Floats = Tensor<Float32Array>;
const tensor = (shape: number[], ...data: number[]): Floats => ({ data: Float32Array.from(data), shape });
const random = new Random(12);
const noise = (...shape: number[]): Floats => ({ data: random.normals(shape.reduce((a, b) => a * b, 1)), shape });
const [batch, length, heads, headDim, groups, dState] = [2, 7, 4, 3, 2, 5];

function inputs() {
  return {
    x: noise(batch, length, heads, headDim),
    dt: noise(batch, length, heads),
    A: { data: random.normals(heads).map((value) => -Math.abs(value)), shape: [heads] },
    B: noise(batch, length, groups, dState),
    C: noise(batch, length, groups, dState),
    D: noise(heads),
    z: noise(batch, length, heads, headDim),
    dtBias: noise(heads),
    dtSoftplus: true,
  } satisfies SsdScanInputs;
}

/** Every number `count` times over. */
function repeated({ data }: Floats, count: number, ...shape: number[]): Floats {
  return { data: Float32Array.from({ length: data.length * count }, (_, i) => data[Math.floor(i / count)]!), shape };
}

describe.each(['js', 'native'] as const)('ssdScan on %s', (backend) => {
  it('computes what one does by hand', () => {
    // One head of two channels, one state, exp(dt A) = 1/2: s = x, then x / 2 + x.
    const one = (...data: number[]) => tensor([1, 2, 1, 1], ...data);
    const out = ssdScan({
      x: tensor([1, 2, 1, 2], 1, 2, 1, 2),
      dt: tensor([1, 2, 1], 5, 0.5),
      A: tensor([1], -Math.LN2),
      ...{ B: one(1, 1), C: one(3, 3), D: tensor([1], 1), dtLimit: [1, 1], backend },
    });
    for (const [i, value] of [4, 8, 5.5, 11].entries()) expect(out.y.data[i]).toBeCloseTo(value, 5);
    expect(out.lastState.data[1]).toBeCloseTo(3, 5);
  });

  it('is the scan of channels with step size and decay of their own', () => {
    const { x, dt, A, B, C, D, z, dtBias } = inputs();
    const channels = heads * headDim;
    const sequence = (data: Float32Array) => ({ data, shape: [batch, length, channels] });
    const scan = selectiveScan({
      ...{ u: sequence(x.data), z: sequence(z.data), delta: repeated(dt, headDim, batch, length, channels) },
      ...{ A: repeated(A, headDim * dState, channels, dState), B, C, D: repeated(D, headDim, channels) },
      ...{ deltaBias: repeated(dtBias, headDim, channels), deltaSoftplus: true, layout: 'channelsLast', backend },
    });
    const out = ssdScan({ x, dt, A, B, C, D, z, dtBias, dtSoftplus: true, backend });
    expect(out.y).toEqual({ data: scan.y.data, shape: [batch, length, heads, headDim] });
    expect(out.lastState).toEqual({ data: scan.lastState.data, shape: [batch, heads, headDim, dState] });
    const full = ssdScan({
      x,
      dt,
      A,
      B,
      C,
      D: repeated(D, headDim, heads, headDim),
      z,
      dtBias,
      dtSoftplus: true,
      backend,
    });
    expect(full).toEqual(out);
  });

  it('goes on from a state', () => {
    const given = inputs();
    const part = (from: number, to: number) => {
      const cut = ({ data, shape }: Floats) => {
        const width = data.length / (batch * length);
        const kept = data.filter(
          (_, i) => Math.floor(i / width) % length >= from && Math.floor(i / width) % length < to,
        );
        return { data: kept, shape: [batch, to - from, ...shape.slice(2)] };
      };
      return {
        ...given,
        x: cut(given.x),
        dt: cut(given.dt),
        B: cut(given.B),
        C: cut(given.C),
        z: cut(given.z),
        backend,
      };
    };
    const first = ssdScan(part(0, 3));
    const second = ssdScan({ ...part(3, length), initialState: first.lastState });
    const { lastState } = ssdScan({ ...given, backend });
    // The reference computes in doubles, so handing on rounds its state; it decays, and both results are rounded.
    const carried = first.lastState.data.reduce((most, value) => Math.max(most, Math.abs(value)), 0) * 2 ** -24;
    for (const [i, value] of lastState.data.entries()) {
      const slack = backend === 'js' ? carried + 2 ** -23 * Math.abs(value) : 0;
      expect(Math.abs(second.lastState.data[i]! - value)).toBeLessThanOrEqual(slack);
    }
  });

  it.each<[string, Partial<SsdScanInputs>, ErrorCode]>([
    ['x', { x: noise(batch, length, heads * headDim) }, 'ERR_INVALID_SHAPE'],
    ['dt', { dt: noise(batch, length, heads * headDim) }, 'ERR_INVALID_SHAPE'],
    ['A', { A: noise(heads, dState) }, 'ERR_INVALID_SHAPE'],
    ['groups', { B: noise(batch, length, 3, dState), C: noise(batch, length, 3, dState) }, 'ERR_INVALID_SHAPE'],
    ['C', { C: noise(batch, length, 1, dState) }, 'ERR_INVALID_SHAPE'],
    ['D', { D: noise(heads, dState) }, 'ERR_INVALID_SHAPE'],
    ['dtLimit', { dtLimit: [1, 0] }, 'ERR_INVALID_ARGUMENT'],
    ['initialState', { initialState: noise(batch, heads, dState) }, 'ERR_INVALID_SHAPE'],
  ])('refuses %s', (name, change, code) => {
    const run = () => ssdScan({ ...inputs(), ...change, backend });
    expect(run).toThrow(expect.objectContaining({ code, message: expect.stringContaining(name) }));
  });
});
