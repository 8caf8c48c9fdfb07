import { describe, expect, it } from 'vitest';
import type { ErrorCode } from '../../../lib/errors.js';
import { type SelectiveScanInputs, selectiveScan, type Tensor } from '../../../lib/ops/index.js';
import { Random } from '../../parity/random.js';

type Floats = Tensor<Float32Array>;
const tensor = (shape: number[], ...data: number[]): Floats => ({ data: Float32Array.from(data), shape });
const random = new Random(11);
const noise = (...shape: number[]): Floats => ({ data: random.normals(shape.reduce((a, b) => a * b, 1)), shape });
const size = { batch: 2, dInner: 5, dState: 3, length: 7 };

function inputs(): SelectiveScanInputs {
  const { batch, dInner, dState, length } = size;
  const A = noise(dInner, dState);
  return {
    u: noise(batch, dInner, length),
    delta: noise(batch, dInner, length),
    A: { data: A.data.map((value) => -Math.abs(value)), shape: A.shape },
    B: noise(batch, dState, length),
    C: noise(batch, dState, length),
    z: noise(batch, dInner, length),
    deltaSoftplus: true,
  };
}

describe.each(['js', 'native'] as const)('selectiveScan on %s', (backend) => {
  it('computes what one does by hand', () => {
    // One channel, one state, exp(dt A) = 1/2: h = 1, 2.5 and y = 3 h + u.
    const out = selectiveScan({
      u: tensor([1, 1, 2], 1, 2),
      delta: tensor([1, 1, 2], 1, 1),
      A: tensor([1, 1], -Math.LN2),
      B: tensor([1, 1, 2], 1, 1),
      C: tensor([1, 1, 2], 3, 3),
      D: tensor([1], 1),
      backend,
    });
    expect(out.y.shape).toEqual([1, 1, 2]);
    expect(out.y.data[0]).toBeCloseTo(4, 5);
    expect(out.y.data[1]).toBeCloseTo(9.5, 5);
    expect(out.lastState.data[0]).toBeCloseTo(2.5, 5);
  });

  it('keeps a NaN in its own channel and sequence', () => {
    const given = inputs();
    const clean = selectiveScan({ ...given, backend });
    const u = given.u.data.slice() as Float32Array;
    u[1 * 35 + 2 * 7 + 3] = NaN; // sequence 1, channel 2, step 3
    const { y, lastState } = selectiveScan({ ...given, u: { data: u, shape: given.u.shape }, backend });
    for (const [i, value] of y.data.entries()) {
      const hit = i >= 35 + 2 * 7 + 3 && i < 35 + 3 * 7;
      expect(value, `y ${i}`).toBe(hit ? NaN : clean.y.data[i]);
    }
    for (const [i, value] of lastState.data.entries()) {
      expect(value, `state ${i}`).toBe(i >= 15 + 6 && i < 15 + 9 ? NaN : clean.lastState.data[i]);
    }
  });

  it('takes empty sequences and batches', () => {
    const { A } = inputs();
    const none = { B: noise(2, 3, 0), C: noise(2, 3, 0), A, backend };
    const initialState = noise(2, 5, 3);
    const out = selectiveScan({ u: noise(2, 5, 0), delta: noise(2, 5, 0), initialState, ...none });
    expect(out.lastState).toEqual(initialState);
    expect(out.y.shape).toEqual([2, 5, 0]);
    const empty = { u: noise(0, 5, 4), delta: noise(0, 5, 4), B: noise(0, 3, 4), C: noise(0, 3, 4), A, backend };
    expect(selectiveScan(empty).lastState.shape).toEqual([0, 5, 3]);
  });

  it.each<[string, Record<string, unknown>, ErrorCode, RegExp]>([
    ['other dState', { B: noise(2, 4, 7) }, 'ERR_INVALID_SHAPE', /^selectiveScan: B: expected shape \[2, 3, 7\]/],
    ['groups that do not divide', { C: noise(2, 2, 3, 7) }, 'ERR_INVALID_SHAPE', /C: .*divides 5 channels, got 2/],
    ['another length', { delta: noise(2, 5, 6) }, 'ERR_INVALID_SHAPE', /delta: expected shape \[2, 5, 7\]/],
    ['a state of another shape', { initialState: noise(2, 3, 5) }, 'ERR_INVALID_SHAPE', /initialState/],
    ['a negative length', { u: { data: new Float32Array(0), shape: [2, 5, -1] } }, 'ERR_INVALID_SHAPE', /u: /],
    ['no A', { A: undefined }, 'ERR_INVALID_ARGUMENT', /A: expected \{ data, shape \}, got undefined/],
    ['whole numbers', { D: { data: new Int32Array(5), shape: [5] } }, 'ERR_INVALID_DTYPE', /D: /],
    ['the other layout', { layout: 'channelsLast' }, 'ERR_INVALID_SHAPE', /A: expected shape \[7, any\]/],
    ['an unknown layout', { layout: 'nhwc' }, 'ERR_INVALID_ARGUMENT', /layout/],
    ['no states', { A: noise(5, 0) }, 'ERR_INVALID_SHAPE', /at least one/],
    ['a bias for other channels', { deltaBias: noise(4) }, 'ERR_INVALID_SHAPE', /deltaBias/],
    ['no truth value', { deltaSoftplus: 1 }, 'ERR_INVALID_ARGUMENT', /softplus/i],
  ])('refuses %s', (_, change, code, message) => {
    const run = () => selectiveScan({ ...inputs(), ...change, backend } as SelectiveScanInputs);
    expect(run).toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) }));
  });

  it('refuses numbers of groups that do not go together', () => {
    const four = { u: noise(1, 6, 2), delta: noise(1, 6, 2), A: noise(6, 3), backend };
    const run = () => selectiveScan({ ...four, B: noise(1, 2, 3, 2), C: noise(1, 3, 3, 2) });
    expect(run).toThrow(expect.objectContaining({ code: 'ERR_INVALID_SHAPE' }));
  });
});

it('gives the same bits in a batch, alone, and on any number of threads', async () => {
  const { createBackend } = await import('../../../lib/backend/select.js');
  const given = { u: noise(2, 150, 40), delta: noise(2, 150, 40), B: noise(2, 16, 40), C: noise(2, 16, 40) };
  const A = { data: noise(150, 16).data.map((value) => -Math.abs(value)), shape: [150, 16] };
  const results = await Promise.all(
    [1, 2, 3].map(async (threads) => {
      const backend = await createBackend({ backend: 'native', threads });
      const out = selectiveScan({ ...given, A, backend });
      backend.dispose();
      return out;
    }),
  );
  expect(results[1]).toEqual(results[0]);
  expect(results[2]).toEqual(results[0]);
  const second = ({ data, shape }: Floats): Floats => ({
    data: data.slice(data.length / 2),
    shape: [1, ...shape.slice(1)],
  });
  const alone = selectiveScan({
    u: second(given.u),
    delta: second(given.delta),
    B: second(given.B),
    C: second(given.C),
    A,
  });
  expect(alone.y.data).toEqual(second(results[0]!.y).data);
});
