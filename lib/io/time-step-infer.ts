import { TidemergeError } from '../errors.js';
import { civilFromDays, daysInMonth, MS_PER_DAY, weekday } from './civil-date.js';
import { quote } from './quote.js';
import type { TimeStep, TimeUnit } from './time-step.js';
import { localDays, localTimeOfDay, monthsOf, stepsBetween } from './time-step.js';
import type { CalendarStyle, TimeStyle } from './time-style.js';

/** Fewer points say nothing about a step. */
export const MIN_POINTS = 3;
const MS_PER_WEEK = 7 * MS_PER_DAY;

/** Times as a grid: the step, and the place of each time on it. */
export interface Grid {
  readonly step: TimeStep;
  /** Places counted from the first time, increasing. */
  readonly places: Float64Array;
}

/**
 * The grid on which strictly increasing times lie, or undefined when there is none. Calendar steps come first (the first
 * of every month is a month apart, not 30.4 days), then working days, then the commonest difference, then the smallest.
 */
export function inferGrid(times: Float64Array, style: TimeStyle): Grid | undefined {
  if (times.length < MIN_POINTS) return undefined;
  const { commonest, smallest } = differences(times);
  const candidates: TimeStep[] = [];
  if (style.kind === 'calendar') {
    if (smallest >= 28 * MS_PER_DAY) candidates.push(...monthSteps(times, style));
    if (smallest === MS_PER_DAY && avoidsWeekends(times, style)) {
      candidates.push({ unit: 'businessDay', count: 1, style });
    }
  }
  candidates.push(fixedStep(commonest, style), fixedStep(smallest, style));
  for (const step of candidates) {
    const places = placesOn(times, step);
    if (places !== undefined && isDense(places)) return { step, places };
  }
  return undefined;
}

/** Any integers lie on a grid of ones: it means something when most neighbours touch, or a quarter of it is filled. */
function isDense(places: Float64Array): boolean {
  let touching = 0;
  for (let i = 1; i < places.length; i++) if (places[i] === (places[i - 1] as number) + 1) touching++;
  return touching * 2 > places.length - 1 || (places.at(-1) as number) < 4 * places.length;
}

/** For times on no grid: the commonest difference if most are the same, so that a forecast can be dated. */
export function likelyStep(times: Float64Array, style: TimeStyle): TimeStep | undefined {
  if (times.length < MIN_POINTS) return undefined;
  const { commonest, most } = differences(times);
  return most * 2 > times.length - 1 ? fixedStep(commonest, style) : undefined;
}

/** The place of each time on a grid that begins at the first one; undefined when one of them lies beside it. */
export function placesOn(times: Float64Array, step: TimeStep): Float64Array | undefined {
  const places = new Float64Array(times.length);
  const first = times[0] as number;
  for (let i = 1; i < times.length; i++) {
    const place = stepsBetween(first, times[i] as number, step);
    if (!(place > (places[i - 1] as number))) return undefined;
    places[i] = place;
  }
  return places;
}

/** A step for series too short to have one: that of most other series of the file. */
export function majorityStep(steps: readonly TimeStep[]): TimeStep | undefined {
  const groups = new Map<string, { count: number; step: TimeStep }>();
  let most: { count: number; step: TimeStep } | undefined;
  for (const step of steps) {
    const key = `${step.unit} ${step.count}`;
    const group = groups.get(key) ?? { count: 0, step };
    group.count++;
    groups.set(key, group);
    if (most === undefined || group.count > most.count) most = group;
  }
  return most?.step;
}

/** The step for a series of other days: months keep the day of that series, or the end of the month. */
export function adaptStep(step: TimeStep, times: Float64Array): TimeStep {
  const { style, anchorDay } = step;
  if (style.kind === 'number' || monthsOf(step) === undefined || times.length === 0) return step;
  if (anchorDay !== undefined && isAnchor(anchorDay, times, style)) return step;
  return { ...step, anchorDay: anchorOf(times, style) ?? civilFromDays(localDays(times.at(-1) as number, style)).day };
}

const ALIAS = /^(\d{1,6})?([A-Za-z]+)(?:-[A-Za-z]{3})?$/;
const ALIASES: ReadonlyMap<string, readonly [TimeUnit, number]> = new Map([
  ...names(['s', 'sec', 'second', 'seconds'], 'second', 1),
  ...names(['min', 't', 'minute', 'minutes'], 'second', 60),
  ...names(['h', 'hour', 'hours', 'hourly'], 'second', 3600),
  ...names(['d', 'day', 'days', 'daily'], 'day', 1),
  ...names(['b', 'business'], 'businessDay', 1),
  ...names(['w', 'week', 'weeks', 'weekly'], 'week', 1),
  ...names(['m', 'me', 'ms', 'month', 'months', 'monthly'], 'month', 1),
  ...names(['q', 'qe', 'qs', 'quarter', 'quarters', 'quarterly'], 'quarter', 1),
  ...names(['a', 'as', 'y', 'ye', 'ys', 'year', 'years', 'yearly'], 'year', 1),
]);

