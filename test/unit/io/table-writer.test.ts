import { PassThrough, Writable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { readCsvRows } from '../../../lib/io/csv.js';
import type { ForecastSeries, TableOptions } from '../../../lib/io/table-writer.js';
import { shortestFloat32, writeForecasts } from '../../../lib/io/table-writer.js';
import { matches, randomInts, rejected } from './temporary.js';

async function text(forecasts: Iterable<ForecastSeries>, options: TableOptions): Promise<string> {
  const sink = new PassThrough({ highWaterMark: 1 << 24 });
  await writeForecasts(forecasts, sink, options);
  sink.end();
  return (await sink.toArray()).join('');
}

const FORECASTS: ForecastSeries[] = [
  {
    id: 'A',
    times: ['2020-01-01', '2020-01-02'],
    mean: Float32Array.of(0.1, 2),
    quantiles: [Float32Array.of(-1.5, NaN), [3, 1e21]],
  },
  { id: 'b, "c"\n', times: ['x', ' y'], mean: [1 / 3, -0], quantiles: [[Infinity, 0], Float64Array.of(0.1, 0.2)] },
];
const LEVELS = { quantileLevels: [0.1, 0.9], mean: true } as const;

describe('writeForecasts', () => {
  it('writes CSV with quotes where they are needed', async () => {
    expect(await text(FORECASTS, { ...LEVELS, format: 'csv' })).toBe(
      'unique_id,ds,mean,0.1,0.9\n' +
        'A,2020-01-01,0.1,-1.5,3\n' +
        'A,2020-01-02,2,,1e+21\n' +
        '"b, ""c""\n",x,0.3333333333333333,,0.1\n' +
        '"b, ""c""\n"," y",0,0,0.2\n',
    );
  });

  it('writes JSON and NDJSON with the same rows and null for what is missing', async () => {
    const rows = [
      { unique_id: 'A', ds: '2020-01-01', mean: 0.1, '0.1': -1.5, '0.9': 3 },
      { unique_id: 'A', ds: '2020-01-02', mean: 2, '0.1': null, '0.9': 1e21 },
      { unique_id: 'b, "c"\n', ds: 'x', mean: 1 / 3, '0.1': null, '0.9': 0.1 },
      { unique_id: 'b, "c"\n', ds: ' y', mean: 0, '0.1': 0, '0.9': 0.2 },
    ];
    const json = await text(FORECASTS, { ...LEVELS, format: 'json' });
    expect(JSON.parse(json)).toEqual(rows);
    const lines = (await text(FORECASTS, { ...LEVELS, format: 'ndjson' })).trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toEqual(rows);
    expect(Object.keys(JSON.parse(lines[0] as string))).toEqual(['unique_id', 'ds', 'mean', '0.1', '0.9']);
  });

  it('leaves out the mean, counts steps without times, takes other column names', async () => {
    const options = { format: 'csv', quantileLevels: [0.5], idColumn: 'item,id', timeColumn: 'timestamp' } as const;
    expect(await text([{ id: '7', quantiles: [[1, 2]] }], options)).toBe('"item,id",timestamp,0.5\n7,1,1\n7,2,2\n');
    expect(await text([{ id: 'm', mean: [5], quantiles: [] }], { format: 'csv', quantileLevels: [], mean: true })).toBe(
      'unique_id,ds,mean\nm,1,5\n',
    );
  });

  it('writes valid empty tables', async () => {
    expect(await text([], { format: 'csv', quantileLevels: [0.5] })).toBe('unique_id,ds,0.5\n');
    expect(JSON.parse(await text([], { format: 'json', quantileLevels: [0.5] }))).toEqual([]);
    expect(await text([], { format: 'ndjson', quantileLevels: [0.5] })).toBe('');
    expect(JSON.parse(await text([{ id: 'A', quantiles: [[]] }], { format: 'json', quantileLevels: [0.5] }))).toEqual(
      [],
    );
  });

  it('is read back by the CSV reader', async () => {
    const csv = await text(FORECASTS, { ...LEVELS, format: 'csv' });
    const rows: string[][] = [];
    for await (const row of readCsvRows(Buffer.from(csv))) rows.push(row);
    expect(rows[4]).toEqual(['b, "c"\n', ' y', '0', '0', '0.2']);
  });

  it.each<[string, ForecastSeries, Partial<TableOptions>, RegExp]>([
    ['too few quantiles', { id: 'A', quantiles: [] }, {}, /series "A": quantiles: expected 1 arrays, got 0/],
    ['a mean that has no column', { id: 'A', mean: [1], quantiles: [[1]] }, {}, /mean: expected none/],
    ['no mean for its column', { id: 'A', quantiles: [[1]] }, { mean: true }, /mean: expected an array/],
    ['different lengths', { id: 'A', times: ['1'], quantiles: [[1, 2]] }, {}, /one length, got 2, 1/],
    ['a level of one', { id: 'A', quantiles: [[1]] }, { quantileLevels: [1] }, /between 0 and 1, got 1/],
    ['a level of NaN', { id: 'A', quantiles: [[1]] }, { quantileLevels: [NaN] }, /got NaN/],
    ['a level twice', { id: 'A', quantiles: [[1], [1]] }, { quantileLevels: [0.5, 0.5] }, /distinct levels/],
    ['another format', { id: 'A', quantiles: [[1]] }, { format: 'xml' as 'csv' }, /got xml/],
  ])('refuses %s', async (_, forecast, options, pattern) => {
    matches(
      await rejected(() => text([forecast], { format: 'csv', quantileLevels: [0.5], ...options })),
      'ERR_INVALID_ARGUMENT',
      pattern,
    );
  });

  it('waits for a slow stream instead of filling the memory', async () => {
    let pending = 0;
    let most = 0;
    const slow = new Writable({
      highWaterMark: 1000,
      decodeStrings: false,
      write(chunk: string, _, done) {
        pending -= chunk.length;
        setImmediate(done);
      },
    });
    const write = slow.write.bind(slow);
    slow.write = ((chunk: string) => {
      pending += chunk.length;
      most = Math.max(most, pending);
      return write(chunk);
    }) as typeof slow.write;
    function* many(): Generator<ForecastSeries> {
      for (let i = 0; i < 5000; i++) yield { id: `series ${i}`, quantiles: [new Float32Array(20)] };
    }
    expect(await writeForecasts(many(), slow, { format: 'ndjson', quantileLevels: [0.5] })).toBe(100_000);
    expect(most).toBeLessThan(3 * 2 ** 16);
  });

  it.each(['fails', 'closes'])('stops when the stream %s', async (how) => {
    const sink = new Writable({
      highWaterMark: 1,
      write(_, __, done) {
        if (how === 'fails') done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
        else sink.destroy();
      },
    });
    function* endless(): Generator<ForecastSeries> {
      for (;;) yield { id: 'A', quantiles: [new Float32Array(100)] };
    }
    const error = await rejected(() => writeForecasts(endless(), sink, { format: 'csv', quantileLevels: [0.5] }));
    matches(error, 'ERR_FILE_ACCESS', how === 'fails' ? /output: cannot be written: EPIPE/ : /it was closed/);
    if (how === 'fails') expect((error.cause as { code: string }).code).toBe('EPIPE');
    await nextTurn();
    expect(sink.listenerCount('error') + sink.listenerCount('close')).toBe(0);
  });

  it('passes on the error of its source', async () => {
    async function* broken(): AsyncGenerator<ForecastSeries> {
      yield { id: 'A', quantiles: [[1]] };
      throw new RangeError('model broke');
    }
    const sink = new PassThrough();
    await expect(writeForecasts(broken(), sink, { format: 'csv', quantileLevels: [0.5] })).rejects.toThrow(
      'model broke',
    );
  });
});

describe('shortestFloat32', () => {
  it('reads back as the same float32, without digits that a float32 does not have', () => {
    const random = randomInts(23);
    const words = new Uint32Array(1);
    const floats = new Float32Array(words.buffer);
    for (let i = 0; i < 50_000; i++) {
      words[0] = random(2 ** 32);
      const value = floats[0] as number;
      if (!Number.isFinite(value)) continue;
      const written = shortestFloat32(value);
      if (Math.fround(Number(written)) !== value) throw new Error(`${value} was written ${written}`);
    }
    expect(
      [0.1, 1 / 3, 16777216, 1e-45, 3.4028234663852886e38].map((value) => shortestFloat32(Math.fround(value))),
    ).toEqual(['0.1', '0.33333334', '16777216', '1.4013e-45', '3.4028235e+38']);
  });
});
