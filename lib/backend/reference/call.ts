import { type ErrorCode, TidemergeError } from '../../errors.js';
import type { DType } from '../../tensor/tensor.js';
import type { Attributes, AttributeValue, WeightKind } from '../backend.js';
import { type FloatValue, type IntegerValue, shapeText, type Value } from './value.js';

/** A weight in use: `kind` says which operators may read it. */
export interface WeightSlot {
  readonly kind: WeightKind;
  readonly value: FloatValue;
}

/** A session's state: operators replace its value. */
export interface StateSlot {
  value: Value;
  /** Places of a cache that are filled. */
  places?: number;
}

/** What an input id stands for. */
export type Slot = { readonly value: Value } | { readonly weight: WeightSlot } | { readonly state: StateSlot };

type ValueOf<D extends DType> = D extends 'float32' | 'float64' ? FloatValue : IntegerValue;

/** One execution of one operator: checked access to inputs and attributes. `name` is what messages call an input. */
export class Call {
  readonly op: string;
  readonly #inputs: readonly (Slot | null)[];
  readonly #attributes: Attributes;

  constructor(op: string, inputs: readonly (Slot | null)[], attributes: Attributes) {
    this.op = op;
    this.#inputs = inputs;
    this.#attributes = attributes;
  }

  has(i: number): boolean {
    return (this.#inputs[i] ?? null) !== null;
  }

  /** A value, a vector weight or a state, of one of these types. */
  input<D extends DType>(i: number, name: string, ...dtypes: D[]): ValueOf<D> {
    const value = this.#value(i, name);
    if (!(dtypes as DType[]).includes(value.dtype)) {
      throw this.error('ERR_INVALID_DTYPE', name, dtypes.join(' or '), value.dtype);
    }
    return value as ValueOf<D>;
  }

  /** The same with an exact shape. */
  shaped<D extends DType>(i: number, name: string, rows: number, cols: number, ...dtypes: D[]): ValueOf<D> {
    const value = this.input(i, name, ...dtypes);
    if (value.rows !== rows || value.cols !== cols) {
      throw this.error('ERR_INVALID_SHAPE', name, shapeText({ rows, cols }), shapeText(value));
    }
    return value;
  }

  /** A vector: [n, 1]. */
  vector<D extends DType>(i: number, name: string, ...dtypes: D[]): ValueOf<D> {
    const value = this.input(i, name, ...dtypes);
    if (value.cols !== 1) throw this.error('ERR_INVALID_SHAPE', name, `[${value.rows}, 1]`, shapeText(value));
    return value;
  }

  /** A float32 vector of `count` numbers, lying or standing: a weight may be stored either way. */
  floats(i: number, name: string, count: number): Float64Array {
    const value = this.input(i, name, 'float32');
    if (value.data.length !== count || (value.rows !== 1 && value.cols !== 1)) {
      throw this.error('ERR_INVALID_SHAPE', name, `[${count}, 1]`, shapeText(value));
    }
    return value.data;
  }

  /** The same of any length. */
  list(i: number, name: string): Float64Array {
    return this.floats(i, name, this.input(i, name, 'float32').data.length);
  }

  /** An int32 [1, 1]. */
  scalar(i: number, name: string, least = -(2 ** 31)): number {
    const value = this.shaped(i, name, 1, 1, 'int32').data[0]!;
    if (value < least) throw this.error('ERR_INVALID_ARGUMENT', name, `at least ${least}`, value);
    return value;
  }

  /** Offsets of a ragged batch over `rows` rows: from 0 to rows, never falling. */
  offsets(i: number, name: string, rows: number): Int32Array {
    const { data } = this.offsetsOnly(i, name);
    if (data[0] !== 0) throw this.error('ERR_INVALID_ARGUMENT', name, 'to start at 0', data[0]!);
    for (let b = 1; b < data.length; b++) {
      if (data[b]! < data[b - 1]!) {
        throw this.error('ERR_INVALID_ARGUMENT', name, 'offsets that never fall', `${data[b]} after ${data[b - 1]}`);
      }
    }
    const end = data[data.length - 1]!;
    if (end !== rows) throw this.error('ERR_INVALID_ARGUMENT', name, `to end at ${rows}`, end);
    return data as Int32Array;
  }

  /** The same where only the number of series counts. */
  offsetsOnly(i: number, name: string): IntegerValue {
    const offsets = this.vector(i, name, 'int32');
    if (offsets.rows === 0) throw this.error('ERR_INVALID_SHAPE', name, '[batch + 1, 1]', '[0, 1]');
    return offsets;
  }

  weight(i: number, name: string, kind: Exclude<WeightKind, 'vector'>): FloatValue {
    const slot = this.#inputs[i] ?? null;
    if (slot && 'weight' in slot && slot.weight.kind === kind) return slot.weight.value;
    const got = slot === null ? 'none' : 'weight' in slot ? `a ${slot.weight.kind}` : 'a value';
    throw this.error('ERR_INVALID_ARGUMENT', name, `a ${kind} weight`, got);
  }

  isWeight(i: number): boolean {
    const slot = this.#inputs[i] ?? null;
    return slot !== null && 'weight' in slot;
  }

  state(i: number, name: string): StateSlot {
    const slot = this.#inputs[i] ?? null;
    if (slot && 'state' in slot) return slot.state;
    throw this.error('ERR_INVALID_ARGUMENT', name, 'a state', slot === null ? 'none' : 'a value');
  }

  number(name: string): number {
    return this.#attribute(name) as number;
  }

  /** `fallback`: of an attribute that may be absent. */
  boolean(name: string, fallback?: boolean): boolean {
    return (this.#attributes[name] ?? fallback ?? this.#attribute(name)) as boolean;
  }

  string(name: string): string {
    return this.#attribute(name) as string;
  }

  numbers(name: string): readonly number[] {
    return this.#attribute(name) as readonly number[];
  }

  error(code: ErrorCode, name: string, expected: string, got: string | number): TidemergeError {
    return new TidemergeError(code, `${this.op}: ${name}: expected ${expected}, got ${got}`);
  }

  #value(i: number, name: string): Value {
    const slot = this.#inputs[i] ?? null;
    if (slot === null) throw this.error('ERR_INVALID_ARGUMENT', name, 'a value', 'none');
    if ('value' in slot) return slot.value;
    if ('state' in slot) return slot.state.value;
    if (slot.weight.kind === 'vector') return slot.weight.value;
    throw this.error('ERR_INVALID_ARGUMENT', name, 'a value', `a ${slot.weight.kind} weight`);
  }

  #attribute(name: string): AttributeValue {
    const value = this.#attributes[name];
    if (value === undefined) throw new TidemergeError('ERR_INTERNAL', `${this.op}: attribute ${name} was not declared`);
    return value;
  }
}
