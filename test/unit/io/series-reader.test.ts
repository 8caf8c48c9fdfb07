import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { SeriesOptions, SeriesTable } from '../../../lib/io/series-reader.js';
import { readSeries } from '../../../lib/io/series-reader.js';
import { futureTimes } from '../../../lib/io/time-step.js';
import { chunksOf, matches, randomInts, rejected } from './temporary.js';

const read = (text: string | Uint8Array, options: SeriesOptions = {}): Promise<SeriesTable> =>
  readSeries(chunksOf(Buffer.from(text), 1000), { name: 'x.csv', ...options });

/** Ids and values as plain lists. */
const plain = ({ ids, values }: SeriesTable) =>
  Object.fromEntries(ids.map((id, i) => [id, [...(values[i] as Float64Array)]]));

describe('long tables', () => {
  it.each([
    ['unique_id,ds,y', 'A,2020-01-01,1'],
    ['item_id,timestamp,target', 'A,2020-01-01,1'],
    ['DS,Y,Unique_ID', '2020-01-01,1,A'],
    [' unique_id ,"ds", y', 'A,2020-01-01,1'],
  ])('knows the columns %s', async (header, row) => {
    const table = await read(`${header}\n${row}\n`);
    expect(plain(table)).toEqual({ A: [1] });
    expect(table.times?.[0]).toMatchObject({ first: '2020-01-01', last: '2020-01-01' });
  });

  it('groups rows whose series are interleaved, in order of appearance', async () => {
    const table = await read(
      'unique_id,ds,y\nB,2020-01-01,1\nA,2020-01-01,2\nB,2020-01-02,3\n"A",2020-01-02,4\nB,2020-01-03,5\nA,2020-01-03,NA\n',
    );
    expect(table.ids).toEqual(['B', 'A']);
    expect(plain(table)).toEqual({ B: [1, 3, 5], A: [2, 4, NaN] });
    expect(table.warnings).toEqual([]);
    const { last, step } = table.times![0]!;
    expect(futureTimes(last, step!, 2)).toEqual(['2020-01-04', '2020-01-05']);
  });

  it('tells ids apart that are equal only as bytes', async () => {
    const table = await read('unique_id,y\n"a""b",1\n"a""b",2\na""b,3\n"a""b",4\na""b,5\n');
    expect(plain(table)).toEqual({ 'a"b': [1, 2, 4], 'a""b': [3, 5] });
  });

  it('takes a file without an id as one series, and columns named by the caller', async () => {
    expect(plain(await read('ds,y\n2020-01-01,1\n2020-01-02,2\n'))).toEqual({ y: [1, 2] });
    const text = 'when,who,sales,price\n2020-01-01,A,1,9\n2020-01-01,B,2,8\n';
    const table = await read(text, { id: 'who', time: 'when', target: 'sales' });
    expect(plain(table)).toEqual({ A: [1], B: [2] });
    expect(table.warnings[0]).toMatch(/x\.csv: ignored the columns "price"/);
    expect(plain(await read('unique_id,ds,sales\nA,1,5\n'))).toEqual({ A: [5] });
    matches(
      await rejected(() => read(text, { target: 'Sales' })),
      'ERR_BAD_DATA',
      /x\.csv: target: expected a column "Sales", got the columns "when", "who"/,
    );
    matches(
      await rejected(() => read(text, { id: 'who' })),
      'ERR_BAD_DATA',
      /target: expected a column y or target, or its name/,
    );
  });

  it('needs no time column', async () => {
    const table = await read('unique_id,y\nA,1\nB,2\nA,3\n');
    expect(plain(table)).toEqual({ A: [1, 3], B: [2] });
    expect(table.times).toBeUndefined();
    expect(plain(await read('unique_id,y\n2020-01-01,1\n2020-01-01,2\n'))).toEqual({ '2020-01-01': [1, 2] });
  });

  it('refuses what is no number, no time or no id, and says where', async () => {
    matches(
      await rejected(() => read('unique_id,ds,y\nA,2020-01-01,1\nA,2020-01-02,many\n')),
      'ERR_BAD_DATA',
      /^x\.csv: line 3: column "y": expected a finite number, got "many"$/,
    );
    matches(
      await rejected(() => read('unique_id,ds,y\nA,2020-01-01,inf\n')),
      'ERR_BAD_DATA',
      /line 2: column "y": .*got "inf"/,
    );
    matches(
      await rejected(() => read('unique_id;ds;y\nA;2020-01-01;1,5\n')),
      'ERR_BAD_DATA',
      /got "1,5"; for decimal commas pass decimal: ','/,
    );
    matches(
      await rejected(() => read('unique_id,ds,y\nA,2020-01-01,1\nA,,2\n')),
      'ERR_BAD_DATA',
      /line 3: column "ds": expected a time written like "2020-01-01", got ""/,
    );
    matches(
      await rejected(() => read('unique_id,ds,y\n,2020-01-01,1\n')),
      'ERR_BAD_DATA',
      /line 2: column "unique_id": expected an id, got an empty cell/,
    );
    matches(await rejected(() => read('unique_id,ds,y\nA,2020-01-01\n')), 'ERR_BAD_DATA', /line 2: expected 3 cells/);
  });
});

