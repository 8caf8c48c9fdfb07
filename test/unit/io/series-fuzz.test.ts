import { expect, it } from 'vitest';
import { TidemergeError } from '../../../lib/errors.js';
import { readSeries } from '../../../lib/io/series-reader.js';
import { futureTimes } from '../../../lib/io/time-step.js';
import { chunksOf, randomInts } from './temporary.js';

const CASES = 3000;
const SEED = 20_260_802;

const VALID = [
  'unique_id,ds,y\nA,2020-01-30,1.5\nA,2020-01-31,NA\nB,2020-01-30,3\nB,2020-02-01,4\n',
  'date;a;"b ""c"""\r\n1/12/2020 0:00;1,5;-2\r\n1/13/2020 0:00;;"7"\r\n1/14/2020 0:00;2;3\r\n',
  '"V1","V2","V3"\n"H1",1,2\n"H2",3,\n',
  '1,2\n3,4\n5,6\n',
  '2019Q4\t1\n2020Q1\t2\n2020Q2\t3\n',
  '{"unique_id":"A","ds":"2020-01-01T00:00:00Z","y":1}\n{"unique_id":"A","ds":"2020-01-01T01:00:00Z","y":null}\n',
  '{"item_id":"A","target":[1,null,NaN,2],"start":"2020-01","freq":"MS"}\n{"target":[]}\n',
];
const PIECES = [
  '"',
  ',',
  ';',
  '\n',
  '\r',
  '\t',
  '|',
  '-',
  '.',
  '/',
  ':',
  '0',
  '9',
  '1e999',
  '99999999999999999999',
  '31',
  'T',
  'Q',
  '+05:30',
  'NaN',
  '{',
  '}',
  '[',
  ']',
  '\u0000',
  'é',
  '\ufeff',
  ' ',
];

it('every mutated table becomes series or a TidemergeError', async () => {
  const random = randomInts(SEED);
  const outcomes = { read: 0, refused: 0 };
  for (let i = 0; i < CASES; i++) {
    let text = VALID[random(VALID.length)] as string;
    for (let edits = random(5); edits > 0; edits--) {
      const at = random(text.length + 1);
      const piece = PIECES[random(PIECES.length)] as string;
      const kind = random(3);
      if (kind === 0) text = text.slice(0, at) + piece + text.slice(at);
      else if (kind === 1) text = text.slice(0, at) + piece + text.slice(at + piece.length);
      else text = text.slice(0, at) + text.slice(at + 1 + random(5));
    }
    let bytes = Buffer.from(text);
    if (random(10) === 0) bytes = Buffer.from(text, 'latin1');
    try {
      const options = { sort: random(2) === 0, decimal: random(2) === 0 ? ',' : '.', maxValues: 1e6 } as const;
      const { ids, values, times } = await readSeries(chunksOf(bytes, 1 + random(40)), options);
      expect(new Set(ids).size).toBe(ids.length);
      expect(values).toHaveLength(ids.length);
      if (times !== undefined) expect(times).toHaveLength(ids.length);
      for (const series of values) expect(series.some((value) => Math.abs(value) === Infinity)).toBe(false);
      for (const known of times ?? []) {
        if (known?.step === undefined) continue;
        const future = futureTimes(known.last, known.step, 3);
        expect(new Set([known.last, ...future]).size).toBe(4);
        expect(future.join()).not.toMatch(/NaN|undefined|Infinity/);
      }
      outcomes.read++;
    } catch (error) {
      if (!(error instanceof TidemergeError)) throw new Error(`case ${i}: ${JSON.stringify(text)}`, { cause: error });
      outcomes.refused++;
    }
  }
  // Both must happen, or the generator has lost its teeth.
  expect(Math.min(outcomes.read, outcomes.refused)).toBeGreaterThan(CASES / 5);
});
