import { describe, expect, it } from 'vitest';
import { civilFromDays, daysFromCivil, daysInMonth, MS_PER_DAY, weekday } from '../../../lib/io/civil-date.js';
import { looksLikeDate, TimeColumn } from '../../../lib/io/time-column.js';
import type { TimeStep } from '../../../lib/io/time-step.js';
import { advance, futureTimes, parseTime, stepsBetween } from '../../../lib/io/time-step.js';
import { inferGrid, majorityStep, parseFrequency } from '../../../lib/io/time-step-infer.js';
import type { TimeStyle } from '../../../lib/io/time-style.js';
import { formatTime } from '../../../lib/io/time-style.js';
import { caught, matches, randomInts } from './temporary.js';

/** Reads texts as one column; returns the times and how to write them. */
function column(
  texts: readonly string[],
  order?: 'mdy' | 'dmy',
): { times: Float64Array; style: TimeStyle; warnings: string[] } {
  const time = new TimeColumn('x.csv', 'ds', order);
  const times = Float64Array.from(texts, (text, i) => time.addText(text, i + 2));
  const style = time.finish([{ times, lines: { lineOf: (row) => row + 2 } }]);
  return { times, style, warnings: time.warnings };
}

function stepOf(texts: readonly string[]): TimeStep | undefined {
  const { times, style } = column(texts);
  return inferGrid(times, style)?.step;
}

describe('civil dates', () => {
  it('agree with Date on every day from 1600 to 2400', () => {
    for (let days = daysFromCivil(1600, 1, 1); days <= daysFromCivil(2400, 12, 31); days++) {
      const date = new Date(days * MS_PER_DAY);
      const { year, month, day } = civilFromDays(days);
      if (year !== date.getUTCFullYear() || month !== date.getUTCMonth() + 1 || day !== date.getUTCDate())
        throw new Error(`day ${days}`);
      if (daysFromCivil(year, month, day) !== days || weekday(days) !== (date.getUTCDay() + 6) % 7)
        throw new Error(`day ${days}`);
    }
  });

  it('know their limits', () => {
    expect(civilFromDays(daysFromCivil(1, 1, 1))).toEqual({ year: 1, month: 1, day: 1 });
    expect(civilFromDays(daysFromCivil(9999, 12, 31))).toEqual({ year: 9999, month: 12, day: 31 });
    expect([1900, 2000, 2023, 2024].map((year) => daysInMonth(year, 2))).toEqual([28, 29, 28, 29]);
  });
});