describe('wide tables', () => {
  it('reads one series per column beside the time', async () => {
    const table = await read(
      'date,a,b\n2020-01-01 00:00:00,1,-\n2020-01-01 01:00:00,2,0.5\n2020-01-01 02:00:00,,null\n',
    );
    expect(plain(table)).toEqual({ a: [1, 2, NaN], b: [NaN, 0.5, NaN] });
    expect(table.times).toHaveLength(2);
    expect(table.times?.[1]).toMatchObject({
      first: '2020-01-01 00:00:00',
      last: '2020-01-01 02:00:00',
      step: { unit: 'second', count: 3600 },
    });
  });

  it.each(['date', 'ds', 'Timestamp', 'time', 'DateTime', 'year', '', 'index', 'anything at all'])(
    'finds the time column %j',
    async (name) => {
      const times = name === 'anything at all' ? ['2001-01-01', '2001-01-02', '2001-01-03'] : ['2001', '2002', '2003'];
      const table = await read(`${name},a,b\n${times.map((time, i) => `${time},${i},7\n`).join('')}`);
      expect(plain(table)).toEqual({ a: [0, 1, 2], b: [7, 7, 7] });
      expect(table.times?.[0]?.last).toBe(times[2]);
    },
  );

  it('finds a named time column anywhere, and reads without any', async () => {
    expect(plain(await read('a,date\n1,2020-01-01\n2,2020-01-02\n'))).toEqual({ a: [1, 2] });
    const table = await read('a,b\n1,2\n3,4\n');
    expect(plain(table)).toEqual({ a: [1, 3], b: [2, 4] });
    expect(table.times).toBeUndefined();
  });

  it('reads files without column names', async () => {
    expect(plain(await read('0.1,5\n0.2,6\n'))).toEqual({ 0: [0.1, 0.2], 1: [5, 6] });
    expect(plain(await read('2020-01-01,5\n2020-01-02,6\n'))).toEqual({ 1: [5, 6] });
    expect(plain(await read('1\n2\n\n4\n\n\n'))).toEqual({ 0: [1, 2, NaN, 4] });
    expect(plain(await read('1,2\n3,4\n', { header: true }))).toEqual({ 1: [3], 2: [4] });
    expect(
      plain(
        await read('a,b\n3,4\n', { header: false, form: 'wide' }).catch(
          (error: Error) => ({ ids: [error.message], values: [new Float64Array()] }) as unknown as SeriesTable,
        ),
      ),
    ).toEqual({
      'x.csv: line 1: column "0": expected a finite number, got "a"': [],
    });
  });

  it('reads only the columns asked for', async () => {
    const text = 'date,city,a,b\n2020-01-01,Rom,1,2\n';
    expect(plain(await read(text, { columns: ['b'] }))).toEqual({ b: [2] });
    matches(await rejected(() => read(text)), 'ERR_BAD_DATA', /column "city": expected a finite number, got "Rom"/);
    matches(await rejected(() => read(text, { columns: ['c'] })), 'ERR_BAD_DATA', /columns: expected a column "c"/);
  });

  it('refuses names twice and files without values', async () => {
    matches(
      await rejected(() => read('date,a,a\n2020-01-01,1,2\n')),
      'ERR_BAD_DATA',
      /distinct names of series, got "a" twice/,
    );
    matches(
      await rejected(() => read('date,a\n')),
      'ERR_BAD_DATA',
      /expected rows of data, got only the row of column names "date", "a"/,
    );
    matches(await rejected(() => read('')), 'ERR_BAD_DATA', /got an empty file/);
    matches(await rejected(() => read('\n\n')), 'ERR_BAD_DATA', /got an empty file/);
  });

  it('understands other delimiters, decimal commas, encodings, archives', async () => {
    const expected = { größe: [1.5, 2.5] };
    const text = 'datum;größe\n01.02.2020;1,5\n13.02.2020;2,5\n';
    for (const bytes of [
      Buffer.from(text),
      gzipSync(text),
      Buffer.from(`\ufeff${text}`),
      Buffer.from(`\ufeff${text}`, 'utf16le'),
    ]) {
      const table = await read(bytes, { decimal: ',' });
      expect(plain(table)).toEqual(expected);
      expect(table.times?.[0]?.first).toBe('01.02.2020');
    }
    expect(plain(await read(Buffer.from(text, 'latin1'), { decimal: ',', encoding: 'latin1' }))).toEqual(expected);
    expect(plain(await read('date\ta\n2020-01-01\t1\n'))).toEqual({ a: [1] });
  });
});

