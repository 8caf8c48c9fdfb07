import { afterAll, describe, expect, it } from 'vitest';
import { createNativeBackend } from '../../lib/backend/native.js';
import { int32 } from '../../lib/tensor/tensor.js';
import { column, counted, doubling, ENDLESS, later } from './programs.js';

const backend = createNativeBackend({ threads: 2 });
const program = doubling(backend);
afterAll(() => backend.dispose());

const endless = (signal?: AbortSignal) =>
  program.createSession().run({ x: counted(100), count: int32(ENDLESS) }, { signal });

describe('abort', () => {
  it('before the run: nothing begins', async () => {
    const reason = new Error('never mind');
    await expect(endless(AbortSignal.abort(reason))).rejects.toBe(reason);
  });

  it('right after the call', async () => {
    const controller = new AbortController();
    const run = endless(controller.signal);
    controller.abort();
    await expect(run).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('during the run: stops it, and the session goes on', async () => {
    const controller = new AbortController();
    const session = program.createSession();
    const run = session.run({ x: column(1), count: int32(ENDLESS) }, { signal: controller.signal });
    const next = session.run({ x: column(1), count: int32(3) });
    await later();
    controller.abort('enough');
    await expect(run).rejects.toBe('enough');
    expect(await next).toEqual({ y: column(8) });
  });

  it('a queued run: rejects at once, those around it are not touched', async () => {
    const [first, second] = [new AbortController(), new AbortController()];
    const running = endless(first.signal);
    const queued = endless(second.signal);
    const last = program.createSession().run({ x: column(1), count: int32(1) });
    await later();
    second.abort(new Error('changed my mind'));
    await expect(queued).rejects.toThrow('changed my mind'); // while the first one still runs
    first.abort(new Error('enough'));
    await expect(running).rejects.toThrow('enough');
    expect(await last).toEqual({ y: column(2) });
  });

  it('after the run: nothing happens', async () => {
    const controller = new AbortController();
    const result = await program.createSession().run({ x: column(1), count: int32(1) }, { signal: controller.signal });
    controller.abort();
    expect(result).toEqual({ y: column(2) });
  });

  it('at any moment: resolves or rejects with the reason, never anything else', async () => {
    const session = program.createSession();
    let [resolved, rejected] = [0, 0];
    for (let i = 0; i < 200; i++) {
      const controller = new AbortController();
      // 50 000 rows are large enough to be filled off the thread: that moment is hit too.
      const run = session.run({ x: counted(i % 2 ? 50_000 : 10), count: int32(i % 7) }, { signal: controller.signal });
      if (i % 3 === 0) setImmediate(() => controller.abort(i));
      else if (i % 3 === 1) setTimeout(() => controller.abort(i), i % 4);
      else queueMicrotask(() => controller.abort(i));
      await run.then(
        () => resolved++,
        (reason) => {
          expect(reason).toBe(i);
          rejected++;
        },
      );
    }
    expect(resolved + rejected).toBe(200);
    expect(rejected).toBeGreaterThan(0);
  });

  it('leaves no listener behind', async () => {
    let listeners = 0;
    const { signal } = new AbortController();
    const counting = new Proxy(signal, {
      get(target, key) {
        if (key === 'addEventListener') listeners++;
        if (key === 'removeEventListener') listeners--;
        const value = Reflect.get(target, key, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    await program.createSession().run({ x: column(1), count: int32(1) }, { signal: counting });
    expect(listeners).toBe(0);
  });
});
