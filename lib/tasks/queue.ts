import { TidemergeError } from '../errors.js';

interface Waiting {
  start(): void;
  refuse(error: TidemergeError): void;
}

/**
 * Runs one task after the other, first in, first out. A task that waits can be aborted, and leaves the queue at once; a
 * task that runs has to look at its signal itself.
 */
export class TaskQueue {
  readonly #who: string;
  readonly #waiting: Waiting[] = [];
  #running: Promise<unknown> | undefined;
  #closed = false;

  constructor(who: string) {
    this.#who = who;
  }

  run<T>(task: () => Promise<T>, signal?: AbortSignal | undefined): Promise<T> {
    if (this.#closed) return Promise.reject(this.#disposed());
    if (signal?.aborted) return Promise.reject(signal.reason);
    return new Promise<T>((resolve, reject) => {
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
        reject(signal?.reason);
      };
      const waiting: Waiting = {
        start: () => {
          signal?.removeEventListener('abort', leave);
          this.#running = task()
            .then(resolve, reject)
            .finally(() => this.#next());
        },
        refuse: (error) => {
          signal?.removeEventListener('abort', leave);
          reject(error);
        },
      };
      signal?.addEventListener('abort', leave, { once: true });
      this.#waiting.push(waiting);
      if (!this.#running) this.#next();
    });
  }

  /** Refuses waiting and later tasks with ERR_DISPOSED; resolves when the running one is done. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const waiting of this.#waiting.splice(0)) waiting.refuse(this.#disposed());
    await this.#running;
  }

  #next(): void {
    this.#running = undefined;
    this.#waiting.shift()?.start();
  }

  #disposed(): TidemergeError {
    return new TidemergeError('ERR_DISPOSED', `${this.#who}: used after dispose()`);
  }
}