describe('tables of one series per row', () => {
  it('reads rows of different lengths', async () => {
    const table = await read('"V1","V2","V3","V4"\n"H1",1,2,3\n"H2",4,,\n"H3",,5,\n');
    expect(plain(table)).toEqual({ H1: [1, 2, 3], H2: [4], H3: [NaN, 5] });
    expect(table.warnings).toEqual(['x.csv: read as one series per row']);
    matches(
      await rejected(() => read('id,a,b\nx,1,2\nx,3,4\n')),
      'ERR_BAD_DATA',
      /line 3: column "id": expected distinct ids, got "x" again/,
    );
    matches(await rejected(() => read('id,a,b\nx,1,2\ny,3,z\n')), 'ERR_BAD_DATA', /line 3: column "b": .*got "z"/);
  });
});

describe('NDJSON', () => {
  it('reads a row per line', async () => {
    const text =
      '{"unique_id":"A","ds":"2020-01-01","y":1}\n\n{"unique_id":7,"ds":"2020-01-01","y":null}\n{"unique_id":"A","ds":"2020-01-02","y":"NaN"}\n{"unique_id":"A","ds":"2020-01-03"}\n';
    const table = await read(text);
    expect(table.ids).toEqual(['A', '7']);
    expect(plain(table)).toEqual({ A: [1, NaN, NaN], 7: [NaN] });
    expect(table.times?.[1]?.step).toMatchObject({ unit: 'day', count: 1 });
  });

  it('reads a series per line', async () => {
    const table = await read('{"item_id":"A","target":[1,null,3.5]}\n{"target":[4]}\n{"item_id":"B","target":[]}\n');
    expect(plain(table)).toEqual({ A: [1, NaN, 3.5], 'series-2': [4], B: [] });
    expect(table.times).toBeUndefined();
  });

  it('dates a series by its start and frequency', async () => {
    const table = await read(
      '{"target":[1,2,3],"start":"2020-01-31","freq":"ME"}\n{"target":[1],"start":"2020-01-01"}\n{"target":[9]}\n',
    );
    expect(table.times?.[0]).toMatchObject({ first: '2020-01-31', last: '2020-03-31', step: { unit: 'month' } });
    expect(table.times?.slice(1)).toEqual([undefined, undefined]);
    expect(table.warnings).toEqual([expect.stringMatching(/1 series do not tell their time step.*"series-2"/)]);
    const hourly = await read('{"target":[1,2,3],"timestamp":"2020-01-01 00:00"}\n', { freq: 'h' });
    expect(hourly.times?.[0]?.last).toBe('2020-01-01 02:00');
  });

  it('reads arrays of times beside arrays of values', async () => {
    const table = await read('{"unique_id":"A","ds":["2020-01-01","2020-01-02","2020-01-04"],"y":[1,2,4]}\n');
    expect(plain(table)).toEqual({ A: [1, 2, NaN, 4] });
    matches(
      await rejected(() => read('{"ds":["2020-01-01"],"y":[1,2]}')),
      'ERR_BAD_DATA',
      /expected 2 times as there are values, got 1/,
    );
  });

  it.each<[string, RegExp]>([
    [
      '{"unique_id":"A","ds":"2020-01-01","y":"many"}',
      /line 1: column "y": expected a finite number or null, got "many"/,
    ],
    ['{"unique_id":"A","ds":"2020-01-01","y":Infinity}', /got Infinity/],
    ['{"unique_id":"A","ds":"2020-01-01","y":true}', /got true/],
    ['{"unique_id":"","ds":"2020-01-01","y":1}', /column "unique_id": expected a non-empty string/],
    ['{"unique_id":"A","ds":null,"y":1}', /column "ds": expected a string or a number, got null/],
    ['{"unique_id":"A","ds":"soon","y":1}', /column "ds": expected a date.*got "soon"/],
    ['{"a":1}', /expected a key y or target, got "a"/],
    ['{"target":[1,[2]]}', /expected a finite number or null, got \[2\]/],
    ['{"target":[1]}\n{"target":2}', /line 2: column "target": expected an array, got 2/],
    ['{"item_id":"A","target":[1]}\n{"item_id":"A","target":[2]}', /line 2: .*expected distinct ids, got "A" again/],
    ['{"target":[1],"start":"2020-01-01","freq":1}', /freq/],
    ['[{"y":1}]', /got a JSON array/],
    ['{"y":1', /line 1: invalid JSON/],
  ])('refuses %s', async (text, pattern) => matches(await rejected(() => read(text)), 'ERR_BAD_DATA', pattern));

  it('is not confused by keys of the prototype', async () => {
    expect(plain(await read('{"__proto__":[1],"target":[2],"constructor":3}\n'))).toEqual({ 'series-1': [2] });
    matches(await rejected(() => read('{"a":1}', { target: 'toString' })), 'ERR_BAD_DATA', /expected a key "toString"/);
  });
});

