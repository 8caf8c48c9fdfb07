import { TidemergeError } from '../errors.js';
import { quote } from './quote.js';

/** What data rows of an ARFF file look like. */
export interface ArffLayout {
  /** 'relational': a quoted cell holds all dimensions, one a row. */
  readonly form: 'relational' | 'univariate';
  /** Values of every dimension. */
  readonly length: number;
  /** Undefined: rows end with no class. */
  readonly classNames: readonly string[] | undefined;
}

type Attribute = { readonly kind: 'numeric' } | { readonly kind: 'nominal'; readonly values: readonly string[] };

const NUMERIC = new Set(['numeric', 'real', 'integer']);
/** A regular expression runs out of stack on texts without bounds. */
const MAX_NAME = 2 ** 16;
const NAME = /^(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^\s'"{]+)\s+/;

/**
 * Reads the header of an ARFF file line by line: numeric attributes, or one relational attribute of numeric ones, and
 * behind them a nominal one, the class. ERR_BAD_DATA and ERR_UNSUPPORTED name file and line.
 */
export class ArffHeader {
  readonly #source: string;
  readonly #attributes: Attribute[] = [];
  /** Numeric attributes of the relational one; undefined: there is none. */
  #inner: number | undefined;
  /** Inside the relational attribute. */
  #nested = false;

  constructor(source: string) {
    this.#source = source;
  }

  /** @returns the layout when the line is @data. Comments and blank lines are the caller's. */
  take(text: string, line: number): ArffLayout | undefined {
    const [, word = ''] = /^@(\S*)/.exec(text) ?? [];
    const rest = text.slice(word.length + 1).trim();
    switch (word.toLowerCase()) {
      case 'relation':
        return undefined;
      case 'attribute':
        this.#attribute(rest, line);
        return undefined;
      case 'end':
        if (!this.#nested) throw this.#fail(line, 'expected no @end outside a relational attribute');
        this.#nested = false;
        return undefined;
      case 'data':
        return this.#layout(line);
      default:
        throw this.#fail(line, `expected @relation, @attribute, @end or @data, got ${quote(text)}`);
    }
  }

  #attribute(rest: string, line: number): void {
    const [name] = NAME.exec(rest.slice(0, MAX_NAME)) ?? [];
    if (name === undefined)
      throw this.#fail(line, `expected the name and the type of an attribute, got ${quote(rest)}`);
    const type = rest.slice(name.length).trim();
    const word = type.toLowerCase();
    if (word === 'relational') {
      if (this.#nested || this.#inner !== undefined || this.#attributes.length > 0) {
        throw this.#unsupported(line, 'one relational attribute, before all others');
      }
      this.#inner = 0;
      this.#nested = true;
    } else if (NUMERIC.has(word)) {
      if (this.#nested) this.#inner!++;
      else this.#attributes.push({ kind: 'numeric' });
    } else if (type.startsWith('{') && !this.#nested) {
      this.#attributes.push({ kind: 'nominal', values: this.#nominal(type, line) });
    } else {
      throw this.#unsupported(line, `numeric values${this.#nested ? '' : ' or a list of classes'}, got ${quote(type)}`);
    }
  }

  #nominal(type: string, line: number): string[] {
    if (!type.endsWith('}')) throw this.#fail(line, `expected } behind the classes, got ${quote(type)}`);
    const values = splitOutsideQuotes(type.slice(1, -1)).map((value) => unquoted(value.trim()));
    if (values.includes('') || new Set(values).size !== values.length) {
      throw this.#fail(line, `expected distinct classes, got ${quote(type)}`);
    }
    return values;
  }

  #layout(line: number): ArffLayout {
    if (this.#nested) throw this.#fail(line, 'expected @end of the relational attribute before @data');
    const last = this.#attributes.at(-1);
    const classNames = last?.kind === 'nominal' ? last.values : undefined;
    const values = classNames ? this.#attributes.slice(0, -1) : this.#attributes;
    const relational = this.#inner !== undefined;
    if (values.some(({ kind }) => kind !== 'numeric') || (relational && values.length > 0)) {
      throw this.#unsupported(line, 'values and behind them at most one list of classes');
    }
    const length = this.#inner ?? values.length;
    if (length === 0) throw this.#fail(line, 'expected numeric attributes before @data');
    return { form: relational ? 'relational' : 'univariate', length, classNames };
  }

  #fail(line: number, problem: string): TidemergeError {
    return new TidemergeError('ERR_BAD_DATA', `${this.#source}: line ${line}: ${problem}`);
  }

  #unsupported(line: number, expected: string): TidemergeError {
    return new TidemergeError('ERR_UNSUPPORTED', `${this.#source}: line ${line}: attributes: expected ${expected}`);
  }
}

/** Cut at the commas, except those within quotes. */
function splitOutsideQuotes(text: string): string[] {
  const parts: string[] = [];
  let mark = '';
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!;
    if (mark !== '' && c === '\\') i++;
    else if (mark === '' && (c === "'" || c === '"')) mark = c;
    else if (c === mark) mark = '';
    else if (mark === '' && c === ',') {
      parts.push(text.slice(start, i));
      start = i + 1;
    }
  }
  return [...parts, text.slice(start)];
}

/** A class as it is meant: without the quotes around it. */
export function unquoted(text: string): string {
  const [first] = text;
  const isQuoted = text.length > 1 && (first === "'" || first === '"') && text.endsWith(first);
  return isQuoted ? text.slice(1, -1).replace(/\\(.)/g, '$1') : text;
}
