import { describe, expect, it } from 'vitest';
import { createNativeBackend } from '../../lib/backend/native.js';
import { int32 } from '../../lib/tensor/tensor.js';
import { adding, column, counted, doubling } from './programs.js';

const outOfMemory = { name: 'TidemergeError', code: 'ERR_OUT_OF_MEMORY' };

describe('a memory limit', () => {
  const limit = 1 << 20;

  it('refuses a weight and goes on', async () => {
    const backend = createNativeBackend({ threads: 2, memoryLimit: limit });
    const spec = (rows: number) =>
      ({ name: 'w', kind: 'matrix', dtype: 'float32', shape: [rows, 64], data: new Float32Array(rows * 64) }) as const;
    await expect(backend.createWeight(spec(8192))).rejects.toMatchObject(outOfMemory); // the copy
    await expect(backend.createWeight(spec(2560))).rejects.toMatchObject(outOfMemory); // the packed form beside it
    expect(backend.memory.inUse).toBe(0);
    (await backend.createWeight(spec(64))).dispose();
    backend.dispose();
  });

  it('refuses inputs, values of a run and direct calls, and goes on', async () => {
    const backend = createNativeBackend({ threads: 2, memoryLimit: limit });
    const session = adding(backend).createSession();
    const [many, few] = [counted(300_000), counted(100_000)];
    await expect(session.run({ x: many, y: many })).rejects.toMatchObject(outOfMemory);
    const third = session.run({ x: few, y: few }); // 2 x 400 kB fit, and the sum is computed in place
    expect((await third).sum!.data[5]).toBe(10);
    expect(() => backend.call('add', [few, few], {})).toThrow(expect.objectContaining(outOfMemory));
    expect(backend.call('add', [column(1), column(2)], {})).toEqual([column(3)]);
    expect(backend.memory.inUse).toBe(0);
    backend.dispose();
  });

  it('is reported from the thread that computes', async () => {
    const backend = createNativeBackend({ threads: 2, memoryLimit: limit });
    const description = {
      values: 4,
      inputs: [
        { name: 'x', id: 0, dtype: 'float32' as const },
        { name: 'count', id: 1, dtype: 'int32' as const },
      ],
      weights: [],
      states: [],
      nodes: [{ op: 'repeat_rows', inputs: [0, 1], outputs: [2], attributes: {} }],
      outputs: [{ name: 'y', id: 2 }],
    };
    const session = backend.createProgram(description, []).createSession();
    await expect(session.run({ x: column(1, 2), count: int32(10_000_000) })).rejects.toMatchObject(outOfMemory);
    expect(await session.run({ x: column(1, 2), count: int32(2) })).toEqual({ y: column(1, 1, 2, 2) });
    backend.dispose();
  });
});

describe('memory over many runs', () => {
  it('stays flat', async () => {
    const backend = createNativeBackend({ threads: 2, memoryLimit: 2 ** 43 });
    const session = doubling(backend).createSession();
    const x = counted(100);
    const used: number[] = [];
    const batch = async (runs: number) => {
      for (let i = 0; i < runs; i++) {
        await session.run({ x, count: int32(2) });
        if (i % 10 === 0) backend.call('add', [x, x], {});
      }
      globalThis.gc?.();
      used.push(process.memoryUsage().rss);
    };
    await batch(2000); // code is compiled, pools are filled
    const calls = backend.memory.systemCalls;
    for (let i = 0; i < 5; i++) await batch(2000);
    expect(backend.memory.systemCalls).toBe(calls);
    expect(backend.memory.inUse).toBe(0);
    // A leak of 1 kB a run would be 10 MB; the collector's own swings are a few.
    expect(Math.min(...used.slice(3)) - used[0]!).toBeLessThan(8 << 20);
    backend.dispose();
  });

  it('large outputs are collected', async () => {
    const backend = createNativeBackend({ threads: 2 });
    const session = adding(backend).createSession();
    const x = counted(1_000_000);
    for (let i = 0; i < 60; i++) await session.run({ x, y: x }); // 240 MB in all
    expect(process.memoryUsage().arrayBuffers).toBeLessThan(200 << 20);
    backend.dispose();
  });
});
