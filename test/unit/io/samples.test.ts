import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { readArffFile, readSampleCsv, readSamples, readTsFile, type SampleSet } from '../../../lib/io/index.js';
import { chunksOf, matches, rejected, temporaryDirectory, write } from './temporary.js';

const directory = temporaryDirectory();
/** Every sample as its steps. */
const steps = ({ samples }: SampleSet) =>
  samples.map(({ data, shape: [length, variables] }) =>
    Array.from({ length }, (_, t) => [...data.subarray(t * variables, (t + 1) * variables)]),
  );

const TS = `#comment: with, marks
@problemName Two
@timeStamps false
@univariate false
@dimensions 2

@equalLength false
@classLabel true up down
@data
1,2,3:-1,?,-3:up
# between
1e-1,4:5,6:down\r
`;

describe('readTsFile', () => {
  const ts = (text: string, options = {}) => readTsFile(Buffer.from(text), { name: 'a.ts', ...options });

  it('reads samples variable by variable, of unequal lengths, with missing values', async () => {
    const set = await readTsFile(chunksOf(Buffer.from(TS), 3));
    expect(set).toMatchObject({ labels: ['up', 'down'], classNames: ['up', 'down'] });
    expect(set.samples.map(({ shape }) => shape)).toEqual([
      [3, 2],
      [2, 2],
    ]);
    expect(steps(set)).toEqual([
      [
        [1, -1],
        [2, Number.NaN],
        [3, -3],
      ],
      [
        [Math.fround(0.1), 5],
        [4, 6],
      ],
    ]);
  });

  it('does without classes and declarations, and collects classes nobody declared', async () => {
    expect(await ts('@data\n1,2\n3,4\n')).toMatchObject({ labels: [], classNames: [] });
    const open = await ts('@CLASSLABEL TRUE\n@DATA\n1:b\n2:a\n3:b');
    expect(open).toMatchObject({ labels: ['b', 'a', 'b'], classNames: ['b', 'a'] });
    const univariate = await ts('@univariate true\n@classlabel true x\n@data\n1,2,3:x\n');
    expect(univariate.samples[0]?.shape).toEqual([3, 1]);
  });

  it.each([
    ['1,2\n', /^a\.ts: line 1: expected a header that begins with @, got "1,2"$/],
    ['@dimensions 2\n', /line 1: expected @data, got the end of the file/],
    ['@data\n\n', /^a\.ts: expected samples, got none$/],
    ['@dimensions two\n@data\n1\n', /line 1: "@dimensions": expected a whole number of at least 1, got "two"/],
    ['@equalLength maybe\n', /line 1: "@equalLength": expected true or false, got "maybe"/],
    ['@dimensions 2\n@data\n1,2\n', /line 3: expected 2 dimensions, got 1/],
    ['@data\n1,2:3\n', /line 2: dimension 2: expected 2 values as in the first, got 1/],
    ['@data\n1:2\n3\n', /line 3: expected 2 dimensions, got 1/],
    ['@data\n1,a\n', /line 2: dimension 1: value 2: expected a number of float32 or \?, got "a"/],
    ['@data\n1,1e39\n', /value 2: expected a number of float32 or \?, got "1e39"/],
    ['@equalLength true\n@data\n1,2\n1\n', /line 4: expected 2 values in every dimension, got 1/],
    ['@equalLength true\n@seriesLength 3\n@data\n1,2\n', /line 4: expected 3 values in every dimension, got 2/],
    ['@classLabel true a b\n@data\n1:c\n', /line 3: expected a class of "a", "b", got "c"/],
    ['@classLabel true\n@data\n1,2\n', /line 3: expected a class behind a colon, got none/],
    ['@classLabel true\n@data\n1,2: \n', /line 3: expected a class, got an empty one/],
  ])('refuses %j', async (text, message) => {
    matches(await rejected(() => ts(text)), 'ERR_BAD_DATA', message);
  });

  it('says what it does not know, and keeps to its limits', async () => {
    matches(await rejected(() => ts('@timestamps true\n')), 'ERR_UNSUPPORTED', /line 1: expected samples without time/);
    matches(await rejected(() => ts('@targetlabel true\n')), 'ERR_UNSUPPORTED', /expected classes, got @targetlabel/);
    matches(await rejected(() => ts(TS, { maxLineBytes: 10 })), 'ERR_BAD_DATA', /line 1: expected at most 10 bytes/);
    matches(await rejected(() => ts(TS, { maxValues: 128 })), 'ERR_BAD_DATA', /line 12: expected at most 128 values/);
    matches(await rejected(() => readTsFile('/nowhere.ts')), 'ERR_FILE_ACCESS', /nowhere\.ts: cannot be read/);
  });
});

