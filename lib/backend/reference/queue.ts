/** Runs tasks one after the other in the order they came. */
export class Queue {
  readonly #waiting: { start(): void }[] = [];
  #busy = false;

  /**
   * Settles as `task` does. An abort before the task has begun rejects at once and leaves the others alone; afterwards
   * it is the task's business.
   */
  run<T>(task: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      signal?.throwIfAborted();
      const entry = {
        start: () => {
          signal?.removeEventListener('abort', leave);
          task()
            .then(resolve, reject)
            .finally(() => this.#next());
        },
      };
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(entry), 1);
        reject(signal?.reason);
      };
      signal?.addEventListener('abort', leave, { once: true });
      this.#waiting.push(entry);
      if (!this.#busy) this.#next();
    });
  }

  #next(): void {
    const entry = this.#waiting.shift();
    this.#busy = entry !== undefined;
    entry?.start();
  }
}
