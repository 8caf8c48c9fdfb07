import { TidemergeError } from '../errors.js';
import { quote } from './quote.js';
import type { FoundOrder } from './time-scanner.js';
import { TimeScanner, unpackAmbiguous } from './time-scanner.js';
import type { CalendarStyle, ClockStyle, TimeStyle } from './time-style.js';

export type DayMonthOrder = 'mdy' | 'dmy';

/** The times of one series as `add` returned them, with the line of each for messages. */
export interface RawTimes {
  readonly times: Float64Array;
  readonly lines: { lineOf(row: number): number };
}

/**
 * The time column of a file. What a date means and how it is written may show only in a later row (7/1/2016 or a month
 * without a zero), so `add` returns a raw time and collects evidence, and `finish` turns all raw times into real ones.
 */
export class TimeColumn {
  readonly warnings: string[] = [];
  readonly #source: string;
  readonly #name: string;
  readonly #scan = new TimeScanner();
  #order: FoundOrder | undefined;
  #example = '';
  #separator = '';
  #clockSeparator = '';
  #zone: string | undefined;
  #zoneMinutes = 0;
  #zoneVaries = false;
  #seconds = false;
  #fractionDigits = 0;
  #decimals = 0;
  #years = true;
  #dayMonth: DayMonthOrder | undefined;

  constructor(source: string, name: string, dayMonth?: DayMonthOrder) {
    this.#source = source;
    this.#name = name;
    this.#dayMonth = dayMonth;
  }

  addText(text: string, line: number): number {
    const bytes = Buffer.from(text, 'utf8');
    return this.add(bytes, 0, bytes.length, line);
  }