const RELATIONAL = `% comment
@relation Two
@attribute relationalAtt relational
  @attribute att0 numeric
  @attribute 'att 1' REAL
  @attribute att2 numeric
@end relationalAtt
@attribute activity {Standing,'Walking, fast'}
@data
"1,2,3\\n4,5,6",Standing
'7,?,?\\n8,?,?','Walking, fast'
`;

describe('readArffFile', () => {
  const arff = (text: string) => readArffFile(Buffer.from(text), { name: 'a.arff' });

  it('reads relational samples; missing steps at the end are padding', async () => {
    const set = await arff(RELATIONAL);
    expect(set.classNames).toEqual(['Standing', 'Walking, fast']);
    expect(set.labels).toEqual(set.classNames);
    expect(steps(set)).toEqual([
      [
        [1, 4],
        [2, 5],
        [3, 6],
      ],
      [[7, 8]],
    ]);
  });

  it('reads univariate samples, with and without classes', async () => {
    const header = '@RELATION r\n@ATTRIBUTE a NUMERIC\n@ATTRIBUTE b integer\n';
    const set = await arff(`${header}@attribute target {1,2}\n@data\n1,2,1\n?,4,2\n`);
    expect(steps(set)).toEqual([
      [[1], [2]],
      [[Number.NaN], [4]],
    ]);
    expect(set.labels).toEqual(['1', '2']);
    const bare = await arff(`${header}@data\n1,2\n`);
    expect(bare).toMatchObject({ labels: [], classNames: [] });
  });

  it.each([
    ['@what\n', /^a\.arff: line 1: expected @relation, @attribute, @end or @data, got "@what"$/],
    [
      `@attribute '${'a'.repeat(2 ** 17)}' numeric\n`,
      /line 1: expected the name and the type of an attribute, got "'aaa/,
    ],
    ['@attribute a\n', /line 1: expected the name and the type of an attribute, got "a"/],
    ['@attribute a numeric\n', /line 1: expected @data, got the end of the file/],
    ['@data\n1\n', /line 1: expected numeric attributes before @data/],
    ['@end x\n', /line 1: expected no @end outside/],
    ['@attribute r relational\n@data\n', /line 2: expected @end of the relational attribute/],
    ['@attribute c {a,a}\n', /line 1: expected distinct classes, got "\{a,a\}"/],
    ['@attribute c {a\n', /expected \} behind the classes/],
    ['@attribute a numeric\n@data\n1,2\n', /line 3: expected 1 values in every dimension, got 2/],
    ['@attribute a numeric\n@attribute c {x}\n@data\n1,y\n', /line 4: expected a class of "x", got "y"/],
    ['@attribute a numeric\n@attribute c {x}\n@data\n1\n', /line 4: expected 1 values|line 4: expected a comma/],
    ['@attribute a numeric\n@data\n?\n', /line 3: expected a value, got only missing ones/],
    [RELATIONAL.replace('"1', '1'), /line 10: expected a quoted list of values/],
    [RELATIONAL.replace('6"', '6'), /line 10: expected a closing quote behind the values/],
    [RELATIONAL.replace('3\\n', '3\\t'), /line 10: expected no backslash but \\n/],
    [RELATIONAL.replace('6",', '6";'), /line 10: expected a comma and a class behind the values/],
    [RELATIONAL.replace('8,?,?', '8,?'), /line 11: dimension 2: expected 3 values as in the first, got 2/],
  ])('refuses %j', async (text, message) => {
    matches(await rejected(() => arff(text)), 'ERR_BAD_DATA', message);
  });

  it.each([
    ['@attribute t date\n', /attributes: expected numeric values or a list of classes, got "date"/],
    ['@attribute c {a}\n@attribute n numeric\n@data\n', /expected values and behind them at most one list of classes/],
    ['@attribute n numeric\n@attribute r relational\n', /expected one relational attribute, before all others/],
    ['@attribute a numeric\n@data\n{0 1}\n', /line 3: expected a row in full, got a sparse one/],
  ])('does not know %j', async (text, message) => {
    matches(await rejected(() => arff(text)), 'ERR_UNSUPPORTED', message);
  });
});