describe('time stamps', () => {
  it.each([
    ['2016-07-01'],
    ['2016/7/1', '2016/7/2'],
    ['2016.7.1', '2016.12.31'],
    ['2016-07-01 00:00:00'],
    ['2016-07-01T13:05'],
    ['2016/7/1 2:00', '2016/10/1 12:00'],
    ['2016-07-01T13:05:09.250Z'],
    ['2016-07-01 13:05:09.5'],
    ['2016-07-01T13:05:00+02:00'],
    ['2016-07-01 13:05:00-0330'],
    ['2016-07-01 00:00:00 UTC'],
    ['2016-07-01 00:00:00.000000'],
    ['13/1/2016', '14/1/2016'],
    ['1/13/2016', '2/1/2016'],
    ['01/13/2016 05:00'],
    ['13.01.2016'],
    ['2016-07'],
    ['2016/7'],
    ['2016Q3'],
    ['2016-Q1'],
    ['2016 Q4'],
    ['20160701'],
    ['0', '1', '-5'],
    ['1970'],
    ['0.25', '0.50', '-1.75'],
    ['1467331200000'],
    ['0001-01-01'],
    ['9999-12-31'],
  ])('are written as they were read: %s', (...texts) => {
    const { times, style } = column(texts);
    expect([...times].map((time) => formatTime(time, style))).toEqual(texts);
    for (const [i, text] of texts.entries()) expect(parseTime(text, style)).toBe(times[i]);
  });

  it('mean what Date means', () => {
    const random = randomInts(3);
    for (let i = 0; i < 3000; i++) {
      const ms = (random(2 ** 31) - 2 ** 30) * 1000 + random(1000);
      const text = new Date(ms).toISOString();
      expect(column([text]).times[0]).toBe(ms);
      const zone = `${text.slice(0, 19)}+05:30`;
      expect(column([zone]).times[0]).toBe(Date.parse(zone));
    }
  });

  it.each([
    'abc',
    '',
    ' ',
    '2016-13-01',
    '2016-02-30',
    '2016-00-10',
    '2016-1-',
    '2016-01-01x',
    '2016-01-01 25:00',
    '2016-01-01 10',
    '2016-01-01 10:60',
    '2016-01-01 10:00:60',
    '2016-01-01 10:5',
    '2016-01-01 10:00:00.0001',
    '2016-01-01 10:00:00.',
    '2016-01-01 10:00+25:00',
    '2016-01-01 10:00 CET',
    '13/13/2016',
    '1/1/16',
    '2016-01/01',
    '-2016-01-01',
    '2016Q5',
    '2016Q',
    '2016Q11',
    '1e5',
    '1.5.',
    '--1',
    '1,5',
    '99999999999999999999',
    '0000-01-01',
    '123-01-01',
    '2016-001-01',
    '１',
  ])('are refused when they are none: %j', (text) => {
    matches(
      caught(() => column([text])),
      'ERR_BAD_DATA',
      /^x\.csv: line 2: column "ds": expected a date.*, got "/,
    );
  });

  it('must be of one kind', () => {
    matches(
      caught(() => column(['2016-01-01', '5'])),
      'ERR_BAD_DATA',
      /line 3: .*expected a time written like "2016-01-01", got "5"/,
    );
    matches(
      caught(() => column(['2016-01-01', '2016-01'])),
      'ERR_BAD_DATA',
      /line 3/,
    );
    matches(
      caught(() => column(['5', '2016-01-01'])),
      'ERR_BAD_DATA',
      /line 3/,
    );
  });

  it('may lack the time of day in some rows', () => {
    const { times, style } = column(['2016-01-01', '2016-01-01 12:00']);
    expect([...times].map((time) => formatTime(time, style))).toEqual(['2016-01-01 00:00', '2016-01-01 12:00']);
  });

  it('of eight digits are dates or numbers by the first row', () => {
    expect(column(['20160701', '20160702']).style).toMatchObject({ order: 'compact' });
    expect(column(['5', '20160702']).times[1]).toBe(20_160_702);
    expect(column(['99999999']).style.kind).toBe('number');
  });

  it('with slashes show their order in any row', () => {
    expect(column(['1/2/2020', '1/3/2020', '13/3/2020']).times[0]).toBe(Date.UTC(2020, 1, 1));
    expect(column(['1/2/2020', '1/3/2020', '1/13/2020']).times[0]).toBe(Date.UTC(2020, 0, 2));
    // Neither part above 12: the reading with equal distances.
    expect(column(['1/2/2020', '2/2/2020', '3/2/2020']).times[0]).toBe(Date.UTC(2020, 1, 1));
    expect(column(['1/2/2020', '1/3/2020', '1/4/2020']).times[2]).toBe(Date.UTC(2020, 0, 4));
    // No evidence at all: the habit, and a warning.
    const slash = column(['1/2/2020']);
    expect([slash.times[0], slash.warnings.length]).toEqual([Date.UTC(2020, 0, 2), 1]);
    expect(slash.warnings[0]).toMatch(/"1\/2\/2020" were read as month, day, year; the option dateOrder/);
    expect(column(['1.2.2020']).times[0]).toBe(Date.UTC(2020, 1, 1));
    expect(column(['1/2/2020'], 'dmy')).toMatchObject({ warnings: [] });
    expect(column(['1/2/2020'], 'dmy').times[0]).toBe(Date.UTC(2020, 1, 1));
    matches(
      caught(() => column(['13/1/2020', '1/13/2020'])),
      'ERR_BAD_DATA',
      /line 3: .*expected day\/month\/year as before, got 1 and 13/,
    );
    matches(
      caught(() => column(['13/1/2020'], 'mdy')),
      'ERR_BAD_DATA',
      /month\/day\/year/,
    );
  });

  it('of a changing zone are handled in UTC', () => {
    const { times, style, warnings } = column(['2024-03-31T00:00:00+01:00', '2024-03-31T03:00:00+02:00']);
    expect((times[1] as number) - (times[0] as number)).toBe(2 * 3_600_000);
    expect(formatTime(times[0] as number, style)).toBe('2024-03-30T23:00:00+00:00');
    expect(warnings[0]).toMatch(/the time zone changes/);
  });

  it('refuse numbers that cannot be told apart', () => {
    matches(
      caught(() => column(['0.000000001', '9007199254740991'])),
      'ERR_BAD_DATA',
      /line 3: .*at most 15 digits/,
    );
  });

  it('are told from numbers and words', () => {
    expect(['2016-01-01', '1/1/2016', '2016Q1', '20160101'].every(looksLikeDate)).toBe(true);
    expect(['2016', '1.5', 'OT', '', 'H1'].some(looksLikeDate)).toBe(false);
  });
});