describe('order and gaps', () => {
  const unsorted = 'unique_id,ds,y\nA,2020-01-03,3\nA,2020-01-01,1\nB,2020-01-01,7\nA,2020-01-02,2\n';

  it('refuses rows out of order with the first offenders and the remedy, or sorts them', async () => {
    matches(
      await rejected(() => read(unsorted)),
      'ERR_BAD_DATA',
      /got 1 that go back: "A" 2020-01-01 on line 3 after 2020-01-03\. Sort the file, or pass --sort/,
    );
    const table = await read(unsorted, { sort: true });
    expect(plain(table)).toEqual({ A: [1, 2, 3], B: [7] });
    expect(table.times?.[0]).toMatchObject({ first: '2020-01-01', last: '2020-01-03' });
    expect(plain(await read('date,a,b\n3,30,31\n1,10,11\n2,20,21\n', { sort: true }))).toEqual({
      a: [10, 20, 30],
      b: [11, 21, 31],
    });
  });

  it('refuses repeated times with the lines they stand on, or keeps one row', async () => {
    const text = 'date,a\n2020-01-01,1\n2020-01-02,2\n\n2020-01-02,3\n2020-01-03,4\n';
    matches(
      await rejected(() => read(text)),
      'ERR_BAD_DATA',
      /got 1 repeated times: "a" 2020-01-02 on lines 3 and 5\./,
    );
    matches(await rejected(() => read(text, { sort: true })), 'ERR_BAD_DATA', /repeated times/);
    expect(plain(await read(text, { duplicates: 'first' }))).toEqual({ a: [1, 2, 4] });
    const table = await read(text, { duplicates: 'last' });
    expect(plain(table)).toEqual({ a: [1, 3, 4] });
    expect(table.warnings).toEqual(['x.csv: 1 rows of repeated times were left out, first of "a"']);
    const mixed = 'unique_id,ds,y\nA,2,5\nA,1,4\nA,2,6\nA,3,7\n';
    matches(await rejected(() => read(mixed, { sort: true })), 'ERR_BAD_DATA', /"A" 2 on lines 2 and 4/);
    expect(plain(await read(mixed, { sort: true, duplicates: 'first' }))).toEqual({ A: [4, 5, 7] });
    matches(await rejected(() => read(mixed, { duplicates: 'first' })), 'ERR_BAD_DATA', /that go back/);
  });

  it('names at most three offenders of many', async () => {
    const rows = Array.from({ length: 50 }, (_, i) => `A,${50 - i},1\n`).join('');
    const { message } = await rejected(() => read(`unique_id,ds,y\n${rows}`));
    expect(message).toMatch(/got 49 that go back/);
    expect(message.split(' after ').length - 1).toBe(3);
  });

  it('fills gaps of regular series with NaN and counts them', async () => {
    const text = 'unique_id,ds,y\nA,2020-01-01,1\nA,2020-01-02,2\nA,2020-01-05,5\nA,2020-01-06,6\n';
    const table = await read(text);
    expect(plain(table)).toEqual({ A: [1, 2, NaN, NaN, 5, 6] });
    expect(table.warnings).toEqual(['x.csv: 2 missing times were filled with NaN, first "A" after 2020-01-02']);
    expect(plain(await read(text, { fillGaps: false }))).toEqual({ A: [1, 2, 5, 6] });
    expect(plain(await read('date,a,b\n1,1,2\n2,3,4\n4,5,6\n'))).toEqual({ a: [1, 3, NaN, 5], b: [2, 4, NaN, 6] });
  });

  it('lends short series the step of the others', async () => {
    const table = await read(
      'unique_id,ds,y\nA,2020-01-31,1\nB,2020-01-31,1\nB,2020-02-29,2\nB,2020-03-31,3\nC,2020-01-31,1\nC,2020-03-31,3\nD,2020-01-31,1\nD,2020-02-10,2\n',
    );
    expect(plain(table)).toEqual({ A: [1], B: [1, 2, 3], C: [1, NaN, 3], D: [1, 2] });
    expect(table.times?.map((times) => futureTimes(times!.last, times!.step!, 1)[0])).toEqual([
      '2020-02-29',
      '2020-04-30',
      '2020-04-30',
      '2020-03-10',
    ]);
    expect(table.warnings).toEqual([
      'x.csv: 1 missing times were filled with NaN, first "C" after 2020-01-31',
      'x.csv: 1 series have irregular times and are taken as equally spaced, first "D"',
    ]);
  });

  it('says so when nothing tells the step', async () => {
    const table = await read('ds,y\n2020-01-01,1\n2020-01-02,2\n');
    expect(table.times?.[0]?.step).toBeUndefined();
    expect(table.warnings[0]).toMatch(/1 series do not tell their time step \(option freq does\)/);
    const told = await read('ds,y\n2020-01-01,1\n2020-01-03,2\n', { freq: 'D' });
    expect(plain(told)).toEqual({ y: [1, NaN, 2] });
    expect(told.times?.[0]?.step).toMatchObject({ unit: 'day', count: 1 });
  });

  it('leaves irregular series alone', async () => {
    const table = await read(
      'date,a\n2020-01-01 00:00:00,1\n2020-01-01 00:01:07,2\n2020-01-01 00:01:09,3\n2020-01-01 05:00:00,4\n',
    );
    expect(plain(table)).toEqual({ a: [1, 2, 3, 4] });
    expect(table.times?.[0]?.step).toBeUndefined();
    expect(table.warnings.join()).toMatch(/irregular times/);
  });

  it('does not fill a gap of a century', async () => {
    const rows = Array.from(
      { length: 20 },
      (_, i) => `${i < 10 ? '1900' : '2000'}-01-01 00:00:${String(i % 10).padStart(2, '0')},${i}\n`,
    ).join('');
    const table = await read(`date,a\n${rows}`);
    expect(table.values[0]).toHaveLength(20);
    expect(table.warnings[0]).toMatch(/gaps too wide to be filled.*"a" after 1900-01-01 00:00:09/);
  });

  it('bounds the number of values, gaps included', async () => {
    const text = 'date,a,b\n1,1,1\n2,2,2\n3,3,3\n9,4,4\n';
    expect((await read(text, { maxValues: 18 })).values[0]).toHaveLength(9);
    matches(
      await rejected(() => read(text, { maxValues: 17 })),
      'ERR_BAD_DATA',
      /at most 17 values with the gaps filled/,
    );
    matches(
      await rejected(() => read(text, { maxValues: 7 })),
      'ERR_BAD_DATA',
      /at most 7 values \(option maxValues\)/,
    );
  });
});