describe('readSampleCsv', () => {
  const csv = (text: string, options = {}) => readSampleCsv(Buffer.from(text), { name: 'a.csv', ...options });

  it('reads a column per variable and leaves times out', async () => {
    const set = await csv('date,b,a\n2020-01-01,1,2\n2020-01-02,,4\n');
    expect(steps(set)).toEqual([
      [
        [1, 2],
        [Number.NaN, 4],
      ],
    ]);
    expect(set).toMatchObject({ variableNames: ['b', 'a'], labels: [], classNames: [] });
    expect(set.stepLabels).toBeUndefined();
  });

  it('reads a column of labels, chosen columns, decimal commas and files without a header', async () => {
    const labelled = await csv('x,label,y\n1,0,2\n3,1,4\n', { labelColumn: 'label', columns: ['y'] });
    expect(steps(labelled)).toEqual([[[2], [4]]]);
    expect(labelled).toMatchObject({ stepLabels: ['0', '1'], classNames: ['0', '1'] });
    const plain = await csv('1;2,5;a\n3;4,5;b\n', { decimal: ',', labelColumn: '2', header: false });
    expect(steps(plain)).toEqual([
      [
        [1, 2.5],
        [3, 4.5],
      ],
    ]);
  });

  it('says what is wrong', async () => {
    matches(await rejected(() => csv('')), 'ERR_BAD_DATA', /^a\.csv: expected rows of data, got an empty file$/);
    matches(await rejected(() => csv('a,b\n')), 'ERR_BAD_DATA', /got only column names/);
    matches(await rejected(() => csv('a\n1\nx\n')), 'ERR_BAD_DATA', /line 3: column "a": expected a number .* got "x"/);
    matches(await rejected(() => csv('a\n1\n', { labelColumn: 'b' })), 'ERR_BAD_DATA', /labelColumn: .*"b", got "a"/);
    matches(await rejected(() => csv('a\n1\n', { labelColumn: 'a' })), 'ERR_BAD_DATA', /expected a column of values/);
    matches(await rejected(() => csv('1,2\n3,4\n', { maxValues: 3 })), 'ERR_BAD_DATA', /line 2: expected at most 3/);
  });
});

describe('readSamples', () => {
  it('goes by the name, gzipped or not, or by the format asked for', async () => {
    const zipped = write(directory, 'Two_TRAIN.TS.gz', gzipSync(TS));
    expect((await readSamples(zipped)).samples).toHaveLength(2);
    expect((await readSamples(write(directory, 'r.arff', RELATIONAL))).samples).toHaveLength(2);
    const text = write(directory, 'machine.txt', '1,2\n3,4\n');
    expect((await readSamples(text)).samples[0]?.shape).toEqual([2, 2]);
    const odd = write(directory, 'samples.dat', TS);
    expect((await readSamples(odd, { format: 'ts' })).samples).toHaveLength(2);
    matches(
      await rejected(() => readSamples(odd)),
      'ERR_UNSUPPORTED',
      /samples\.dat: expected a name that ends in \.ts/,
    );
  });
});
