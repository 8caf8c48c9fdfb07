import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { loadAddon } from '../../lib/backend/loader.js';
import { createNativeBackend } from '../../lib/backend/native.js';
import { int32 } from '../../lib/tensor/tensor.js';
import { column, counted, DOUBLING, doubling, ENDLESS, later } from './programs.js';

const { path } = loadAddon();

/** JavaScript for a process or worker of its own: `run(count, rows)` starts a run, `context(threads)` a context. */
const PRELUDE = `
  const addon = require(${JSON.stringify(path)});
  const context = (threads) => addon.createContext({ threads });
  const session = (c) => addon.createSession(addon.createProgram(c, ${JSON.stringify(DOUBLING)}, []));
  const tensor = (data, dtype) => ({ dtype, rows: data.length, cols: 1, data });
  const run = (s, count, rows = 10) =>
    addon.run(s, [tensor(Int32Array.of(count), 'int32'), tensor(new Float32Array(rows).fill(1), 'float32')]);
`;

const execute = promisify(execFile);
const inProcess = (code: string) => execute(process.execPath, ['-e', PRELUDE + code], { timeout: 30_000 });

function inWorker(code: string): Worker {
  return new Worker(`const { parentPort } = require('node:worker_threads'); ${PRELUDE} ${code}`, { eval: true });
}

const message = (worker: Worker) =>
  new Promise<unknown>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });

describe('a process', () => {
  it('ends by itself when nothing is under way', async () => {
    const { stdout } = await inProcess(`
      const s = session(context(3));
      run(s, 3).promise.then(([y]) => console.log(y.data[0]));
    `);
    expect(stdout).toBe('8\n');
  });

  it('waits for a run before it ends', async () => {
    const { stdout } = await inProcess(`
      const s = session(context(2));
      run(s, 200000, 50000 / 50).promise.then(([y]) => console.log(y.rows));
    `);
    expect(stdout).toBe('1000\n');
  });

  it.each([
    ['process.exit', 'process.exit(7)', 7],
    ['an uncaught exception', 'throw new Error("planned")', 1],
  ])('can leave by %s during a run', async (_, leave, code) => {
    const attempt = inProcess(`
      const s = session(context(3));
      run(s, ${ENDLESS}).promise.catch(() => {});
      run(s, ${ENDLESS}).promise.catch(() => {});
      setTimeout(() => { ${leave} }, 20);
    `);
    await expect(attempt).rejects.toMatchObject({ code, signal: null });
  });

  it('frees handles that are collected', async () => {
    const { stdout } = await execute(process.execPath, [
      '--expose-gc',
      '-e',
      `${PRELUDE}
      const c = addon.createContext({ threads: 1, memoryLimit: 2 ** 40 });
      const spec = { name: 'w', kind: 'vector', dtype: 'float32', rows: 1 << 18, cols: 1, data: new Float32Array(1 << 18) };
      (async () => {
        for (let i = 0; i < 20; i++) await addon.createWeight(c, spec);
        const before = addon.contextInfo(c).memory.inUse;
        for (let i = 0; i < 5; i++) { gc(); await new Promise((r) => setTimeout(r, 5)); }
        const after = addon.contextInfo(c).memory.inUse;
        console.log(before > 0, after <= 2 << 20);
      })();
    `,
    ]);
    expect(stdout).toBe('true true\n');
  });
});

describe('workers', () => {
  it('compute beside the main thread on a shared context', async () => {
    const backend = createNativeBackend({ threads: 2 });
    const workers = [1, 2, 3].map((count) =>
      inWorker(`run(session(context(2)), ${count}).promise.then(([y]) => parentPort.postMessage(y.data[0]))`),
    );
    const own = doubling(backend)
      .createSession()
      .run({ x: column(1), count: int32(4) });
    expect(await Promise.all(workers.map(message))).toEqual([2, 4, 8]);
    expect((await own).y).toEqual(column(16));
    await Promise.all(workers.map((worker) => worker.terminate()));
    backend.dispose();
  });

  it('may be terminated at any moment, twenty times over', async () => {
    const backend = createNativeBackend({ threads: 2 });
    const session = doubling(backend).createSession();
    for (let round = 0; round < 20; round++) {
      const worker = inWorker(`
        const s = session(context(2));
        run(s, ${ENDLESS}).promise.catch(() => {});
        for (let i = 0; i < 5; i++) run(s, 5, 50000).promise.catch(() => {});
        parentPort.postMessage('begun');
      `);
      // While the module is still loading, while the run computes, and a little later.
      if (round % 4 !== 0) await message(worker);
      await later(round % 3);
      const ended = worker.terminate();
      const own = session.run({ x: counted(10), count: int32(1) }); // queued behind what is being stopped
      await ended;
      expect((await own).y!.data[9]).toBe(18);
    }
    backend.dispose();
  }, 120_000);

  it('may be terminated while outputs are being filled and promises settled', async () => {
    for (let round = 0; round < 10; round++) {
      const worker = inWorker(`
        const s = session(context(2));
        const next = () => run(s, 1, 300000).promise.then(next, () => {});
        next(); next(); next();
        parentPort.postMessage('begun');
      `);
      await message(worker);
      await later(round * 3);
      await worker.terminate();
    }
    const backend = createNativeBackend({ threads: 2 });
    const { y } = await doubling(backend)
      .createSession()
      .run({ x: column(1), count: int32(1) });
    expect(y).toEqual(column(2));
    backend.dispose();
  }, 120_000);

  it('may end with an exception during a run', async () => {
    const worker = inWorker(`
      run(session(context(2)), ${ENDLESS}).promise.catch(() => {});
      setTimeout(() => { throw new Error('planned'); }, 5);
    `);
    await expect(message(worker)).rejects.toThrow('planned');
  });

  it('do not keep each other waiting', async () => {
    // The endless run of one blocks a context, as it would within one thread; another context is free.
    const blocked = inWorker(`run(session(context(2)), ${ENDLESS}).promise.catch(() => {}); parentPort.postMessage(0)`);
    await message(blocked);
    const free = inWorker(`run(session(context(1)), 1).promise.then(([y]) => parentPort.postMessage(y.data[0]))`);
    expect(await message(free)).toBe(2);
    await Promise.all([blocked.terminate(), free.terminate()]);
  });
});
