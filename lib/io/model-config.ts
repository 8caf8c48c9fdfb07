import { TidemergeError } from '../errors.js';
import { readBoundedText } from './bounded-file.js';
import { show } from './quote.js';
import type { JsonObject, JsonValue } from './strict-json.js';
import { parseStrictJson } from './strict-json.js';

/** Real ones have a few kilobytes; label tables of classifiers some hundred. */
export const MAX_CONFIG_BYTES = 8 * 2 ** 20;

export interface NumberRange {
  readonly min?: number;
  readonly max?: number;
}

/**
 * A published `config.json`, or a section of it, read by key. Every getter states the type it needs; what does not fit is
 * an ERR_BAD_MODEL that names the file, the whole key, the expectation and what was found. `null` counts as absent, as
 * the Python configurations use it. Integers may be written 4 or 4.0.
 */
export class ModelConfig {
  readonly file: string;
  readonly #path: string;
  readonly #object: JsonObject;

  private constructor(file: string, path: string, object: JsonObject) {
    this.file = file;
    this.#path = path;
    this.#object = object;
  }

  static read(path: string): ModelConfig {
    return ModelConfig.parse(readBoundedText(path, MAX_CONFIG_BYTES, 'ERR_BAD_MODEL', 'ERR_MODEL_NOT_FOUND'), path);
  }

  static parse(text: string, file = 'config.json'): ModelConfig {
    const root = parseStrictJson(text, { who: file, code: 'ERR_BAD_MODEL', allowNonFinite: true });
    if (!(root instanceof Map))
      throw new TidemergeError('ERR_BAD_MODEL', `${file}: expected a JSON object, got ${show(root)}`);
    return new ModelConfig(file, '', root);
  }

  keys(): string[] {
    return [...this.#object.keys()];
  }

  has(key: string): boolean {
    return (this.#object.get(key) ?? null) !== null;
  }

  requireInteger(key: string, range: NumberRange = {}): number {
    const value = this.#object.get(key);
    if (!Number.isSafeInteger(value) || !within(value as number, range))
      throw this.error(key, `an integer${describe(range)}`);
    return value as number;
  }

  requireNumber(key: string, range: NumberRange = {}): number {
    const value = this.#object.get(key);
    if (typeof value !== 'number' || !Number.isFinite(value) || !within(value, range)) {
      throw this.error(key, `a finite number${describe(range)}`);
    }
    return value;
  }

  requireBoolean(key: string): boolean {
    const value = this.#object.get(key);
    if (typeof value !== 'boolean') throw this.error(key, 'true or false');
    return value;
  }

  requireString(key: string): string {
    const value = this.#object.get(key);
    if (typeof value !== 'string') throw this.error(key, 'a string');
    return value;
  }

  requireOneOf<const T extends string>(key: string, choices: readonly T[]): T {
    const value = this.#object.get(key);
    const found = choices.find((choice) => choice === value);
    if (found === undefined)
      throw this.error(key, `one of ${choices.map((choice) => JSON.stringify(choice)).join(', ')}`);
    return found;
  }

  requireArray(key: string): readonly JsonValue[] {
    const value = this.#object.get(key);
    if (!Array.isArray(value)) throw this.error(key, 'an array');
    return value;
  }

  requireNumbers(key: string, range: NumberRange = {}): number[] {
    const values = this.requireArray(key);
    if (!values.every((value) => typeof value === 'number' && Number.isFinite(value) && within(value, range))) {
      throw this.error(key, `an array of finite numbers${describe(range)}`);
    }
    return values as number[];
  }

  requireIntegers(key: string, range: NumberRange = {}): number[] {
    const values = this.requireArray(key);
    if (!values.every((value) => Number.isSafeInteger(value) && within(value as number, range))) {
      throw this.error(key, `an array of integers${describe(range)}`);
    }
    return values as number[];
  }

  requireStrings(key: string): string[] {
    const values = this.requireArray(key);
    if (!values.every((value) => typeof value === 'string')) throw this.error(key, 'an array of strings');
    return values as string[];
  }

  requireSection(key: string): ModelConfig {
    const value = this.#object.get(key);
    if (!(value instanceof Map)) throw this.error(key, 'an object');
    return new ModelConfig(this.file, `${this.#path}${key}.`, value);
  }

  optionalInteger<T>(key: string, fallback: T, range: NumberRange = {}): number | T {
    return this.has(key) ? this.requireInteger(key, range) : fallback;
  }

  optionalNumber<T>(key: string, fallback: T, range: NumberRange = {}): number | T {
    return this.has(key) ? this.requireNumber(key, range) : fallback;
  }

  optionalBoolean<T>(key: string, fallback: T): boolean | T {
    return this.has(key) ? this.requireBoolean(key) : fallback;
  }

  optionalString<T>(key: string, fallback: T): string | T {
    return this.has(key) ? this.requireString(key) : fallback;
  }

  optionalNumbers<T>(key: string, fallback: T, range: NumberRange = {}): number[] | T {
    return this.has(key) ? this.requireNumbers(key, range) : fallback;
  }

  optionalStrings<T>(key: string, fallback: T): string[] | T {
    return this.has(key) ? this.requireStrings(key) : fallback;
  }

  optionalSection(key: string): ModelConfig | undefined {
    return this.has(key) ? this.requireSection(key) : undefined;
  }

  /** The value as parsed, for keys whose type varies (objects are Maps); undefined when absent. */
  raw(key: string): JsonValue | undefined {
    return this.#object.get(key);
  }

  /** The error of a getter, for rules a getter cannot express: `throw config.error('num_heads', 'a divisor of d_model')`. */
  error(key: string, expected: string): TidemergeError {
    return new TidemergeError(
      'ERR_BAD_MODEL',
      `${this.file}: ${this.#path}${key}: expected ${expected}, got ${show(this.#object.get(key))}`,
    );
  }
}

function within(value: number, { min = -Infinity, max = Infinity }: NumberRange): boolean {
  return value >= min && value <= max;
}

function describe({ min, max }: NumberRange): string {
  if (min !== undefined && max !== undefined) return ` from ${min} to ${max}`;
  if (min !== undefined) return ` >= ${min}`;
  return max === undefined ? '' : ` <= ${max}`;
}
