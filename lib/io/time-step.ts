import { TidemergeError } from '../errors.js';
import { civilFromDays, daysFromCivil, daysInMonth, MS_PER_DAY, weekday } from './civil-date.js';
import { quote } from './quote.js';
import { TimeScanner, unpackAmbiguous } from './time-scanner.js';
import type { CalendarStyle, TimeStyle } from './time-style.js';
import { formatTime, zoneMs } from './time-style.js';

export type TimeUnit = 'index' | 'second' | 'day' | 'businessDay' | 'week' | 'month' | 'quarter' | 'year';

/** The distance of two neighbours of a regular series, and how their times are written. 15 minutes are 900 seconds. */
export interface TimeStep {
  readonly unit: TimeUnit;
  /** An integer, except for `index` and `second`. */
  readonly count: number;
  /** Of months, quarters and years: the day of the month; 31 is the last day of every month. */
  readonly anchorDay?: number;
  readonly style: TimeStyle;
}

/** The `horizon` times after `lastTime`, written as the file writes them. */
export function futureTimes(lastTime: string, step: TimeStep, horizon: number): string[] {
  if (!Number.isSafeInteger(horizon) || horizon < 0) {
    throw new TidemergeError(
      'ERR_INVALID_ARGUMENT',
      `futureTimes: horizon: expected a non-negative integer, got ${horizon}`,
    );
  }
  const last = parseTime(lastTime, step.style);
  return Array.from({ length: horizon }, (_, i) => formatTime(advance(last, step, i + 1), step.style));
}

/** The time of a text in a known style. ERR_INVALID_ARGUMENT when it is written otherwise. */
export function parseTime(text: string, style: TimeStyle): number {
  const scan = new TimeScanner();
  scan.numbersOnly = style.kind === 'number';
  const bytes = Buffer.from(text, 'utf8');
  const raw = scan.scan(bytes, 0, bytes.length);
  const kind = scan.order === 'number' ? 'number' : 'calendar';
  const time =
    scan.order === 'ambiguous'
      ? unpackAmbiguous(raw, style.kind === 'calendar' && style.order === 'dmy' ? 'dmy' : 'mdy')
      : raw;
  if (Number.isNaN(time) || kind !== style.kind) {
    throw new TidemergeError(
      'ERR_INVALID_ARGUMENT',
      `time: expected a ${style.kind === 'number' ? 'number' : 'date'}, got ${quote(text)}`,
    );
  }
  return style.kind === 'number' ? Math.round(time * 10 ** style.decimals) : time;
}

/** How many steps lead from `a` to `b`; NaN when no whole number does. */
export function stepsBetween(a: number, b: number, step: TimeStep): number {
  const months = monthsOf(step);
  if (months === undefined && step.unit !== 'businessDay') return whole((b - a) / sizeOf(step));
  const style = step.style as CalendarStyle;
  if (localTimeOfDay(a, style) !== localTimeOfDay(b, style)) return NaN;
  const position = months === undefined ? businessPosition : monthPosition;
  return whole((position(b, step) - position(a, step)) / (months ?? step.count));
}

/** The time `count` steps after `time`. */
export function advance(time: number, step: TimeStep, count: number): number {
  const months = monthsOf(step);
  if (months === undefined && step.unit !== 'businessDay') return time + count * sizeOf(step);
  const offset = zoneMs(step.style as CalendarStyle);
  const days = Math.floor((time + offset) / MS_PER_DAY);
  const timeOfDay = time + offset - days * MS_PER_DAY;
  const target =
    months === undefined ? addBusinessDays(days, count * step.count) : addMonths(days, months * count, step.anchorDay);
  return target * MS_PER_DAY + timeOfDay - offset;
}

/** Length in months of a step that follows the calendar, undefined for the others. */
export function monthsOf({ unit, count, style }: TimeStep): number | undefined {
  if (style.kind === 'number') return undefined;
  if (unit === 'month') return count;
  if (unit === 'quarter') return count * 3;
  return unit === 'year' ? count * 12 : undefined;
}

/** Days since 1970 on the wall clock. */
export function localDays(time: number, style: CalendarStyle): number {
  return Math.floor((time + zoneMs(style)) / MS_PER_DAY);
}

/** Milliseconds since midnight on the wall clock. */
export function localTimeOfDay(time: number, style: CalendarStyle): number {
  const local = time + zoneMs(style);
  return local - Math.floor(local / MS_PER_DAY) * MS_PER_DAY;
}

/** Length of a fixed step in the unit of times. */
function sizeOf({ unit, count, style }: TimeStep): number {
  if (style.kind === 'number') return Math.round(count * 10 ** style.decimals);
  if (unit === 'week') return count * 7 * MS_PER_DAY;
  return unit === 'day' ? count * MS_PER_DAY : Math.round(count * 1000);
}

/** Months since year 0; NaN for a day that is not the anchor. */
function monthPosition(time: number, { style, anchorDay }: TimeStep): number {
  const { year, month, day } = civilFromDays(localDays(time, style as CalendarStyle));
  const expected = Math.min(anchorDay ?? day, daysInMonth(year, month));
  return day === expected ? year * 12 + month - 1 : NaN;
}

/** Working days since some Monday; NaN on weekends. */
function businessPosition(time: number, { style }: TimeStep): number {
  const days = localDays(time, style as CalendarStyle);
  const dayOfWeek = weekday(days);
  return dayOfWeek > 4 ? NaN : ((days - dayOfWeek + 3) / 7) * 5 + dayOfWeek;
}

function addBusinessDays(days: number, count: number): number {
  // A forecast that starts on a weekend starts from the Friday before.
  const dayOfWeek = Math.min(weekday(days), 4);
  const monday = days - weekday(days);
  const total = dayOfWeek + count;
  return monday + Math.floor(total / 5) * 7 + (((total % 5) + 5) % 5);
}

function addMonths(days: number, count: number, anchorDay: number | undefined): number {
  const { year, month, day } = civilFromDays(days);
  const total = year * 12 + month - 1 + count;
  const [newYear, newMonth] = [Math.floor(total / 12), (((total % 12) + 12) % 12) + 1];
  return daysFromCivil(newYear, newMonth, Math.min(anchorDay ?? day, daysInMonth(newYear, newMonth)));
}

function whole(value: number): number {
  return Number.isInteger(value) ? value : NaN;
}
