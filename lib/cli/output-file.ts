import { createWriteStream, renameSync, rmSync, type WriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import { TidemergeError } from '../errors.js';

/** A file that appears under its name only when everything has been written. */
export class OutputFile {
  readonly path: string;
  readonly stream: WriteStream;
  readonly #temporary: string;
  #failure: Error | undefined;

  constructor(path: string) {
    this.path = path;
    this.#temporary = `${path}.${process.pid}.tmp`;
    this.stream = createWriteStream(this.#temporary, { flags: 'wx' });
    this.stream.on('error', (error) => {
      this.#failure = error;
    });
  }

  async commit(): Promise<void> {
    try {
      this.stream.end();
      await finished(this.stream);
      if (this.#failure) throw this.#failure;
      renameSync(this.#temporary, this.path);
    } catch (error) {
      this.discard();
      throw new TidemergeError('ERR_FILE_ACCESS', `${this.path}: cannot be written: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }

  discard(): void {
    this.stream.destroy();
    rmSync(this.#temporary, { force: true });
  }
}