describe('real and random files', () => {
  it('reads the weekly CO2 of Mauna Loa', async () => {
    const table = await readSeries(new URL('../../../examples/data/co2_weekly.csv', import.meta.url).pathname);
    expect(table.ids).toEqual(['co2']);
    const values = table.values[0] as Float64Array;
    expect(values).toHaveLength(2284);
    expect(values.filter(Number.isNaN)).toHaveLength(59);
    expect([values[0], values[6], values.at(-1)]).toEqual([316.1, NaN, 371.5]);
    const times = table.times?.[0];
    expect(times).toMatchObject({ first: '1958-03-29', last: '2001-12-29', step: { unit: 'week', count: 1 } });
    expect(futureTimes(times!.last, times!.step!, 2)).toEqual(['2002-01-05', '2002-01-12']);
    expect(table.warnings).toEqual([]);
  });

  it('gives the same series from every form of the same data, cut anywhere', async () => {
    const random = randomInts(17);
    for (let round = 0; round < 40; round++) {
      const ids = Array.from({ length: 1 + random(4) }, (_, i) => `s${i}`);
      const days = Array.from({ length: 3 + random(20) }, (_, i) =>
        new Date(Date.UTC(2019, 11, 20) + i * 86_400_000).toISOString().slice(0, 10),
      );
      const data = ids.map(() => days.map(() => (random(8) === 0 ? NaN : random(1e6) / 1000)));
      const cell = (value: number) => (Number.isNaN(value) ? '' : String(value));
      const wide = `date,${ids.join(',')}\n${days.map((day, t) => `${day},${data.map((series) => cell(series[t] as number)).join(',')}\n`).join('')}`;
      const rows = ids.flatMap((id, s) => days.map((day, t) => [id, day, (data[s] as number[])[t] as number] as const));
      const long = `unique_id,ds,y\n${rows.map(([id, day, y]) => `${id},${day},${cell(y)}\n`).join('')}`;
      const lines = rows.map(([unique_id, ds, y]) => JSON.stringify({ unique_id, ds, y })).join('\n');
      const series = ids.map((item_id, s) => JSON.stringify({ item_id, ds: days, target: data[s] })).join('\r\n');
      const expected = Object.fromEntries(ids.map((id, s) => [id, data[s]]));
      for (const text of [wide, long, lines, series]) {
        const table = await readSeries(chunksOf(Buffer.from(text), 1 + random(50)));
        expect(plain(table)).toEqual(expected);
        expect(table.times?.every((times) => times?.last === days.at(-1) && times?.step?.unit === 'day')).toBe(true);
      }
    }
  });
});
