import type { ErrorCode } from '../errors.js';
import { TidemergeError } from '../errors.js';
import { quote } from './quote.js';

/** An object is a Map: `__proto__` and `constructor` are keys like any other. */
export type JsonObject = Map<string, JsonValue>;
export type JsonValue = null | boolean | number | string | JsonValue[] | JsonObject;

export interface StrictJsonOptions {
  /** Who complains, usually the file name. */
  readonly who: string;
  readonly code: ErrorCode;
  /** Deepest nesting of arrays and objects. Default 64. */
  readonly maxDepth?: number;
  /** Most values (scalars, arrays and objects together); bounds the memory a small text can ask for. Default 2^22. */
  readonly maxValues?: number;
  /** Accept the tokens NaN, Infinity and -Infinity, which Python's json module writes. Default false. */
  readonly allowNonFinite?: boolean;
}

const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const LITERALS = new Map<string, null | boolean>([
  ['null', null],
  ['true', true],
  ['false', false],
]);
const NON_FINITE = new Map<string, number>([
  ['NaN', NaN],
  ['Infinity', Infinity],
  ['-Infinity', -Infinity],
]);

/**
 * RFC 8259 JSON for files from outside. Differs from `JSON.parse`: duplicate keys are refused (JSON.parse keeps the last
 * one silently, so two readers of one file can disagree), objects are Maps, and nesting and size are bounded.
 * Throws a TidemergeError with the given code that names the position.
 */
export function parseStrictJson(text: string, options: StrictJsonOptions): JsonValue {
  return new Parser(text, options).document();
}

class Parser {
  readonly #text: string;
  readonly #options: StrictJsonOptions;
  readonly #maxDepth: number;
  #valuesLeft: number;
  #at = 0;

  constructor(text: string, options: StrictJsonOptions) {
    this.#text = text;
    this.#options = options;
    this.#maxDepth = options.maxDepth ?? 64;
    this.#valuesLeft = options.maxValues ?? 2 ** 22;
  }

  document(): JsonValue {
    this.#skipSpace();
    const value = this.#value(0);
    this.#skipSpace();
    if (this.#at < this.#text.length) throw this.#fail('expected the end of the JSON text');
    return value;
  }

  #value(depth: number): JsonValue {
    if (depth > this.#maxDepth) throw this.#fail(`expected JSON nested at most ${this.#maxDepth} deep`);
    if (--this.#valuesLeft < 0) throw this.#fail('too many JSON values');
    const first = this.#text[this.#at];
    if (first === '{') return this.#object(depth);
    if (first === '[') return this.#array(depth);
    if (first === '"') return this.#string();
    return this.#scalar();
  }

  #object(depth: number): JsonObject {
    const object: JsonObject = new Map();
    this.#at++;
    this.#skipSpace();
    if (this.#take('}')) return object;
    for (;;) {
      if (this.#text[this.#at] !== '"') throw this.#fail('expected a quoted key');
      const key = this.#string();
      if (object.has(key)) throw this.#fail(`duplicate key ${quote(key)}`);
      this.#skipSpace();
      if (!this.#take(':')) throw this.#fail("expected ':'");
      this.#skipSpace();
      object.set(key, this.#value(depth + 1));
      this.#skipSpace();
      if (this.#take('}')) return object;
      if (!this.#take(',')) throw this.#fail("expected ',' or '}'");
      this.#skipSpace();
    }
  }

  #array(depth: number): JsonValue[] {
    const array: JsonValue[] = [];
    this.#at++;
    this.#skipSpace();
    if (this.#take(']')) return array;
    for (;;) {
      array.push(this.#value(depth + 1));
      this.#skipSpace();
      if (this.#take(']')) return array;
      if (!this.#take(',')) throw this.#fail("expected ',' or ']'");
      this.#skipSpace();
    }
  }

  #string(): string {
    const start = this.#at;
    let escaped = false;
    for (let i = start + 1; i < this.#text.length; i++) {
      const c = this.#text.charCodeAt(i);
      if (c === 0x22) {
        this.#at = i + 1;
        return escaped ? this.#unescape(start, i + 1) : this.#text.slice(start + 1, i);
      }
      if (c === 0x5c) {
        escaped = true;
        i++;
      } else if (c < 0x20) {
        this.#at = i;
        throw this.#fail('control character inside a string');
      }
    }
    throw this.#fail('unterminated string');
  }

  #unescape(start: number, end: number): string {
    try {
      return JSON.parse(this.#text.slice(start, end)) as string;
    } catch {
      this.#at = start;
      throw this.#fail('invalid escape in a string');
    }
  }

  #scalar(): number | boolean | null {
    NUMBER.lastIndex = this.#at;
    const number = NUMBER.exec(this.#text)?.[0];
    const end = this.#at + (number?.length ?? 0);
    if (number !== undefined && !isWordPart(this.#text[end])) {
      this.#at = end;
      return Number(number);
    }
    const word = /^-?[A-Za-z]{1,9}/.exec(this.#text.slice(this.#at, this.#at + 10))?.[0] ?? '';
    const literal = LITERALS.get(word) ?? (this.#options.allowNonFinite === true ? NON_FINITE.get(word) : undefined);
    if (literal === undefined && word !== 'null') throw this.#fail('expected a JSON value');
    this.#at += word.length;
    return literal ?? null;
  }

  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #skipSpace(): void {
    for (;;) {
      const c = this.#text.charCodeAt(this.#at);
      if (c !== 0x20 && c !== 0x0a && c !== 0x0d && c !== 0x09) return;
      this.#at++;
    }
  }

  #fail(problem: string): TidemergeError {
    const got = this.#at < this.#text.length ? quote(this.#text.slice(this.#at, this.#at + 20)) : 'the end of the text';
    return new TidemergeError(
      this.#options.code,
      `${this.#options.who}: invalid JSON at character ${this.#at}: ${problem}, got ${got}`,
    );
  }
}

function isWordPart(character: string | undefined): boolean {
  return character !== undefined && /[0-9A-Za-z.+-]/.test(character);
}