  /** ERR_BAD_DATA for text that is no time, or not of the kind of the rows before. */
  add(bytes: Uint8Array, start: number, end: number, line: number): number {
    const scan = this.#scan;
    const time = scan.scan(bytes, start, end);
    if (Number.isNaN(time) || (this.#order !== undefined && scan.order !== this.#order))
      throw this.#notATime(bytes, start, end, line);
    if (this.#order === undefined) this.#begin(bytes, start, end);
    if (scan.order === 'number') {
      if (scan.decimals > this.#decimals) this.#decimals = scan.decimals;
      if (time < 1500 || time > 2200) this.#years = false;
    } else {
      if (scan.clockSeparator !== '') this.#noteClock();
      if (scan.order === 'ambiguous') this.#noteDayMonth(line);
    }
    return time;
  }

  /** Replaces the raw times in place and says how they are written. Call it once, with all of them. */
  finish(all: readonly RawTimes[]): TimeStyle {
    if (this.#order === 'number' || this.#order === undefined) return this.#finishNumbers(all);
    if (this.#order === 'ambiguous') {
      const order = this.#dayMonth ?? this.#guessDayMonth(all);
      for (const { times } of all)
        for (let i = 0; i < times.length; i++) times[i] = unpackAmbiguous(times[i] as number, order);
      return this.#calendar(order);
    }
    return this.#calendar(this.#order);
  }

  #begin(bytes: Uint8Array, start: number, end: number): void {
    this.#order = this.#scan.order;
    this.#scan.numbersOnly = this.#order === 'number';
    this.#example = textOf(bytes, start, end);
    this.#separator = this.#scan.separator;
  }

  #noteClock(): void {
    const scan = this.#scan;
    this.#clockSeparator = scan.clockSeparator;
    if (scan.hasSeconds) this.#seconds = true;
    if (scan.fractionDigits > this.#fractionDigits) this.#fractionDigits = scan.fractionDigits;
    if (this.#zone === undefined) {
      this.#zone = scan.zone;
      this.#zoneMinutes = scan.zoneMinutes;
    } else if (scan.zoneMinutes !== this.#zoneMinutes) this.#zoneVaries = true;
  }

  /** A part above 12 is a day. */
  #noteDayMonth(line: number): void {
    const { firstPart, secondPart } = this.#scan;
    const found = firstPart > 12 ? 'dmy' : secondPart > 12 ? 'mdy' : undefined;
    if (found === undefined || found === this.#dayMonth) return;
    if (this.#dayMonth !== undefined) {
      throw this.#fail(
        line,
        `expected ${this.#dayMonth === 'mdy' ? 'month/day/year' : 'day/month/year'} as before, got ${firstPart} and ${secondPart}`,
      );
    }
    this.#dayMonth = found;
  }

  /** No part is above 12: take the reading whose series is more regular, then the writing habit. */
  #guessDayMonth(all: readonly RawTimes[]): DayMonthOrder {
    let longest = new Float64Array();
    for (const { times } of all) if (times.length > longest.length) longest = times.slice();
    const [mdy, dmy] = (['mdy', 'dmy'] as const).map((order) =>
      regularity(longest.map((packed) => unpackAmbiguous(packed, order))),
    );
    if (mdy !== undefined && dmy !== undefined && mdy !== dmy) return mdy > dmy ? 'mdy' : 'dmy';
    const habit = this.#separator === '.' ? 'dmy' : 'mdy';
    this.warnings.push(
      `${this.#source}: column ${quote(this.#name)}: dates such as ${quote(this.#example)} were read as ${habit === 'mdy' ? 'month, day, year' : 'day, month, year'}; the option dateOrder says which`,
    );
    return habit;
  }

  #finishNumbers(all: readonly RawTimes[]): TimeStyle {
    const scale = 10 ** this.#decimals;
    for (const { times, lines } of all) {
      for (let i = 0; i < times.length; i++) {
        const scaled = Math.round((times[i] as number) * scale);
        if (!Number.isSafeInteger(scaled))
          throw this.#fail(
            lines.lineOf(i),
            `expected at most 15 digits, got ${times[i]} among numbers of ${this.#decimals} decimals`,
          );
        times[i] = scaled;
      }
    }
    return { kind: 'number', decimals: this.#decimals, years: this.#years && this.#decimals === 0 };
  }

  #calendar(order: CalendarStyle['order']): CalendarStyle {
    const style = { kind: 'calendar', order, separator: this.#separator, padded: !this.#scan.unpaddedSeen } as const;
    return this.#clockSeparator === '' ? style : { ...style, clock: this.#clock() };
  }

  #clock(): ClockStyle {
    if (this.#zoneVaries) {
      this.warnings.push(
        `${this.#source}: column ${quote(this.#name)}: the time zone changes; times are handled in UTC`,
      );
      this.#zone = '+00:00';
      this.#zoneMinutes = 0;
    }
    return {
      separator: this.#clockSeparator,
      paddedHour: !this.#scan.hourUnpaddedSeen,
      seconds: this.#seconds,
      fractionDigits: this.#fractionDigits,
      zone: this.#zone ?? '',
      zoneMinutes: this.#zoneMinutes,
    };
  }

  #notATime(bytes: Uint8Array, start: number, end: number, line: number): TidemergeError {
    const like =
      this.#example === ''
        ? 'a date, a date with time (to milliseconds) or a number'
        : `a time written like ${quote(this.#example)}`;
    return this.#fail(line, `expected ${like}, got ${quote(textOf(bytes, start, end))}`);
  }

  #fail(line: number, problem: string): TidemergeError {
    return new TidemergeError('ERR_BAD_DATA', `${this.#source}: line ${line}: column ${quote(this.#name)}: ${problem}`);
  }
}

/** Whether a text is a date (not just a number), for finding the time column of a file. */
export function looksLikeDate(text: string): boolean {
  const scan = new TimeScanner();
  const bytes = Buffer.from(text, 'utf8');
  return !Number.isNaN(scan.scan(bytes, 0, bytes.length)) && scan.order !== 'number';
}

function textOf(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.subarray(start, Math.min(end, start + 400))).toString('utf8');
}

/** The share of the commonest positive difference. */
function regularity(times: Float64Array): number {
  const counts = new Map<number, number>();
  let most = 0;
  for (let i = 1; i < times.length; i++) {
    const difference = (times[i] as number) - (times[i - 1] as number);
    const count = (counts.get(difference) ?? 0) + 1;
    counts.set(difference, count);
    if (difference > 0 && count > most) most = count;
  }
  return most;
}
