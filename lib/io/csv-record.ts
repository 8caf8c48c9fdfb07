import { TidemergeError } from '../errors.js';
import { POINT, parseNumber } from './number-text.js';

/** How a cell was written; `PLAIN` and `QUOTED` cells are their bytes, in an `ESCAPED` one a doubled quote means one. */
export const PLAIN = 0;
export const QUOTED = 1;
export const ESCAPED = 2;

/**
 * One record, as places in a buffer: a cell becomes a string only when somebody asks. The scanner reuses a single
 * object, so what is kept beyond the callback must be copied (`snapshot`).
 */
export class CsvRecord {
  /** For messages. */
  readonly source: string;
  buffer: Buffer = Buffer.alloc(0);
  /** Cell i is buffer[starts[i], ends[i]), without the quotes around it. */
  starts = new Int32Array(16);
  ends = new Int32Array(16);
  forms = new Uint8Array(16);
  count = 0;
  /** The line (from 1) on which the record begins; a quoted cell may span several. */
  line = 1;

  constructor(source: string) {
    this.source = source;
  }

  /** Nothing at all between two line ends. */
  get blank(): boolean {
    return this.count === 1 && this.forms[0] === PLAIN && this.starts[0] === this.ends[0];
  }

  number(cell: number, decimal = POINT): number {
    return parseNumber(this.buffer, this.starts[cell] as number, this.ends[cell] as number, decimal);
  }

  text(cell: number): string {
    const start = this.starts[cell] as number;
    const end = this.ends[cell] as number;
    const text = this.buffer.toString('utf8', start, end);
    if (text.includes('\ufffd')) this.#checkUtf8(cell);
    return this.forms[cell] === ESCAPED ? text.replaceAll('""', '"') : text;
  }

  texts(): string[] {
    return Array.from({ length: this.count }, (_, cell) => this.text(cell));
  }

  /** An independent copy. */
  snapshot(): CsvRecord {
    const copy = new CsvRecord(this.source);
    copy.buffer = Buffer.from(this.buffer.subarray(0, this.count === 0 ? 0 : this.ends[this.count - 1]));
    copy.starts = this.starts.slice();
    copy.ends = this.ends.slice();
    copy.forms = this.forms.slice();
    copy.count = this.count;
    copy.line = this.line;
    return copy;
  }

  /** @internal */
  addCell(start: number, end: number, form: number): void {
    const at = this.count++;
    if (at === this.starts.length) this.#grow();
    this.starts[at] = start;
    this.ends[at] = end;
    this.forms[at] = form;
  }

  /** @internal The bytes moved towards the front of the buffer. */
  shift(distance: number): void {
    for (let cell = 0; cell < this.count; cell++) {
      this.starts[cell] = (this.starts[cell] as number) - distance;
      this.ends[cell] = (this.ends[cell] as number) - distance;
    }
  }

  #grow(): void {
    const { starts, ends, forms } = this;
    this.starts = new Int32Array(starts.length * 2);
    this.ends = new Int32Array(starts.length * 2);
    this.forms = new Uint8Array(starts.length * 2);
    this.starts.set(starts);
    this.ends.set(ends);
    this.forms.set(forms);
  }

  #checkUtf8(cell: number): void {
    // The replacement character may also stand in the file itself, correctly encoded.
    const bytes = this.buffer.subarray(this.starts[cell], this.ends[cell]);
    try {
      new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    } catch (error) {
      throw new TidemergeError(
        'ERR_BAD_DATA',
        `${this.source}: line ${this.line}: cell ${cell + 1}: expected UTF-8 text; if the file is Latin-1, pass encoding: 'latin1'`,
        { cause: error },
      );
    }
  }
}
