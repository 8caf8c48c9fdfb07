/** How many offenders a message names. */
const SHOWN = 3;

/** Counts what happened to many series and remembers the first few, so that a file yields one message and not thousands. */
export class Tally {
  count = 0;
  readonly #first: string[] = [];

  add(count: number, describe: () => string): void {
    this.count += count;
    if (this.#first.length < SHOWN) this.#first.push(describe());
  }

  get first(): string {
    return this.#first.join('; ');
  }
}
