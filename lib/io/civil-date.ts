/** Days and milliseconds since 1970-01-01 in the proleptic Gregorian calendar, without Date objects. */
export const MS_PER_DAY = 86_400_000;

export interface CivilDate {
  readonly year: number;
  /** 1 to 12. */
  readonly month: number;
  readonly day: number;
}

const DAYS_BEFORE_MONTH = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334] as const;
/** Days from 0001-01-01 to 1970-01-01. */
const EPOCH_DAYS = 719_162;

function isLeap(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

export function daysInMonth(year: number, month: number): number {
  if (month === 2) return isLeap(year) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

export function daysFromCivil(year: number, month: number, day: number): number {
  const before = year - 1;
  const leapDays = Math.floor(before / 4) - Math.floor(before / 100) + Math.floor(before / 400);
  const leapDay = month > 2 && isLeap(year) ? 1 : 0;
  return before * 365 + leapDays + (DAYS_BEFORE_MONTH[month - 1] as number) + leapDay + day - 1 - EPOCH_DAYS;
}

export function civilFromDays(days: number): CivilDate {
  // 146 097 days are 400 years; the estimate is at most one year too early or too late.
  let year = Math.floor(((days + EPOCH_DAYS) * 400) / 146_097) + 1;
  while (daysFromCivil(year, 1, 1) > days) year--;
  while (daysFromCivil(year + 1, 1, 1) <= days) year++;
  let rest = days - daysFromCivil(year, 1, 1);
  let month = 1;
  while (rest >= daysInMonth(year, month)) rest -= daysInMonth(year, month++);
  return { year, month, day: rest + 1 };
}

/** 0 is Monday, 6 is Sunday. */
export function weekday(days: number): number {
  return (((days + 3) % 7) + 7) % 7;
}
