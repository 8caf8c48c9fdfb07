import { TidemergeError } from '../errors.js';
import { GrowableFloat64 } from './growable.js';
import { parseNumber } from './number-text.js';
import { quote, quoteList } from './quote.js';
import { DEFAULT_MAX_SAMPLE_VALUES, type Sample, type SampleSet } from './sample-set.js';

export interface CollectorRules {
  /** Declared classes; undefined: whatever comes. */
  readonly classNames?: readonly string[] | undefined;
  /** Declared number of variables; undefined: that of the first sample. */
  readonly variables?: number | undefined;
  /** Declared length of every sample; 'equal': that of the first one. */
  readonly length?: number | 'equal' | undefined;
  /** Steps at the end of a sample of which no variable has a value are padding. */
  readonly trimMissing?: boolean;
  readonly maxValues?: number | undefined;
}

/** A sample takes memory beside its values; very short ones count as if they had these many. */
const LEAST_VALUES = 128;

/** Collects the samples of a text file whose variables come one after the other, each with its values in time order. */
export class SampleCollector {
  readonly #source: string;
  readonly #rules: CollectorRules;
  readonly #samples: Sample[] = [];
  readonly #labels: string[] = [];
  readonly #classes: Set<string>;
  #variables: number | undefined;
  #length: number | undefined;
  #total = 0;
  /** The current sample, variable by variable. */
  readonly #values = new GrowableFloat64();
  /** Values of each of its variables. */
  #counts: number[] = [];
  #start = 0;
  #line = 0;

  constructor(source: string, rules: CollectorRules) {
    this.#source = source;
    this.#rules = rules;
    this.#classes = new Set(rules.classNames);
    this.#variables = rules.variables;
    this.#length = typeof rules.length === 'number' ? rules.length : undefined;
  }

  begin(line: number): void {
    this.#line = line;
    this.#values.length = 0;
    this.#counts = [];
    this.#start = 0;
  }

  /** A value of the current variable, as text; missing ones are NaN. */
  value(bytes: Uint8Array, start: number, end: number): void {
    const value = Math.fround(parseNumber(bytes, start, end));
    if (Math.abs(value) === Infinity) {
      const place = `dimension ${this.#counts.length + 1}: value ${this.#values.length - this.#start + 1}`;
      const text = Buffer.from(bytes.subarray(start, Math.min(end, start + 400))).toString('latin1');
      throw this.fail(`${place}: expected a number of float32 or ?, got ${quote(text)}`);
    }
    this.#values.push(value);
  }

  endVariable(): void {
    const count = this.#values.length - this.#start;
    const first = this.#counts[0] ?? count;
    if (count !== first) {
      throw this.fail(`dimension ${this.#counts.length + 1}: expected ${first} values as in the first, got ${count}`);
    }
    this.#counts.push(count);
    this.#start = this.#values.length;
  }

  end(label: string | undefined): void {
    const variables = this.#counts.length;
    this.#variables ??= variables;
    if (variables !== this.#variables) {
      throw this.fail(`expected ${this.#variables} dimensions, got ${variables}`);
    }
    const length = this.#checkedLength(this.#counts[0]!);
    this.#total += Math.max(length * variables, LEAST_VALUES);
    const most = this.#rules.maxValues ?? DEFAULT_MAX_SAMPLE_VALUES;
    if (this.#total > most) throw this.fail(`expected at most ${most} values in the file`);
    if (label !== undefined) this.#label(label);
    this.#samples.push(this.#transposed(length, variables));
  }

  finish(): SampleSet {
    if (this.#samples.length === 0) {
      throw new TidemergeError('ERR_BAD_DATA', `${this.#source}: expected samples, got none`);
    }
    return { samples: this.#samples, labels: this.#labels, classNames: [...this.#classes] };
  }

  fail(problem: string): TidemergeError {
    return new TidemergeError('ERR_BAD_DATA', `${this.#source}: line ${this.#line}: ${problem}`);
  }

  #checkedLength(count: number): number {
    if (this.#rules.length !== undefined) {
      this.#length ??= count;
      if (count !== this.#length) throw this.fail(`expected ${this.#length} values in every dimension, got ${count}`);
    }
    let length = count;
    if (this.#rules.trimMissing) while (length > 0 && this.#missingAt(length - 1, count)) length--;
    if (length === 0) throw this.fail('expected a value, got only missing ones');
    return length;
  }

  #missingAt(step: number, count: number): boolean {
    return this.#counts.every((_, variable) => Number.isNaN(this.#values.at(variable * count + step)));
  }

  #label(label: string): void {
    if (label === '') throw this.fail('expected a class, got an empty one');
    if (this.#rules.classNames && !this.#classes.has(label)) {
      throw this.fail(`expected a class of ${quoteList(this.#rules.classNames)}, got ${quote(label)}`);
    }
    this.#classes.add(label);
    this.#labels.push(label);
  }

  #transposed(length: number, variables: number): Sample {
    const data = new Float32Array(length * variables);
    const count = this.#counts[0]!;
    for (let variable = 0; variable < variables; variable++) {
      for (let step = 0; step < length; step++)
        data[step * variables + variable] = this.#values.at(variable * count + step);
    }
    return { data, shape: [length, variables] };
  }
}
