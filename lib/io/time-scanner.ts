import { daysFromCivil, daysInMonth, MS_PER_DAY } from './civil-date.js';
import type { DateOrder } from './time-style.js';

const SPACE = 0x20;
const COLON = 0x3a;
const POINT = 0x2e;
const PLUS = 0x2b;
const MINUS = 0x2d;
const SLASH = 0x2f;

/** Which of month and day comes first cannot be told from one date: see `packAmbiguous`. */
export type FoundOrder = DateOrder | 'ambiguous' | 'number';

/**
 * Reads one time stamp from bytes and keeps what it saw in its fields; made once and reused, because it runs for every
 * row. `scan` returns the time (see TimeStyle; a `number` unscaled, an `ambiguous` date packed) or NaN.
 *
 * Forms: an integer or decimal number; 2016-07-01, 2016/7/1, 2016.7.1; 7/1/2016 (also - and .); 20160701; 2016-07;
 * 2016Q3, 2016-Q3. A date of three parts may be followed by ' ' or 'T' and 2:00, 02:00:00, 02:00:00.000 and a zone
 * (Z, UTC, +02, +0200, +02:00).
 */
export class TimeScanner {
  /** Set by the caller when 20160701 is an integer in this column. */
  numbersOnly = false;
  order: FoundOrder = 'number';
  separator = '';
  /** A part below 10 was seen with, or without, a leading zero. */
  paddedSeen = false;
  unpaddedSeen = false;
  clockSeparator = '';
  hourPaddedSeen = false;
  hourUnpaddedSeen = false;
  hasSeconds = false;
  fractionDigits = 0;
  zone = '';
  zoneMinutes = 0;
  decimals = 0;
  /** Of an ambiguous date: the two parts before the year. */
  firstPart = 0;
  secondPart = 0;
  #bytes: Uint8Array = new Uint8Array();
  #at = 0;
  #end = 0;
  #digits = 0;