/** A step from the names that pandas users write: h, 15min, D, B, W-SUN, MS, QE, YS … ERR_INVALID_ARGUMENT for others. */
export function parseFrequency(text: string, style: TimeStyle): TimeStep {
  const match = ALIAS.exec(text.trim());
  const found = ALIASES.get(match?.[2]?.toLowerCase() ?? '');
  const count = Number(match?.[1] ?? 1);
  if (found === undefined || count === 0 || (found[0] === 'businessDay' && count !== 1)) {
    throw new TidemergeError(
      'ERR_INVALID_ARGUMENT',
      `freq: expected a frequency such as h, 15min, D, B, W, MS, QS or YS, got ${quote(text)}`,
    );
  }
  if (style.kind === 'number') return { unit: style.years ? 'year' : 'index', count, style };
  return { unit: found[0], count: found[1] * count, style };
}

function names(aliases: readonly string[], unit: TimeUnit, count: number): [string, readonly [TimeUnit, number]][] {
  return aliases.map((alias) => [alias, [unit, count]]);
}

function differences(times: Float64Array): { commonest: number; most: number; smallest: number } {
  const counts = new Map<number, number>();
  let commonest = (times[1] as number) - (times[0] as number);
  let smallest = commonest;
  let most = 0;
  for (let i = 1; i < times.length; i++) {
    const difference = (times[i] as number) - (times[i - 1] as number);
    const count = (counts.get(difference) ?? 0) + 1;
    counts.set(difference, count);
    if (count > most || (count === most && difference < commonest)) [commonest, most] = [difference, count];
    if (difference < smallest) smallest = difference;
  }
  return { commonest, most, smallest };
}

function fixedStep(size: number, style: TimeStyle): TimeStep {
  if (style.kind === 'number')
    return { unit: style.years ? 'year' : 'index', count: size / 10 ** style.decimals, style };
  if (size % MS_PER_WEEK === 0) return { unit: 'week', count: size / MS_PER_WEEK, style };
  if (size % MS_PER_DAY === 0) return { unit: 'day', count: size / MS_PER_DAY, style };
  return { unit: 'second', count: size / 1000, style };
}

/** The commonest number of months between neighbours, when all times are on the same day of the month. */
function monthSteps(times: Float64Array, style: CalendarStyle): TimeStep[] {
  const anchorDay = anchorOf(times, style);
  if (anchorDay === undefined) return [];
  const month: TimeStep = { unit: 'month', count: 1, anchorDay, style };
  const places = placesOn(times, month);
  if (places === undefined) return [];
  const months = differences(places).commonest;
  if (months % 12 === 0) return [{ ...month, unit: 'year', count: months / 12 }, month];
  return months % 3 === 0
    ? [{ ...month, unit: 'quarter', count: months / 3 }, month]
    : [{ ...month, count: months }, month];
}

/** The day of the month that all times share, 31 when all are last days; undefined when they share none. */
function anchorOf(times: Float64Array, style: CalendarStyle): number | undefined {
  let largest = 0;
  let allLast = true;
  for (const time of times) {
    const { year, month, day } = civilFromDays(localDays(time, style));
    if (day > largest) largest = day;
    if (day !== daysInMonth(year, month)) allLast = false;
  }
  if (allLast) return 31;
  return isAnchor(largest, times, style) ? largest : undefined;
}

function isAnchor(anchorDay: number, times: Float64Array, style: CalendarStyle): boolean {
  return times.every((time) => {
    const { year, month, day } = civilFromDays(localDays(time, style));
    return day === Math.min(anchorDay, daysInMonth(year, month));
  });
}

/** No time on a weekend although the times go past one. */
function avoidsWeekends(times: Float64Array, style: CalendarStyle): boolean {
  const timeOfDay = localTimeOfDay(times[0] as number, style);
  let crossed = false;
  let before = 0;
  for (const time of times) {
    const dayOfWeek = weekday(localDays(time, style));
    if (dayOfWeek > 4 || localTimeOfDay(time, style) !== timeOfDay) return false;
    if (dayOfWeek < before) crossed = true;
    before = dayOfWeek;
  }
  return crossed;
}
