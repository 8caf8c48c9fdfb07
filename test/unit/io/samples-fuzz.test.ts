import { expect, it } from 'vitest';
import { TidemergeError } from '../../../lib/errors.js';
import { readArffFile, readNpy, readSampleCsv, readTsFile } from '../../../lib/io/index.js';
import { chunksOf, randomInts } from './temporary.js';

const CASES = 800;
const SEED = 20_261_127;

const TS =
  '@problemName a\n@dimensions 2\n@equalLength true\n@seriesLength 2\n@classLabel true a b\n@data\n1,2:3,?:a\n-1e3,.5:4,5:b\n';
const ARFF =
  "@relation r\n@attribute x relational\n @attribute t0 numeric\n @attribute t1 real\n@end x\n@attribute c {a,'b c'}\n@data\n\"1,2\\n3,?\",a\n'5,6\\n7,8','b c'\n";
const UNIVARIATE =
  '@relation r\n@attribute t0 numeric\n@attribute t1 numeric\n@attribute c {1,2}\n@data\n1,2,1\n3,?,2\n';
const CSV = 'date,a,b,label\n2020-01-01,1,2,0\n2020-01-02,3,,1\n';
const NPY = Buffer.concat([
  Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, 70, 0]),
  Buffer.from("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 2), }".padEnd(69)),
  Buffer.from('\n'),
  Buffer.from(Float32Array.of(1, 2, 3, 4).buffer),
]);

type Read = (bytes: AsyncIterable<Uint8Array>) => Promise<unknown>;
const limits = { maxValues: 1e5, maxLineBytes: 1e4 };
const SUBJECTS: readonly (readonly [string, Buffer, Read])[] = [
  ['ts', Buffer.from(TS), (bytes) => readTsFile(bytes, limits)],
  ['relational arff', Buffer.from(ARFF), (bytes) => readArffFile(bytes, limits)],
  ['univariate arff', Buffer.from(UNIVARIATE), (bytes) => readArffFile(bytes, limits)],
  ['csv', Buffer.from(CSV), (bytes) => readSampleCsv(bytes, { ...limits, labelColumn: 'label' })],
  ['npy', NPY, (bytes) => readNpy(bytes, { maxBytes: 1e5 })],
];
const PIECES = [
  '"',
  "'",
  ',',
  ':',
  '\n',
  '\r',
  '\\n',
  '\\',
  '@',
  '{',
  '}',
  '(',
  ')',
  '?',
  '#',
  '%',
  '-',
  '.',
  '0',
  '9',
  ' ',
];
const LONGER = [
  '1e999',
  '99999999999999999999',
  '@data\n',
  'true',
  'NaN',
  '\u0000',
  'é',
  '\ufeff',
  '@end x\n',
  'False',
];
const EDITS = [...PIECES, ...LONGER].map((piece) => Buffer.from(piece));

it.each(SUBJECTS)('every mutated %s becomes data or a TidemergeError', async (_, valid, read) => {
  const random = randomInts(SEED);
  const outcomes = { read: 0, refused: 0 };
  for (let i = 0; i < CASES; i++) {
    let bytes = valid;
    for (let edits = random(4); edits > 0; edits--) {
      const at = random(bytes.length + 1);
      const kind = random(4);
      const piece = kind === 3 ? Buffer.of(random(256)) : EDITS[random(EDITS.length)]!;
      const rest = bytes.subarray(at + (kind === 0 ? 0 : piece.length + random(4) * (kind === 2 ? 1 : 0)));
      bytes = Buffer.concat([bytes.subarray(0, at), kind === 2 ? Buffer.alloc(0) : piece, rest]);
    }
    if (random(20) === 0) bytes = bytes.subarray(0, random(bytes.length));
    try {
      const result = await read(chunksOf(bytes, 1 + random(60)));
      const samples = (result as { samples?: { data: Float32Array; shape: number[] }[] }).samples;
      for (const { data, shape } of samples ?? []) {
        expect(data.length).toBe(shape[0]! * shape[1]!);
        expect(data.some((value) => Math.abs(value) === Infinity)).toBe(false);
      }
      outcomes.read++;
    } catch (error) {
      if (!(error instanceof TidemergeError))
        throw new Error(`case ${i}: ${bytes.toString('latin1')}`, { cause: error });
      outcomes.refused++;
    }
  }
  // Both must happen, or the generator has lost its teeth.
  expect(Math.min(outcomes.read, outcomes.refused)).toBeGreaterThan(CASES / 10);
});
