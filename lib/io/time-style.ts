import { civilFromDays, MS_PER_DAY } from './civil-date.js';

/**
 * How the time stamps of a file are written. A time is a number: for `number` the value times 10^decimals, for `calendar`
 * the milliseconds since 1970 of that moment (of the same wall clock reading in UTC when the text has no zone).
 */
export type TimeStyle = NumberStyle | CalendarStyle;

export interface NumberStyle {
  readonly kind: 'number';
  /** Digits behind the point. */
  readonly decimals: number;
  /** All are integers that look like years. */
  readonly years: boolean;
}

export interface CalendarStyle {
  readonly kind: 'calendar';
  /** Order of year, month, day; `ym` a month, `yq` a quarter, `compact` 20160701. */
  readonly order: DateOrder;
  /** '-', '/' or '.' between the parts of a date; '', '-' or ' ' before the Q of a quarter. */
  readonly separator: string;
  /** 07 rather than 7. */
  readonly padded: boolean;
  readonly clock?: ClockStyle;
}

export type DateOrder = 'ymd' | 'mdy' | 'dmy' | 'ym' | 'yq' | 'compact';

export interface ClockStyle {
  /** Between date and time of day: ' ' or 'T'. */
  readonly separator: string;
  readonly paddedHour: boolean;
  readonly seconds: boolean;
  /** Digits of a second's fraction. */
  readonly fractionDigits: number;
  /** As written: '', 'Z', '+02:00', ' UTC' … */
  readonly zone: string;
  readonly zoneMinutes: number;
}

/** Writes a time as the file writes its own. */
export function formatTime(value: number, style: TimeStyle): string {
  if (style.kind === 'number') return formatScaled(value, style.decimals);
  const local = value + zoneMs(style);
  const days = Math.floor(local / MS_PER_DAY);
  const date = formatDate(days, style);
  return style.clock === undefined ? date : date + formatClock(local - days * MS_PER_DAY, style.clock);
}

/** What to add to a time to get the reading of the wall clock. */
export function zoneMs(style: CalendarStyle): number {
  return (style.clock?.zoneMinutes ?? 0) * 60_000;
}

function formatScaled(value: number, decimals: number): string {
  if (decimals === 0) return String(value);
  const digits = String(Math.abs(value)).padStart(decimals + 1, '0');
  return `${value < 0 ? '-' : ''}${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
}

function formatDate(days: number, { order, separator, padded }: CalendarStyle): string {
  const civil = civilFromDays(days);
  const year = String(civil.year).padStart(4, '0');
  const month = padded ? two(civil.month) : String(civil.month);
  const day = padded ? two(civil.day) : String(civil.day);
  switch (order) {
    case 'ymd':
      return `${year}${separator}${month}${separator}${day}`;
    case 'mdy':
      return `${month}${separator}${day}${separator}${year}`;
    case 'dmy':
      return `${day}${separator}${month}${separator}${year}`;
    case 'ym':
      return `${year}${separator}${month}`;
    case 'yq':
      return `${year}${separator}Q${Math.ceil(civil.month / 3)}`;
    case 'compact':
      return `${year}${two(civil.month)}${two(civil.day)}`;
  }
}

function formatClock(ms: number, clock: ClockStyle): string {
  const hours = Math.floor(ms / 3_600_000);
  const hour = clock.paddedHour ? two(hours) : String(hours);
  let text = `${clock.separator}${hour}:${two(Math.floor(ms / 60_000) % 60)}`;
  if (clock.seconds) text += `:${two(Math.floor(ms / 1000) % 60)}`;
  // Milliseconds are the finest resolution; a longer fraction in the file is all zeros behind them.
  if (clock.fractionDigits > 0)
    text += `.${String(ms % 1000)
      .padStart(3, '0')
      .padEnd(clock.fractionDigits, '0')
      .slice(0, clock.fractionDigits)}`;
  return text + clock.zone;
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}
