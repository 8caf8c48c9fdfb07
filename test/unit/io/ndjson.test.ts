import { describe, expect, it } from 'vitest';
import type { NdjsonObject } from '../../../lib/io/ndjson.js';
import { scanNdjson } from '../../../lib/io/ndjson.js';
import { chunksOf, matches, rejected } from './temporary.js';

async function objects(text: string | Uint8Array, chunk = 1000, limit?: number): Promise<[NdjsonObject, number][]> {
  const all: [NdjsonObject, number][] = [];
  for await (const _ of scanNdjson(
    'x',
    chunksOf(Buffer.from(text), chunk),
    (object, line) => all.push([object, line]),
    limit,
  ));
  return all;
}

describe('scanNdjson', () => {
  it('reads objects by line, however the bytes are cut', async () => {
    const text = '{"a":1}\r\n\n  \n{"b":["é",null]}\n{"c":{}}';
    for (const chunk of [1, 2, 7, 1000]) {
      expect(await objects(text, chunk)).toEqual([
        [{ a: 1 }, 1],
        [{ b: ['é', null] }, 4],
        [{ c: {} }, 5],
      ]);
    }
    expect(await objects('')).toEqual([]);
  });

  it('understands the NaN of Python', async () => {
    expect(await objects('{"y":[1,NaN,-Infinity],"o":{"k":NaN}}')).toEqual([
      [{ y: [1, NaN, -Infinity], o: { k: NaN } }, 1],
    ]);
  });

  it.each<[string, string | Uint8Array, RegExp]>([
    ['bad JSON', '{"a":1}\n{"a":}\n', /^x: line 2: invalid JSON at character 5/],
    ['an array', '[1]', /line 1: expected a JSON object, got "\[1\]"/],
    ['null', 'null', /expected a JSON object/],
    ['a text', '\n"a"', /line 2: expected a JSON object/],
    ['two objects on one line', '{}{}', /line 1: invalid JSON/],
    ['bytes that are no UTF-8', Buffer.from('{"é":1}', 'latin1'), /line 1: expected UTF-8 text/],
  ])('refuses %s', async (_, text, pattern) => matches(await rejected(() => objects(text)), 'ERR_BAD_DATA', pattern));

  it('bounds the length of a line, ended or not', async () => {
    matches(
      await rejected(() => objects(`{"a":"${'x'.repeat(100)}"}\n`, 1000, 50)),
      'ERR_BAD_DATA',
      /line 1: expected at most 50 bytes/,
    );
    matches(
      await rejected(() => objects(`{}\n${'x'.repeat(100)}`, 10, 50)),
      'ERR_BAD_DATA',
      /line 2: expected at most 50 bytes/,
    );
  });
});
