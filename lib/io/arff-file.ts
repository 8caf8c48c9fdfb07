import { TidemergeError } from '../errors.js';
import { ArffHeader, type ArffLayout, unquoted } from './arff-header.js';
import type { ByteInput } from './byte-source.js';
import { decodeLine } from './line-scanner.js';
import { SampleCollector } from './sample-collector.js';
import { readSampleLines, type SampleLineReader } from './sample-lines.js';
import type { SampleOptions, SampleSet } from './sample-set.js';

const COMMA = 0x2c;
const PERCENT = 0x25;
const BACKSLASH = 0x5c;
const LETTER_N = 0x6e;
const SINGLE = 0x27;
const DOUBLE = 0x22;

/**
 * Reads the ARFF files of the UEA and UCR archives, plain or gzipped: univariate ones (a numeric attribute a step, then
 * the class) and multivariate ones (a relational attribute, quoted, its dimensions separated by `\n`, then the class).
 * '?' is a missing value; steps at the end at which every dimension is missing are padding and left out.
 *
 * ERR_BAD_DATA with file and line, ERR_UNSUPPORTED for other kinds of attributes and for sparse rows.
 */
export function readArffFile(input: ByteInput, options: SampleOptions = {}): Promise<SampleSet> {
  return readSampleLines(input, options, PERCENT, (source) => new ArffReader(source, options));
}

class ArffReader implements SampleLineReader {
  readonly #source: string;
  readonly #maxValues: number | undefined;
  readonly #header: ArffHeader;
  #layout: ArffLayout | undefined;
  #collector: SampleCollector | undefined;
  #line = 0;

  constructor(source: string, { maxValues }: SampleOptions) {
    this.#source = source;
    this.#maxValues = maxValues;
    this.#header = new ArffHeader(source);
  }

  take(bytes: Buffer, line: number): void {
    this.#line = line;
    if (this.#collector) this.#sample(this.#collector, this.#layout!, bytes);
    else this.#layout = this.#header.take(decodeLine(this.#source, line, bytes), line);
    if (!this.#layout || this.#collector) return;
    const { classNames, length, form } = this.#layout;
    this.#collector = new SampleCollector(this.#source, {
      classNames,
      length,
      variables: form === 'univariate' ? 1 : undefined,
      trimMissing: true,
      maxValues: this.#maxValues,
    });
  }

  finish(line: number): SampleSet {
    if (this.#collector) return this.#collector.finish();
    throw new TidemergeError('ERR_BAD_DATA', `${this.#source}: line ${line}: expected @data, got the end of the file`);
  }

  #sample(collector: SampleCollector, { form, classNames }: ArffLayout, bytes: Buffer): void {
    collector.begin(this.#line);
    if (bytes[0] === 0x7b) {
      throw new TidemergeError(
        'ERR_UNSUPPORTED',
        `${this.#source}: line ${this.#line}: expected a row in full, got a sparse one`,
      );
    }
    const valuesEnd =
      form === 'relational' ? relationalValues(collector, bytes) : univariateValues(collector, bytes, classNames);
    if (!classNames) {
      if (valuesEnd < bytes.length) throw collector.fail('expected the end of the row behind the values');
      collector.end(undefined);
      return;
    }
    if (bytes[valuesEnd] !== COMMA) throw collector.fail('expected a comma and a class behind the values');
    collector.end(unquoted(decodeLine(this.#source, this.#line, bytes.subarray(valuesEnd + 1)).trim()));
  }
}

/** The quoted cell at the beginning. @returns where it ends. */
function relationalValues(collector: SampleCollector, bytes: Buffer): number {
  const mark = bytes[0];
  if (mark !== SINGLE && mark !== DOUBLE) throw collector.fail('expected a quoted list of values');
  let start = 1;
  for (let i = 1; i < bytes.length; i++) {
    const c = bytes[i];
    if (c === BACKSLASH) {
      if (bytes[i + 1] !== LETTER_N) throw collector.fail('expected no backslash but \\n between dimensions');
      collector.value(bytes, start, i);
      collector.endVariable();
      start = ++i + 1;
    } else if (c === COMMA || c === mark) {
      collector.value(bytes, start, i);
      start = i + 1;
      if (c === COMMA) continue;
      collector.endVariable();
      return i + 1;
    }
  }
  throw collector.fail('expected a closing quote behind the values');
}

/** The values before the class, or all. @returns where they end. */
function univariateValues(
  collector: SampleCollector,
  bytes: Buffer,
  classNames: readonly string[] | undefined,
): number {
  const end = classNames ? classComma(bytes) : bytes.length;
  let start = 0;
  for (let i = 0; i <= end; i++) {
    if (i !== end && bytes[i] !== COMMA) continue;
    collector.value(bytes, start, i);
    start = i + 1;
  }
  collector.endVariable();
  return end;
}

/** The comma before the last cell, which may be quoted and have commas of its own. */
function classComma(bytes: Buffer): number {
  const mark = bytes.at(-1);
  const from = mark === SINGLE || mark === DOUBLE ? bytes.lastIndexOf(mark, -2) : bytes.length;
  return Math.max(0, bytes.lastIndexOf(COMMA, from < 0 ? bytes.length : from));
}
