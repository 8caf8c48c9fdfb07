import type { Attributes } from '../backend.js';
import type { Call } from './call.js';
import type { Value } from './value.js';

export type AttributeType = 'number' | 'integer' | 'boolean' | 'string' | 'numbers';

/** One row of the reference's operator table. */
export interface ReferenceOperator {
  /** Fewest and most inputs listed, absent optional ones included. */
  readonly inputs: readonly [least: number, most: number];
  readonly outputs: number;
  /** All of them must be given. */
  readonly attributes?: Readonly<Record<string, AttributeType>>;
  /** These may be absent. */
  readonly options?: Readonly<Record<string, AttributeType>>;
  /** Checks values of attributes when a program is made. */
  check?(attributes: Attributes): void;
  /** Computes the outputs. Inputs are not written. */
  run(call: Call): Value[];
}
