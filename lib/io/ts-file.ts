import { TidemergeError } from '../errors.js';
import type { ByteInput } from './byte-source.js';
import { decodeLine } from './line-scanner.js';
import { quote } from './quote.js';
import { type CollectorRules, SampleCollector } from './sample-collector.js';
import { readSampleLines, type SampleLineReader } from './sample-lines.js';
import type { SampleOptions, SampleSet } from './sample-set.js';

const COMMA = 0x2c;
const COLON = 0x3a;
const HASH = 0x23;

/**
 * Reads the `.ts` text format of the UEA and UCR archives (sktime, aeon), plain or gzipped: # comments, @ headers, @data,
 * then a sample a line, variables separated by ':', values by ',', the class last; '?' is a missing value. What the
 * headers say of dimensions, lengths and classes must be true.
 *
 * ERR_BAD_DATA with file and line for anything else, ERR_UNSUPPORTED for time stamps and for targets that are numbers.
 */
export function readTsFile(input: ByteInput, options: SampleOptions = {}): Promise<SampleSet> {
  return readSampleLines(input, options, HASH, (source) => new TsReader(source, options));
}

interface Headers {
  dimensions?: number;
  length?: number;
  equal?: boolean;
  labelled?: boolean;
  classNames?: string[];
}

class TsReader implements SampleLineReader {
  readonly #source: string;
  readonly #maxValues: number | undefined;
  readonly #headers: Headers = {};
  #collector: SampleCollector | undefined;
  #line = 0;

  constructor(source: string, { maxValues }: SampleOptions) {
    this.#source = source;
    this.#maxValues = maxValues;
  }

  take(bytes: Buffer, line: number): void {
    this.#line = line;
    if (this.#collector) this.#sample(this.#collector, bytes);
    else this.#header(decodeLine(this.#source, line, bytes));
  }

  finish(line: number): SampleSet {
    this.#line = line;
    if (!this.#collector) throw this.#fail('expected @data, got the end of the file');
    return this.#collector.finish();
  }

  #header(text: string): void {
    if (!text.startsWith('@')) throw this.#fail(`expected a header that begins with @, got ${quote(text)}`);
    const [tag = '', ...words] = text.split(/\s+/);
    const headers = this.#headers;
    switch (tag.toLowerCase()) {
      case '@timestamps':
        if (this.#truth(tag, words)) throw this.#unsupported('samples without time stamps, got @timestamps true');
        break;
      case '@targetlabel':
        if (this.#truth(tag, words)) throw this.#unsupported('classes, got @targetlabel true (numbers)');
        break;
      case '@univariate':
        if (this.#truth(tag, words)) headers.dimensions = 1;
        break;
      case '@dimension':
      case '@dimensions':
        headers.dimensions = this.#count(tag, words);
        break;
      case '@equallength':
        headers.equal = this.#truth(tag, words);
        break;
      case '@serieslength':
        headers.length = this.#count(tag, words);
        break;
      case '@classlabel':
        headers.labelled = this.#truth(tag, words.slice(0, 1));
        if (headers.labelled && words.length > 1) headers.classNames = words.slice(1);
        break;
      case '@data':
        this.#collector = new SampleCollector(this.#source, this.#rules());
        break;
      // @problemname, @missing, @author …: nothing that changes how the data is read.
    }
  }

  #rules(): CollectorRules {
    const { dimensions, length, equal, classNames } = this.#headers;
    // A length without the promise that all have it is of no use: some files state the longest.
    const checked = equal ? (length ?? 'equal') : undefined;
    return { classNames, variables: dimensions, length: checked, maxValues: this.#maxValues };
  }

  #sample(collector: SampleCollector, bytes: Buffer): void {
    collector.begin(this.#line);
    const colon = this.#headers.labelled ? bytes.lastIndexOf(COLON) : bytes.length;
    if (colon < 0) throw this.#fail('expected a class behind a colon, got none');
    let start = 0;
    for (let i = 0; i <= colon; i++) {
      const end = i === colon;
      if (!end && bytes[i] !== COMMA && bytes[i] !== COLON) continue;
      collector.value(bytes, start, i);
      if (end || bytes[i] === COLON) collector.endVariable();
      start = i + 1;
    }
    const label = this.#headers.labelled
      ? decodeLine(this.#source, this.#line, bytes.subarray(colon + 1)).trim()
      : undefined;
    collector.end(label);
  }

  #truth(tag: string, [word, ...rest]: readonly string[]): boolean {
    const truth = word?.toLowerCase();
    if ((truth !== 'true' && truth !== 'false') || rest.length > 0) {
      throw this.#fail(`${quote(tag)}: expected true or false, got ${quote([word ?? '', ...rest].join(' '))}`);
    }
    return truth === 'true';
  }

  #count(tag: string, words: readonly string[]): number {
    const text = words.join(' ');
    const count = Number(text);
    if (!/^\d+$/.test(text) || count < 1 || !Number.isSafeInteger(count)) {
      throw this.#fail(`${quote(tag)}: expected a whole number of at least 1, got ${quote(text)}`);
    }
    return count;
  }

  #unsupported(problem: string): TidemergeError {
    return new TidemergeError('ERR_UNSUPPORTED', `${this.#source}: line ${this.#line}: expected ${problem}`);
  }

  #fail(problem: string): TidemergeError {
    return new TidemergeError('ERR_BAD_DATA', `${this.#source}: line ${this.#line}: ${problem}`);
  }
}
