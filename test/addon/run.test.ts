import { afterAll, describe, expect, it } from 'vitest';
import { createNativeBackend } from '../../lib/backend/native.js';
import { int32 } from '../../lib/tensor/tensor.js';
import { adding, column, counted, doubling, ENDLESS, later, turn } from './programs.js';

describe.each([1, 2, 4])('runs with %i threads', (threads) => {
  const backend = createNativeBackend({ threads });
  const program = doubling(backend);
  afterAll(() => backend.dispose());

  it('computes', async () => {
    const session = program.createSession();
    expect(await session.run({ x: column(3, -1), count: int32(4) })).toEqual({ y: column(48, -16) });
    expect(await session.run({ x: column(3), count: int32(0) })).toEqual({ y: column(3) });
    expect(await session.run({ x: column(), count: int32(3) })).toEqual({ y: column() });
  });

  it('copies inputs before run returns', async () => {
    const x = column(1, 2);
    const result = program.createSession().run({ x, count: int32(1) });
    x.data.fill(99);
    expect(await result).toEqual({ y: column(2, 4) });
  });

  it('gives outputs of every size, small ones and those filled off the thread', async () => {
    const session = adding(backend).createSession();
    for (const rows of [1, 16 * 1024, 16 * 1024 + 1, 1_000_003]) {
      const { sum } = await session.run({ x: counted(rows), y: counted(rows) });
      expect(sum!.rows).toBe(rows);
      expect(sum!.data.every((value, i) => value === 2 * i)).toBe(true);
    }
  });

  it('gives every run its own memory', async () => {
    const session = adding(backend).createSession();
    const runs = await Promise.all(
      [1, 2, 3].map((offset) => session.run({ x: counted(40_000), y: column(...new Array(40_000).fill(offset)) })),
    );
    const buffers = runs.map(({ sum }) => sum!.data.buffer);
    expect(new Set(buffers).size).toBe(3);
    for (const [i, { sum }] of runs.entries()) expect(sum!.data[39_999]).toBe(40_000 + i);
  });

  it('runs in the order asked, across sessions', async () => {
    const order: number[] = [];
    const counts = [3000, 0, 100, 1, 2000, 0];
    await Promise.all(
      counts.map((count, i) =>
        program
          .createSession()
          .run({ x: column(1), count: int32(count) })
          .then(() => order.push(i)),
      ),
    );
    expect(order).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('leaves the event loop free', async () => {
    const controller = new AbortController();
    const run = program.createSession().run({ x: counted(1000), count: int32(ENDLESS) }, { signal: controller.signal });
    for (let i = 0; i < 1000; i++) await turn(); // would never come to an end otherwise
    controller.abort();
    await expect(run).rejects.toThrow('aborted');
  });

  it('carries on after a failing run', async () => {
    const session = program.createSession();
    const failing = session.run({ x: column(1), count: int32(-1) });
    const good = session.run({ x: column(1), count: int32(1) });
    await expect(failing).rejects.toMatchObject({ name: 'TidemergeError', code: 'ERR_INVALID_ARGUMENT' });
    await expect(failing).rejects.toThrow('repeat: count: expected at least 0, got -1');
    expect(await good).toEqual({ y: column(2) });
  });

  it('calls one operator at once, also while a run is under way', async () => {
    const controller = new AbortController();
    const run = program.createSession().run({ x: counted(1000), count: int32(ENDLESS) }, { signal: controller.signal });
    await later();
    expect(backend.call('add', [column(1, 2), column(10, 20)], {})).toEqual([column(11, 22)]);
    const large = backend.call('add', [counted(200_001), counted(200_001)], {})[0]!;
    expect(large.data.every((value, i) => value === 2 * i)).toBe(true);
    controller.abort();
    await expect(run).rejects.toThrow('aborted');
  });
});

describe('backends of equal options', () => {
  it('share one context', () => {
    const [a, b, c] = [2, 2, 1].map((threads) => createNativeBackend({ threads, memoryLimit: 2 ** 40 }));
    const held = a!.call('add', [counted(10), counted(10)], {});
    expect(held).toHaveLength(1);
    expect(b!.memory.systemCalls).toBe(a!.memory.systemCalls);
    expect(a!.memory.systemCalls).toBeGreaterThan(0);
    expect(c!.memory.systemCalls).toBe(0);
    for (const backend of [a, b, c]) backend!.dispose();
  });
});
