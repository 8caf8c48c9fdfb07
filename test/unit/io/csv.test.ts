import { describe, expect, it } from 'vitest';
import type { CsvOptions } from '../../../lib/io/csv.js';
import { detectDelimiter, readCsvRows } from '../../../lib/io/csv.js';
import type { CsvRecord } from '../../../lib/io/csv-record.js';
import { CsvScanner } from '../../../lib/io/csv-scanner.js';
import { chunksOf, matches, randomInts, rejected } from './temporary.js';

async function rows(text: string | Uint8Array, options: CsvOptions = {}, chunk = 1 << 20): Promise<string[][]> {
  const all: string[][] = [];
  for await (const row of readCsvRows(chunksOf(Buffer.from(text), chunk), options)) all.push(row);
  return all;
}

describe('readCsvRows', () => {
  it.each<[string, string, string[][]]>([
    [
      'plain cells',
      'a,b\n1,2\n',
      [
        ['a', 'b'],
        ['1', '2'],
      ],
    ],
    [
      'no line end at the end',
      'a,b\n1,2',
      [
        ['a', 'b'],
        ['1', '2'],
      ],
    ],
    [
      'CRLF',
      'a,b\r\n1,2\r\n',
      [
        ['a', 'b'],
        ['1', '2'],
      ],
    ],
    [
      'CR',
      'a,b\r1,2\r',
      [
        ['a', 'b'],
        ['1', '2'],
      ],
    ],
    [
      'all line ends at once',
      'a,b\n1,2\r\n3,4\r5,6',
      [
        ['a', 'b'],
        ['1', '2'],
        ['3', '4'],
        ['5', '6'],
      ],
    ],
    [
      'empty cells',
      ',\n,b\na,\n,',
      [
        ['', ''],
        ['', 'b'],
        ['a', ''],
        ['', ''],
      ],
    ],
    [
      'blank lines',
      '\n\na,b\n\n\r\n1,2\n\n',
      [
        ['a', 'b'],
        ['1', '2'],
      ],
    ],
    [
      'quoted cells',
      '"a","b"\n"1","2"',
      [
        ['a', 'b'],
        ['1', '2'],
      ],
    ],
    [
      'delimiters and line ends in quotes',
      '"a,b","c\nd\r\ne"\n1,2\n',
      [
        ['a,b', 'c\nd\r\ne'],
        ['1', '2'],
      ],
    ],
    [
      'doubled quotes',
      '"a""b",""""\n"","x"\n',
      [
        ['a"b', '"'],
        ['', 'x'],
      ],
    ],
    [
      'quotes inside a plain cell',
      'a"b,5"\n1,2\n',
      [
        ['a"b', '5"'],
        ['1', '2'],
      ],
    ],
    [
      'spaces, which belong to the cell',
      ' a , b\n1, "2"\n',
      [
        [' a ', ' b'],
        ['1', ' "2"'],
      ],
    ],
    ['a quoted empty cell alone', '""\n', [['']]],
    ['one column', 'a\n1\n2\n', [['a'], ['1'], ['2']]],
    [
      'text beyond ASCII',
      'größe,€\n日本,😀\n',
      [
        ['größe', '€'],
        ['日本', '😀'],
      ],
    ],
    ['the replacement character itself', '\ufffd,a\n', [['\ufffd', 'a']]],
    ['nothing', '', []],
  ])('reads %s, however the bytes are cut into chunks', async (_, text, expected) => {
    for (const chunk of [1, 2, 3, 5, 1 << 20]) expect(await rows(text, { delimiter: ',' }, chunk)).toEqual(expected);
  });

  it('reads back random tables', async () => {
    const random = randomInts(5);
    const pieces = ['a', 'é', '"', ',', ';', '\n', '\r', '\r\n', ' ', '1', '', '""', '\t'];
    for (let table = 0; table < 300; table++) {
      const width = 1 + random(4);
      const expected = Array.from({ length: 1 + random(5) }, () =>
        Array.from({ length: width }, () =>
          Array.from({ length: random(4) }, () => pieces[random(pieces.length)]).join(''),
        ),
      );
      const lineEnd = ['\n', '\r\n', '\r'][random(3)] as string;
      // An unquoted cell must not begin with a quote; a record of one empty cell would be a blank line.
      const cell = (text: string) =>
        /[",\r\n]/.test(text) || width === 1 || random(3) === 0 ? `"${text.replaceAll('"', '""')}"` : text;
      const text = expected.map((row) => row.map(cell).join(',')).join(lineEnd) + (random(2) === 0 ? lineEnd : '');
      expect(await rows(text, { delimiter: ',' }, 1 + random(9))).toEqual(expected);
    }
  });

  it.each<[string, string, RegExp]>([
    ['a row too long', 'a,b\n1,2\n1,2,3\n', /^x\.csv: line 3: expected 2 cells as in the first row, got 3$/],
    ['a row too short', 'a,b\n\n"x\ny",2\n1\n', /line 5: expected 2 cells as in the first row, got 1/],
    ['an unclosed quote', 'a,b\n1,"2\n3,4\n', /line 2: quoted cell without a closing quote/],
    ['a quote at the very end', 'a,b\n1,"', /line 2: quoted cell without/],
    [
      'text after a closing quote',
      'a,b\r\n"1"x,2\r\n',
      /line 2: expected a delimiter or a line end after the closing quote of cell 1/,
    ],
  ])('refuses %s', async (_, text, pattern) => {
    for (const chunk of [1, 4, 1000])
      matches(await rejected(() => rows(text, { name: 'x.csv', delimiter: ',' }, chunk)), 'ERR_BAD_DATA', pattern);
  });

  it('refuses bytes that are no UTF-8 and names the remedy', async () => {
    const bytes = Buffer.from('a,b\n1,grün\n', 'latin1');
    matches(
      await rejected(() => rows(bytes)),
      'ERR_BAD_DATA',
      /line 2: cell 2: expected UTF-8 text; .*encoding: 'latin1'/,
    );
    expect(await rows(bytes, { encoding: 'latin1' })).toEqual([
      ['a', 'b'],
      ['1', 'grün'],
    ]);
  });

  it('bounds the length of a record', async () => {
    const long = `a,b\n"${'x'.repeat(5000)}",2\n`;
    expect((await rows(long, { maxRecordBytes: 6000 }, 100))[1]?.[0]).toHaveLength(5000);
    matches(
      await rejected(() => rows(long, { maxRecordBytes: 1000 }, 100)),
      'ERR_BAD_DATA',
      /line 2: expected a record of at most 1000 bytes \(is a quote not closed\?\)/,
    );
    matches(
      await rejected(() => rows('x'.repeat(5000), { maxRecordBytes: 1000 }, 100)),
      'ERR_BAD_DATA',
      /line 1: expected a record of at most 1000 bytes$/,
    );
  });

  it('refuses an unknown delimiter', async () => {
    matches(await rejected(() => rows('a', { delimiter: ':' as ',' })), 'ERR_INVALID_ARGUMENT', /delimiter/);
  });
});

describe('detectDelimiter', () => {
  it.each<[string, string]>([
    ['a,b\n1,2\n', ','],
    ['a;b\n1;2\n', ';'],
    ['a\tb\n1\t2\n', '\t'],
    ['a|b|c\n1|2|3\n', '|'],
    // Decimal commas: as many in every row, but not in the names.
    ['datum;wert\n2020-01-01;1,5\n2020-01-02;2,5\n', ';'],
    ['a;b;c\n1,5;2,5;3,5\n', ';'],
    // Delimiters inside quotes do not count.
    ['"a;b;c",d\n"1;2;3",4\n', ','],
    ['name,"x|y|z"\n1,2\n', ','],
    ['single\n1\n2\n', ','],
    ['', ','],
    ['\n\na;b\n', ';'],
    // Ragged anyway: the commonest of the first row.
    ['a;b;c\n1;2\n', ';'],
  ])('%j: %j', (sample, expected) => expect(detectDelimiter(Buffer.from(sample))).toBe(expected));

  it('finds it through the reader', async () => {
    expect(await rows('a;b\n1,5;2\n')).toEqual([
      ['a', 'b'],
      ['1,5', '2'],
    ]);
    expect(await rows('a\tb\n1\t2\n', {}, 1)).toEqual([
      ['a', 'b'],
      ['1', '2'],
    ]);
  });
});

describe('CsvScanner', () => {
  it('tells the line on which each record begins, and reads numbers without strings', () => {
    const seen: [number, number, number][] = [];
    const scanner = new CsvScanner('x', 0x2c, (record: CsvRecord) =>
      seen.push([record.line, record.number(0), record.number(1)]),
    );
    for (const byte of Buffer.from('1,"2.5"\r\n"3",4\n\n"5\r\n",6\r7,8')) scanner.push(Uint8Array.of(byte));
    scanner.finish();
    expect(seen).toEqual([
      [1, 1, 2.5],
      [2, 3, 4],
      [3, NaN, expect.any(Number)],
      // A number with a line end around it is still that number.
      [4, 5, 6],
      [6, 7, 8],
    ]);
  });

  it('counts the lines inside quoted cells, however they end', () => {
    const lines: number[] = [];
    const scanner = new CsvScanner('x', 0x2c, (record) => lines.push(record.line));
    scanner.push(Buffer.from('"a\rb"\n"a\nb"\n"a\r\n\r\nb"\n"a\n\rb"\nend'));
    scanner.finish();
    expect(lines).toEqual([1, 3, 5, 8, 11]);
  });

  it('moves unfinished records through its buffer unharmed', () => {
    // Far more than the buffer holds, in chunks that end anywhere, with records longer than a chunk and than the buffer.
    const expected = Array.from({ length: 6000 }, (_, i) => [
      `row ${i}`,
      'x'.repeat(i % 100),
      `"${i}"`,
      i % 1500 === 0 ? 'y'.repeat(2e5) : '',
    ]);
    const bytes = Buffer.from(
      expected
        .map(
          (row) => `${row.map((cell) => (cell.includes('"') ? `"${cell.replaceAll('"', '""')}"` : cell)).join(',')}\n`,
        )
        .join(''),
    );
    for (const size of [997, 65_536, 100_003]) {
      let at = 0;
      const scanner = new CsvScanner('x', 0x2c, (record) => {
        if (record.line !== at + 1 || record.texts().join('\0') !== expected[at]?.join('\0'))
          throw new Error(`record ${at}`);
        at++;
      });
      for (let i = 0; i < bytes.length; i += size) scanner.push(bytes.subarray(i, i + size));
      scanner.finish();
      expect(at).toBe(expected.length);
    }
  });

  it('gives copies that outlive the callback', () => {
    const kept: CsvRecord[] = [];
    const scanner = new CsvScanner('x', 0x2c, (record) => kept.push(record.snapshot()));
    scanner.push(Buffer.from(`${Array.from({ length: 40 }, (_, i) => i).join(',')}\na,"b""c"\n`));
    expect(kept[0]?.texts()).toEqual(Array.from({ length: 40 }, (_, i) => String(i)));
    expect(kept[1]?.texts()).toEqual(['a', 'b"c']);
  });
});
