import { describe, expect, it } from 'vitest';
import { TaskQueue } from '../../../lib/tasks/queue.js';

/** A task that ends when told to. */
function held(log: string[], name: string) {
  let resolve!: (value: string) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<string>((...settle) => ([resolve, reject] = settle));
  const task = () => {
    log.push(`${name} begins`);
    return promise.finally(() => log.push(`${name} ends`));
  };
  return { task, end: () => resolve(name), fail: reject };
}

const disposed = expect.objectContaining({ code: 'ERR_DISPOSED' });

describe('TaskQueue', () => {
  it('runs first in, first out, one at a time, whatever becomes of the one before', async () => {
    const log: string[] = [];
    const queue = new TaskQueue('test');
    const [a, b, c] = ['a', 'b', 'c'].map((name) => held(log, name));
    const results = [a!, b!, c!].map(({ task }) => queue.run(task));
    c!.end();
    b!.fail(new Error('b'));
    results[1]!.catch(() => {});
    a!.end();
    expect(await Promise.allSettled(results)).toEqual([
      { status: 'fulfilled', value: 'a' },
      { status: 'rejected', reason: new Error('b') },
      { status: 'fulfilled', value: 'c' },
    ]);
    expect(log).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
    expect(await queue.run(async () => 'later')).toBe('later');
  });

  it('lets an aborted task leave at once, with the reason', async () => {
    const log: string[] = [];
    const queue = new TaskQueue('test');
    const [a, b] = [held(log, 'a'), held(log, 'b')];
    const first = queue.run(a.task);
    const controller = new AbortController();
    const second = queue.run(b.task, controller.signal);
    const third = queue.run(async () => 'c');
    const reason = new Error('no more');
    controller.abort(reason);
    await expect(second).rejects.toBe(reason);
    await expect(queue.run(b.task, controller.signal)).rejects.toBe(reason);
    a.end();
    expect(await first).toBe('a');
    expect(await third).toBe('c');
    expect(log).toEqual(['a begins', 'a ends']);
  });

  it('leaves an abort during the run to the task, and forgets the signal afterwards', async () => {
    const queue = new TaskQueue('test');
    const controller = new AbortController();
    const { task, end } = held([], 'a');
    const running = queue.run(task, controller.signal);
    controller.abort();
    end();
    expect(await running).toBe('a');
  });

  it('finishes the running task when closed, and refuses the others', async () => {
    const log: string[] = [];
    const queue = new TaskQueue('test');
    const a = held(log, 'a');
    const first = queue.run(a.task);
    const second = queue.run(async () => log.push('never'));
    const refused = expect(second).rejects.toEqual(disposed);
    let closed = false;
    const closing = queue.close().then(() => {
      closed = true;
    });
    await refused;
    await expect(queue.run(async () => 1)).rejects.toEqual(disposed);
    expect(closed).toBe(false);
    a.end();
    expect(await first).toBe('a');
    await closing;
    await queue.close();
    expect(log).toEqual(['a begins', 'a ends']);
  });
});