  scan(bytes: Uint8Array, start: number, end: number): number {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    while (this.#at < this.#end && bytes[this.#at] === SPACE) this.#at++;
    while (this.#end > this.#at && bytes[this.#end - 1] === SPACE) this.#end--;
    this.#reset();
    const first = this.#at;
    const signed = bytes[first] === MINUS || bytes[first] === PLUS;
    if (signed) this.#at++;
    const value = this.#number();
    if (this.#digits === 0) return NaN;
    if (this.#digits === 8 && this.#at === this.#end && !signed && !this.numbersOnly) return this.#compact(value);
    const next = bytes[this.#at];
    if (this.#at === this.#end || (next === POINT && this.#isDecimal()))
      return this.#decimal(value, bytes[first] === MINUS);
    if (signed) return NaN;
    return this.#date(value, this.#digits, next as number);
  }

  #reset(): void {
    this.clockSeparator = '';
    this.hasSeconds = false;
    this.fractionDigits = 0;
    this.zone = '';
    this.zoneMinutes = 0;
    this.decimals = 0;
  }

  /** A run of digits; `#digits` tells how many. */
  #number(): number {
    const bytes = this.#bytes;
    const start = this.#at;
    let value = 0;
    let i = start;
    for (; i < this.#end; i++) {
      const digit = (bytes[i] as number) - 0x30;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    this.#digits = i - start;
    this.#at = i;
    return value;
  }

  #take(byte: number): boolean {
    if (this.#at >= this.#end || this.#bytes[this.#at] !== byte) return false;
    this.#at++;
    return true;
  }

  #compact(value: number): number {
    const year = Math.floor(value / 10_000);
    const month = Math.floor(value / 100) % 100;
    const day = value % 100;
    if (year < 1700 || year > 2300 || !isDate(year, month, day)) return this.#decimal(value, false);
    this.order = 'compact';
    return daysFromCivil(year, month, day) * MS_PER_DAY;
  }

  /** Digits and one point up to the end: 0.25, not 1.7.2016. */
  #isDecimal(): boolean {
    for (let i = this.#at + 1; i < this.#end; i++) {
      const digit = (this.#bytes[i] as number) - 0x30;
      if (digit < 0 || digit > 9) return false;
    }
    return true;
  }

  #decimal(integer: number, negative: boolean): number {
    this.order = 'number';
    let value = integer;
    if (this.#take(POINT)) {
      const fraction = this.#number();
      this.decimals = this.#digits;
      value += fraction / 10 ** this.decimals;
    }
    return value <= Number.MAX_SAFE_INTEGER ? (negative ? -value : value) : NaN;
  }

  #date(first: number, firstDigits: number, separator: number): number {
    if (firstDigits === 4 && this.#quarterFollows(separator)) return this.#quarter(first);
    if (separator !== MINUS && separator !== SLASH && separator !== POINT) return NaN;
    this.separator = String.fromCharCode(separator);
    this.#at++;
    const second = this.#number();
    if (!this.#notePadding(second)) return NaN;
    if (firstDigits === 4 && this.#at === this.#end) {
      this.order = 'ym';
      return isDate(first, second, 1) ? daysFromCivil(first, second, 1) * MS_PER_DAY : NaN;
    }
    if (!this.#take(separator)) return NaN;
    const third = this.#number();
    if (firstDigits === 4) {
      if (!this.#notePadding(third) || !isDate(first, second, third)) return NaN;
      this.order = 'ymd';
      return daysFromCivil(first, second, third) * MS_PER_DAY + this.#clock();
    }
    if (this.#digits !== 4 || firstDigits > 2) return NaN;
    this.#digits = firstDigits;
    if (!this.#notePadding(first) || !(isDate(third, first, second) || isDate(third, second, first))) return NaN;
    this.order = 'ambiguous';
    this.firstPart = first;
    this.secondPart = second;
    const clock = this.#clock();
    // No room for a zone in the packed form, and no such dates in the wild.
    return this.zone === '' ? packAmbiguous(first, second, third, clock) : NaN;
  }

  /** Remembers whether a month or a day is written with a leading zero. */
  #notePadding(part: number): boolean {
    if (this.#digits < 1 || this.#digits > 2) return false;
    if (part < 10) {
      if (this.#digits === 2) this.paddedSeen = true;
      else this.unpaddedSeen = true;
    }
    return true;
  }

  #quarterFollows(next: number): boolean {
    const letter = next === MINUS || next === SPACE ? this.#bytes[this.#at + 1] : next;
    return letter === 0x51 || letter === 0x71;
  }

  #quarter(year: number): number {
    this.separator = this.#take(MINUS) ? '-' : this.#take(SPACE) ? ' ' : '';
    this.#at++;
    const quarter = this.#number();
    if (this.#digits !== 1 || quarter < 1 || quarter > 4 || this.#at !== this.#end || year < 1) return NaN;
    this.order = 'yq';
    return daysFromCivil(year, quarter * 3 - 2, 1) * MS_PER_DAY;
  }

  /** The time of day up to the end, less the zone; 0 when the date ends the text, NaN when something else follows. */
  #clock(): number {
    if (this.#at === this.#end) return 0;
    const separator = this.#bytes[this.#at++];
    if (separator !== SPACE && separator !== 0x54) return NaN;
    this.clockSeparator = separator === SPACE ? ' ' : 'T';
    const hour = this.#number();
    if (this.#digits < 1 || this.#digits > 2 || hour > 23) return NaN;
    if (hour < 10) {
      if (this.#digits === 2) this.hourPaddedSeen = true;
      else this.hourUnpaddedSeen = true;
    }
    const minute = this.#take(COLON) ? this.#number() : NaN;
    if (this.#digits !== 2 || !(minute < 60)) return NaN;
    let ms = hour * 3_600_000 + minute * 60_000;
    if (this.#take(COLON)) {
      const second = this.#number();
      if (this.#digits !== 2 || second > 59) return NaN;
      this.hasSeconds = true;
      ms += second * 1000 + (this.#take(POINT) ? this.#fraction() : 0);
    }
    return this.#at === this.#end ? ms : ms - this.#zone();
  }

  /** Milliseconds of a fraction; NaN when it is finer than that, because two times would become one. */
  #fraction(): number {
    const fraction = this.#number();
    this.fractionDigits = this.#digits;
    if (this.#digits < 1 || this.#digits > 9) return NaN;
    const ms = (fraction * 1000) / 10 ** this.#digits;
    return Number.isInteger(ms) ? ms : NaN;
  }

  #zone(): number {
    const text = Buffer.from(this.#bytes.subarray(this.#at, this.#end)).toString('latin1');
    const match = /^ ?(?:(?:Z|UTC|GMT)|([+-])(\d\d):?(\d\d)?)$/.exec(text);
    if (match === null) return NaN;
    const [, sign, hours = '0', minutes = '0'] = match;
    this.zone = text;
    this.zoneMinutes = (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes));
    return Math.abs(this.zoneMinutes) <= 18 * 60 ? this.zoneMinutes * 60_000 : NaN;
  }
}

function isDate(year: number, month: number, day: number): boolean {
  return year >= 1 && month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth(year, month);
}

/** 7/1/2016 could be in July or in January; both readings fit into one safe integer until the file has told which. */
function packAmbiguous(first: number, second: number, year: number, ms: number): number {
  return ((first * 32 + second) * 10_000 + year) * MS_PER_DAY + ms;
}

/** The time of a packed date, NaN when there is no such day. */
export function unpackAmbiguous(packed: number, order: 'mdy' | 'dmy'): number {
  const ms = packed % MS_PER_DAY;
  const date = Math.floor(packed / MS_PER_DAY);
  const year = date % 10_000;
  const second = Math.floor(date / 10_000) % 32;
  const first = Math.floor(date / 320_000);
  const [month, day] = order === 'mdy' ? [first, second] : [second, first];
  return isDate(year, month, day) ? daysFromCivil(year, month, day) * MS_PER_DAY + ms : NaN;
}
