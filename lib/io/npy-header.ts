import { TidemergeError } from '../errors.js';
import { quote } from './quote.js';

export interface NpyHeader {
  readonly descr: string;
  /** The first index runs fastest. */
  readonly fortranOrder: boolean;
  readonly shape: readonly number[];
}

const TOKEN = /\s*(?:'([^'\\]*)'|"([^"\\]*)"|(\d+)|(True|False)|([{}():,]))/y;

/**
 * The dictionary in the header of an .npy file, as NumPy writes it: a Python literal of three keys. Only strings, whole
 * numbers, truths and tuples of numbers are understood.
 */
export function parseNpyHeader(name: string, text: string): NpyHeader {
  const tokens = tokenize(name, text);
  let at = 0;
  const expect = (token: string) => {
    if (tokens[at++] !== token) throw bad(name, text);
  };
  const value = (): unknown => {
    const token = tokens[at++];
    if (token !== '(') return token;
    const items: number[] = [];
    while (tokens[at] !== ')') {
      const item = tokens[at++];
      if (typeof item !== 'number') throw bad(name, text);
      items.push(item);
      if (tokens[at] !== ')') expect(',');
    }
    at++;
    return items;
  };
  const entries = new Map<unknown, unknown>();
  expect('{');
  while (tokens[at] !== '}') {
    const key = tokens[at++];
    expect(':');
    if (entries.has(key)) throw bad(name, text);
    entries.set(key, value());
    if (tokens[at] !== '}') expect(',');
  }
  const [descr, fortranOrder, shape] = ["'descr", "'fortran_order", "'shape"].map((key) => entries.get(key));
  const known = at + 1 === tokens.length && entries.size === 3;
  if (
    !known ||
    typeof descr !== 'string' ||
    !descr.startsWith("'") ||
    typeof fortranOrder !== 'boolean' ||
    !Array.isArray(shape)
  ) {
    throw bad(name, text);
  }
  return { descr: descr.slice(1), fortranOrder, shape };
}

type Token = string | number | boolean;

/** Strings keep an apostrophe in front, so that none is taken for punctuation. */
function tokenize(name: string, text: string): Token[] {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  const trimmed = text.trimEnd();
  while (TOKEN.lastIndex < trimmed.length) {
    const match = TOKEN.exec(trimmed);
    if (!match) throw bad(name, text);
    const [, single, double, digits, truth, mark] = match;
    const string = single ?? double;
    if (string !== undefined) tokens.push(`'${string}`);
    else if (digits !== undefined) tokens.push(Number(digits));
    else tokens.push(truth === undefined ? mark! : truth === 'True');
  }
  return tokens;
}

function bad(name: string, text: string): TidemergeError {
  return new TidemergeError(
    'ERR_BAD_DATA',
    `${name}: header: expected { descr, fortran_order, shape } of one plain type, got ${quote(text)}`,
  );
}