describe('steps', () => {
  it.each<[string, string[], string, number, string[]]>([
    [
      'hours',
      ['2016-07-01 22:00', '2016-07-01 23:00', '2016-07-02 00:00'],
      'second',
      3600,
      ['2016-07-02 01:00', '2016-07-02 02:00'],
    ],
    [
      'quarters of an hour',
      ['2016/7/1 0:00', '2016/7/1 0:15', '2016/7/1 0:30'],
      'second',
      900,
      ['2016/7/1 0:45', '2016/7/1 1:00'],
    ],
    [
      'milliseconds',
      ['2016-07-01 00:00:00.000', '2016-07-01 00:00:00.010', '2016-07-01 00:00:00.020'],
      'second',
      0.01,
      ['2016-07-01 00:00:00.030', '2016-07-01 00:00:00.040'],
    ],
    ['days', ['2024-02-27', '2024-02-28', '2024-02-29'], 'day', 1, ['2024-03-01', '2024-03-02']],
    ['weeks', ['1958-03-29', '1958-04-05', '1958-04-12'], 'week', 1, ['1958-04-19', '1958-04-26']],
    ['ten days', ['2024-01-01', '2024-01-11', '2024-01-21'], 'day', 10, ['2024-01-31', '2024-02-10']],
    [
      'working days',
      ['2024-01-04', '2024-01-05', '2024-01-08', '2024-01-09'],
      'businessDay',
      1,
      ['2024-01-10', '2024-01-11', '2024-01-12', '2024-01-15'],
    ],
    ['days of one working week', ['2024-01-03', '2024-01-04', '2024-01-05'], 'day', 1, ['2024-01-06']],
    ['first days of months', ['2023-11-01', '2023-12-01', '2024-01-01'], 'month', 1, ['2024-02-01', '2024-03-01']],
    [
      'last days of months',
      ['2023-11-30', '2023-12-31', '2024-01-31'],
      'month',
      1,
      ['2024-02-29', '2024-03-31', '2024-04-30'],
    ],
    ['the 30th of months', ['2023-01-30', '2023-02-28', '2023-03-30'], 'month', 1, ['2023-04-30', '2023-05-30']],
    ['two months', ['2023-01-01', '2023-03-01', '2023-05-01'], 'month', 2, ['2023-07-01']],
    ['quarters', ['2023-01-01', '2023-04-01', '2023-07-01'], 'quarter', 1, ['2023-10-01', '2024-01-01']],
    ['quarters by name', ['2023Q2', '2023Q3', '2023Q4'], 'quarter', 1, ['2024Q1', '2024Q2']],
    ['months by name', ['2023-11', '2023-12', '2024-01'], 'month', 1, ['2024-02', '2024-03']],
    ['years', ['2000-01-01', '2001-01-01', '2002-01-01'], 'year', 1, ['2003-01-01', '2004-01-01']],
    ['leap days', ['2016-02-29', '2017-02-28', '2018-02-28'], 'year', 1, ['2019-02-28', '2020-02-29']],
    ['years as numbers', ['1871', '1872', '1873'], 'year', 1, ['1874', '1875']],
    ['an index', ['0', '1', '2'], 'index', 1, ['3', '4', '5']],
    ['an index from below zero', ['-4', '-2', '0'], 'index', 2, ['2', '4']],
    ['decimals', ['0.0', '0.1', '0.2', '0.3'], 'index', 0.1, ['0.4', '0.5', '0.6']],
    ['epoch seconds', ['1467331200', '1467334800', '1467338400'], 'index', 3600, ['1467342000']],
    [
      'months across a zone',
      ['2023-01-01T00:00:00+02:00', '2023-02-01T00:00:00+02:00', '2023-03-01T00:00:00+02:00'],
      'month',
      1,
      ['2023-04-01T00:00:00+02:00'],
    ],
    ['days as day, month', ['30.01.2024', '31.01.2024', '01.02.2024'], 'day', 1, ['02.02.2024']],
  ])('of %s', (_, texts, unit, count, future) => {
    const step = stepOf(texts) as TimeStep;
    expect(step).toMatchObject({ unit, count });
    expect(futureTimes(texts.at(-1) as string, step, future.length)).toEqual(future);
  });

  it('are found through gaps', () => {
    expect(stepOf(['2024-01-01', '2024-01-02', '2024-01-05', '2024-01-06'])).toMatchObject({ unit: 'day', count: 1 });
    expect(stepOf(['2023-01-01', '2023-02-01', '2023-05-01', '2023-06-01'])).toMatchObject({ unit: 'month', count: 1 });
    expect(stepOf(['0', '2', '4', '5', '7', '9'])).toMatchObject({ unit: 'index', count: 1 });
    const { times, style } = column(['2024-01-05', '2024-01-08', '2024-01-09', '2024-01-12', '2024-01-15']);
    expect([...inferGrid(times, style)!.places]).toEqual([0, 1, 2, 5, 6]);
  });

  it('are not invented', () => {
    expect(stepOf(['0', '1'])).toBeUndefined();
    expect(stepOf(['0', '1', '2', '3.5', '10.25'])).toBeUndefined();
    expect(stepOf(['0', '7', '1007', '1008', '90000'])).toBeUndefined();
    expect(stepOf(['2024-01-01 00:00:00', '2024-01-01 01:00:03', '2024-01-01 02:00:00'])).toBeUndefined();
  });

  it('lead there and back for every unit', () => {
    const { style } = column(['2020-01-31 12:00']);
    const start = Date.UTC(2020, 0, 31, 12);
    const units = ['second', 'day', 'businessDay', 'week', 'month', 'quarter', 'year'] as const;
    for (const unit of units) {
      for (const count of unit === 'businessDay' ? [1] : [1, 2, 7]) {
        const step: TimeStep = {
          unit,
          count,
          style,
          ...(['month', 'quarter', 'year'].includes(unit) ? { anchorDay: 31 } : {}),
        };
        for (const n of [0, 1, 2, 5, 6, 13, 100, 1000])
          expect(stepsBetween(start, advance(start, step, n), step)).toBe(n);
        expect(stepsBetween(start, advance(start, step, 3) + 1000, step)).toSatisfy(
          (steps) => Number.isNaN(steps) || unit === 'second',
        );
      }
    }
  });

  it('of working days go on from the Friday before a weekend', () => {
    const { style } = column(['2024-01-05']);
    const step: TimeStep = { unit: 'businessDay', count: 1, style };
    for (const last of ['2024-01-05', '2024-01-06', '2024-01-07'])
      expect(futureTimes(last, step, 2)).toEqual(['2024-01-08', '2024-01-09']);
  });

  it('of most series count', () => {
    const { style } = column(['2020-01-01']);
    const day: TimeStep = { unit: 'day', count: 1, style };
    const week: TimeStep = { unit: 'week', count: 1, style };
    expect(majorityStep([week, day, day])).toBe(day);
    expect(majorityStep([])).toBeUndefined();
  });

  it('have the names of pandas', () => {
    const { style } = column(['2020-01-01']);
    const expected: [string, string, number][] = [
      ['h', 'second', 3600],
      ['15min', 'second', 900],
      ['30T', 'second', 1800],
      ['s', 'second', 1],
      ['D', 'day', 1],
      ['B', 'businessDay', 1],
      ['W-SUN', 'week', 1],
      ['2W', 'week', 2],
      ['M', 'month', 1],
      ['MS', 'month', 1],
      ['ME', 'month', 1],
      ['QS', 'quarter', 1],
      ['Q-DEC', 'quarter', 1],
      ['YE', 'year', 1],
      ['A', 'year', 1],
      ['daily', 'day', 1],
    ];
    for (const [alias, unit, count] of expected) expect(parseFrequency(alias, style)).toMatchObject({ unit, count });
    for (const alias of ['', 'x', '0D', '-1D', '1.5h', '2B', 'D D', '9999999D']) {
      matches(
        caught(() => parseFrequency(alias, style)),
        'ERR_INVALID_ARGUMENT',
        /freq: expected a frequency/,
      );
    }
    expect(parseFrequency('2D', column(['1', '2']).style)).toMatchObject({ unit: 'index', count: 2 });
  });

  it('refuse horizons and times that are none', () => {
    const step = stepOf(['0', '1', '2']) as TimeStep;
    expect(futureTimes('5', step, 0)).toEqual([]);
    for (const horizon of [-1, 1.5, NaN])
      matches(
        caught(() => futureTimes('5', step, horizon)),
        'ERR_INVALID_ARGUMENT',
        /horizon/,
      );
    matches(
      caught(() => futureTimes('2020-01-01', step, 1)),
      'ERR_INVALID_ARGUMENT',
      /expected a number, got "2020-01-01"/,
    );
  });
});
