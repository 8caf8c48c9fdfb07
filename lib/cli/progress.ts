const WIDTH = 28;
const INTERVAL_MS = 100;

/** A one-line bar on a terminal's stderr; silent elsewhere, and for work that ends before it would be seen. */
export class ProgressBar {
  readonly #stream: NodeJS.WriteStream;
  readonly #label: string;
  readonly #enabled: boolean;
  readonly #start = Date.now();
  #last = this.#start;
  #shown = false;

  constructor(label: string, stream: NodeJS.WriteStream = process.stderr) {
    this.#label = label;
    this.#stream = stream;
    this.#enabled = stream.isTTY === true;
  }

  update(done: number, total: number): void {
    const now = Date.now();
    if (!this.#enabled || now - this.#last < INTERVAL_MS) return;
    this.#last = now;
    this.#shown = true;
    const share = total > 0 ? Math.min(1, done / total) : 0;
    const filled = Math.round(share * WIDTH);
    const bar = '█'.repeat(filled) + '░'.repeat(WIDTH - filled);
    const rate = done / Math.max(0.001, (now - this.#start) / 1000);
    this.#stream.write(`\r${this.#label} ${bar} ${done}/${total}  ${rate.toFixed(0)}/s\x1b[K`);
  }

  /** Takes the bar away, so that what follows starts on a clean line. */
  clear(): void {
    if (this.#shown) this.#stream.write('\r\x1b[K');
    this.#shown = false;
  }
}
