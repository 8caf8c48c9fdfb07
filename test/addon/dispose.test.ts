import { describe, expect, it } from 'vitest';
import { createNativeBackend } from '../../lib/backend/native.js';
import { int32 } from '../../lib/tensor/tensor.js';
import { column, counted, doubling, ENDLESS, later } from './programs.js';

const weight = {
  name: 'w',
  kind: 'matrix',
  dtype: 'float32',
  shape: [8, 4],
  data: new Float32Array(32),
} as const;

describe('dispose', () => {
  it.each([0, 10])('of a session ends its runs (after %i ms)', async (wait) => {
    const backend = createNativeBackend({ threads: 2 });
    const program = doubling(backend);
    const [session, other] = [program.createSession(), program.createSession()];
    const running = session.run({ x: counted(100), count: int32(ENDLESS) });
    const queued = session.run({ x: column(1), count: int32(1) });
    const foreign = other.run({ x: column(1), count: int32(1) });
    await later(wait);
    session.dispose();
    session.dispose();
    const ends = await Promise.allSettled([running, queued]);
    for (const end of ends) expect(end).toMatchObject({ status: 'rejected', reason: { code: 'ERR_DISPOSED' } });
    expect(await foreign).toEqual({ y: column(2) });
    await expect(session.run({ x: column(1), count: int32(1) })).rejects.toMatchObject({ code: 'ERR_DISPOSED' });
    expect(() => session.reset()).toThrow('session: used after dispose()');
    backend.dispose();
  });

  it('of a program leaves its sessions running', async () => {
    const backend = createNativeBackend({ threads: 1 });
    const program = doubling(backend);
    const session = program.createSession();
    const run = session.run({ x: column(1), count: int32(1000) });
    program.dispose();
    program.dispose();
    await run;
    expect(await session.run({ x: column(1), count: int32(1) })).toEqual({ y: column(2) });
    expect(() => program.createSession()).toThrow(expect.objectContaining({ code: 'ERR_DISPOSED' }));
    backend.dispose();
  });

  it('of a backend ends everything', async () => {
    const backend = createNativeBackend({ threads: 2 });
    const made = await backend.createWeight(weight);
    const program = doubling(backend);
    const session = program.createSession();
    const running = session.run({ x: counted(100), count: int32(ENDLESS) });
    await later();
    backend.dispose();
    backend.dispose();
    const disposed = { code: 'ERR_DISPOSED' };
    await expect(running).rejects.toMatchObject(disposed);
    await expect(session.run({ x: column(1), count: int32(1) })).rejects.toMatchObject(disposed);
    await expect(backend.createWeight(weight)).rejects.toMatchObject(disposed);
    for (const use of [
      () => program.createSession(),
      () => backend.call('add', [column(1), column(1)], {}),
      () => doubling(backend),
      () => backend.memory,
    ]) {
      expect(use).toThrow(expect.objectContaining(disposed));
    }
    made.dispose();
    session.dispose();
    program.dispose();
  });

  it('of a weight leaves programs alone that use it', async () => {
    const backend = createNativeBackend({ threads: 1, memoryLimit: 2 ** 41 });
    const before = backend.memory.inUse;
    const made = await backend.createWeight(weight);
    expect(backend.memory.inUse).toBeGreaterThan(before);
    const description = {
      values: 3,
      inputs: [{ name: 'x', id: 0, dtype: 'float32' as const }],
      weights: [{ id: 1, weight: 0 }],
      states: [],
      nodes: [{ op: 'linear', inputs: [0, 1], outputs: [2], attributes: { activation: 'none' } }],
      outputs: [{ name: 'y', id: 2 }],
    };
    const session = backend.createProgram(description, [made]).createSession();
    made.dispose();
    made.dispose();
    const x = { dtype: 'float32', rows: 1, cols: 4, data: new Float32Array(4) } as const;
    expect((await session.run({ x })).y).toMatchObject({ rows: 1, cols: 8 });
    expect(() => backend.createProgram(description, [made])).toThrow("weight 'w': used after dispose()");
    backend.dispose();
  });

  it('gives the memory back', async () => {
    const backend = createNativeBackend({ threads: 1, memoryLimit: 2 ** 42 });
    const weights = await Promise.all([0, 1, 2].map(() => backend.createWeight(weight)));
    const session = doubling(backend).createSession();
    await session.run({ x: counted(1000), count: int32(10) });
    for (const made of weights) made.dispose();
    session.dispose();
    expect(backend.memory.inUse).toBe(0);
    backend.dispose();
  });
});
