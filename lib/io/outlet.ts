import { TidemergeError } from '../errors.js';
import { reason, systemCode } from './bounded-file.js';

/** What writers of text need of a stream: any `node:stream` Writable, process.stdout too. */
export interface TextSink {
  write(chunk: string): boolean;
  once(event: 'drain' | 'close' | 'error', listener: (error?: Error) => void): unknown;
  off(event: 'drain' | 'close' | 'error', listener: (error?: Error) => void): unknown;
}

/** A stream that is waited for, and whose failure ends the wait. */
export class Outlet {
  readonly #sink: TextSink;
  #failure: TidemergeError | undefined;
  #wake: (() => void) | undefined;

  constructor(sink: TextSink) {
    this.#sink = sink;
    sink.once('error', this.#onError);
    sink.once('close', this.#onClose);
  }

  async write(text: string): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    if (text === '' || this.#sink.write(text)) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      this.#sink.once('drain', () => resolve());
      if (this.#failure !== undefined) resolve();
    });
    this.#wake = undefined;
    if (this.#failure !== undefined) throw this.#failure;
  }

  release(): void {
    this.#sink.off('error', this.#onError);
    this.#sink.off('close', this.#onClose);
  }

  readonly #onError = (error?: Error) => this.#fail(error);
  readonly #onClose = () => this.#fail(undefined);

  #fail(error: Error | undefined): void {
    const why = error === undefined ? 'it was closed' : `${systemCode(error) ?? ''} ${reason(error)}`.trim();
    this.#failure ??= new TidemergeError('ERR_FILE_ACCESS', `output: cannot be written: ${why}`, { cause: error });
    this.#wake?.();
  }
}
