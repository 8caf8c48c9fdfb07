import { TidemergeError } from '../errors.js';
import { CsvRecord, ESCAPED, PLAIN, QUOTED } from './csv-record.js';

const LF = 0x0a;
const CR = 0x0d;
const QUOTE = 0x22;

/** Where the scanner stands; it can stop after any byte and go on with the next chunk. */
const AT_CELL = 0;
const IN_PLAIN = 1;
const IN_QUOTED = 2;
/** A quote inside a quoted cell: the end of the cell, or the first half of a doubled quote. */
const AFTER_QUOTE = 3;

/** Bounds the memory of a file without line ends, or with a quote that is never closed. */
export const MAX_RECORD_BYTES = 16 * 2 ** 20;

/**
 * RFC 4180 in one pass over UTF-8 bytes, chunk by chunk. Lines end with LF, CRLF or CR; a quoted cell may contain line
 * ends, delimiters and doubled quotes; a quote inside an unquoted cell is an ordinary character.
 * Throws ERR_BAD_DATA with the line for an unclosed quote, text after a closing quote and records that are too long.
 */
export class CsvScanner {
  readonly #record: CsvRecord;
  readonly #onRecord: (record: CsvRecord) => void;
  readonly #maxBytes: number;
  /** 1 for the bytes that end an unquoted cell. */
  readonly #ends = new Uint8Array(256);
  readonly #delimiter: number;
  #buffer = Buffer.allocUnsafe(2 ** 16);
  #filled = 0;
  #recordStart = 0;
  #cellStart = 0;
  #at = 0;
  #state = AT_CELL;
  #form = PLAIN;
  #line = 1;
  /** The last record ended with CR: an LF that follows belongs to it. */
  #skipLf = false;

  constructor(source: string, delimiter: number, onRecord: (record: CsvRecord) => void, maxBytes = MAX_RECORD_BYTES) {
    this.#record = new CsvRecord(source);
    this.#onRecord = onRecord;
    this.#maxBytes = maxBytes;
    this.#delimiter = delimiter;
    for (const end of [delimiter, CR, LF]) this.#ends[end] = 1;
  }

  push(chunk: Uint8Array): void {
    this.#append(chunk);
    this.#scan();
    if (this.#filled - this.#recordStart > this.#maxBytes) {
      throw this.#fail(
        `expected a record of at most ${this.#maxBytes} bytes${this.#state === IN_QUOTED ? ' (is a quote not closed?)' : ''}`,
      );
    }
  }

  /** The end of the data; the last record needs no line end. */
  finish(): void {
    if (this.#state === IN_QUOTED) throw this.#fail('quoted cell without a closing quote');
    if (this.#state === AT_CELL && this.#record.count === 0) return;
    this.#endCell(this.#filled);
    this.#endRecord();
  }

  /** Makes room behind the unfinished record, moving it to the front or to a larger buffer. */
  #append(chunk: Uint8Array): void {
    const unfinished = this.#filled - this.#recordStart;
    if (this.#filled + chunk.length > this.#buffer.length) {
      const needed = unfinished + chunk.length;
      const target = needed > this.#buffer.length ? Buffer.allocUnsafe(needed * 2) : this.#buffer;
      this.#buffer.copy(target, 0, this.#recordStart, this.#filled);
      this.#buffer = target;
      this.#record.shift(this.#recordStart);
      this.#cellStart -= this.#recordStart;
      this.#at -= this.#recordStart;
      this.#recordStart = 0;
      this.#filled = unfinished;
    }
    this.#buffer.set(chunk, this.#filled);
    this.#filled += chunk.length;
  }

  #scan(): void {
    while (this.#at < this.#filled) {
      if (this.#state === IN_PLAIN) this.#plain();
      else if (this.#state === IN_QUOTED) this.#quoted();
      else if (this.#state === AFTER_QUOTE) this.#afterQuote();
      else this.#startCell();
    }
  }

  #startCell(): void {
    const c = this.#buffer[this.#at];
    if (this.#skipLf) {
      this.#skipLf = false;
      if (c === LF) {
        this.#recordStart = ++this.#at;
        return;
      }
    }
    this.#form = PLAIN;
    this.#cellStart = this.#at;
    this.#state = IN_PLAIN;
    if (c === QUOTE) {
      this.#form = QUOTED;
      this.#cellStart = ++this.#at;
      this.#state = IN_QUOTED;
    }
  }

  /** Goes on through plain cells to the end of the record: nearly all bytes of a file pass here, so it keeps to locals. */
  #plain(): void {
    const buffer = this.#buffer;
    const ends = this.#ends;
    const filled = this.#filled;
    const delimiter = this.#delimiter;
    let i = this.#at;
    for (;;) {
      while (i < filled && ends[buffer[i] as number] === 0) i++;
      if (i === filled || buffer[i] !== delimiter) break;
      this.#record.addCell(this.#cellStart, i++, PLAIN);
      this.#cellStart = i;
      if (i === filled || buffer[i] === QUOTE) {
        this.#state = AT_CELL;
        break;
      }
    }
    this.#at = i;
    if (this.#state === IN_PLAIN && i < filled) this.#boundary(i);
  }

  #quoted(): void {
    const buffer = this.#buffer;
    const filled = this.#filled;
    let i = this.#at;
    for (; i < filled; i++) {
      const c = buffer[i];
      if (c === QUOTE) {
        this.#state = AFTER_QUOTE;
        this.#at = i + 1;
        return;
      }
      if (c === CR || (c === LF && buffer[i - 1] !== CR)) this.#line++;
    }
    this.#at = i;
  }

  #afterQuote(): void {
    const c = this.#buffer[this.#at] as number;
    if (c === QUOTE) {
      this.#form = ESCAPED;
      this.#state = IN_QUOTED;
      this.#at++;
    } else if (this.#ends[c] === 1) this.#boundary(this.#at);
    else
      throw this.#fail(`expected a delimiter or a line end after the closing quote of cell ${this.#record.count + 1}`);
  }

  /** A delimiter or a line end at `at`. */
  #boundary(at: number): void {
    this.#endCell(at);
    const c = this.#buffer[at];
    this.#at = at + 1;
    this.#state = AT_CELL;
    if (c === this.#delimiter) return;
    this.#skipLf = c === CR;
    this.#endRecord();
    this.#line++;
    this.#record.line = this.#line;
    this.#recordStart = this.#at;
  }

  #endCell(at: number): void {
    // An empty cell at the very end of the data was never started.
    if (this.#state === AT_CELL) this.#record.addCell(at, at, PLAIN);
    else this.#record.addCell(this.#cellStart, this.#state === AFTER_QUOTE ? at - 1 : at, this.#form);
  }

  #endRecord(): void {
    this.#record.buffer = this.#buffer;
    this.#onRecord(this.#record);
    this.#record.count = 0;
  }

  #fail(problem: string): TidemergeError {
    return new TidemergeError('ERR_BAD_DATA', `${this.#record.source}: line ${this.#record.line}: ${problem}`);
  }
}
