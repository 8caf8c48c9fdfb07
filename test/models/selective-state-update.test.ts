import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createBackend } from '../../lib/backend/select.js';
import { selectiveScan, selectiveStateUpdate, type Tensor } from '../../lib/ops/index.js';
import { backendsUnderTest } from './backends.js';
import { expectRows, fixture, readGoldenFile } from './goldens.js';

type Floats = Tensor<Float32Array>;

/** Steps one after the other against recorded runs of the official reference function. */
const folder = fixture('selective-scan', 'update');
describe.each(backendsUnderTest())('selective state update, $name', ({ options }) => {
  it.each(readdirSync(folder))('%s', async (file) => {
    const backend = await createBackend({ ...options, threads: 2 });
    const goldens = readGoldenFile(join(folder, file));
    const { softplus = false } = goldens.metadata('params') as { softplus?: boolean };
    const optional = (name: string) => (goldens.has(name) ? goldens.floats(name) : undefined);
    const [batch, channels, steps] = goldens.floats('x').shape as [number, number, number];
    const fixed = { A: goldens.floats('A'), D: optional('D'), deltaBias: optional('dt_bias'), deltaSoftplus: softplus };
    let state: Floats = goldens.floats('state');
    for (let i = 0; i < steps; i++) {
      const z = goldens.has('z') ? step(goldens.floats('z'), i) : undefined;
      const [u, delta] = [step(goldens.floats('x'), i), step(goldens.floats('dt'), i)];
      const [B, C] = [step(goldens.floats('B'), i), step(goldens.floats('C'), i)];
      const out = selectiveStateUpdate({ state, u, delta, z, B, C, ...fixed, backend });
      expectRows(`step ${i}`, out.y.data, step(goldens.floats('out'), i).data, channels, 1e-5);
      const scan = selectiveScan({
        ...{ u: longer(u), delta: longer(delta), z: z && longer(z), B: longer(B), C: longer(C) },
        ...{ ...fixed, initialState: state, backend },
      });
      expect(out).toEqual({ y: { data: scan.y.data, shape: [batch, channels] }, state: scan.lastState });
      state = out.state;
    }
    expectRows('state', state.data, goldens.floats('state_out').data, channels * state.shape[2]!, 1e-5);
    backend.dispose();
  });
});

/** Step i of the last axis. */
function step({ data, shape }: Floats, i: number): Floats {
  const length = shape.at(-1)!;
  return { data: data.filter((_, at) => at % length === i), shape: shape.slice(0, -1) };
}

/** As a sequence of one step. */
function longer({ data, shape }: Floats): Floats {
  return { data, shape: [...shape, 1] };
}

describe.each(['js', 'native'] as const)('selectiveStateUpdate on %s', (backend) => {
  const tensor = (shape: number[], ...data: number[]): Floats => ({ data: Float32Array.from(data), shape });
  const inputs = {
    state: tensor([1, 2, 1, 1], 4, 8),
    u: tensor([1, 2, 1], 1, 1),
    delta: tensor([1, 2, 1], 1, 1),
    A: tensor([2, 1, 1], -Math.LN2, -Math.LN2),
    B: tensor([1, 2, 1], 1, 2),
    C: tensor([1, 1], 3),
    backend,
  };
  it('takes heads with groups', () => {
    const { y, state } = selectiveStateUpdate(inputs);
    expect([y.shape, state.shape]).toEqual([
      [1, 2, 1],
      [1, 2, 1, 1],
    ]);
    expect(y.data[0]).toBeCloseTo(9, 5);
    expect(y.data[1]).toBeCloseTo(18, 5);
    expect(inputs.state.data[0]).toBe(4);
  });
  it('refuses a state of another shape, and groups that do not divide', () => {
    const refuse = (change: object) => () => selectiveStateUpdate({ ...inputs, ...change });
    const code = { code: 'ERR_INVALID_SHAPE' };
    expect(refuse({ state: tensor([1, 1, 2, 1], 4, 8) })).toThrow(expect.objectContaining(code));
    expect(refuse({ B: tensor([1, 3, 1], 1, 2, 3) })).toThrow(expect.objectContaining(code));
  });
});
