import { TidemergeError } from '../errors.js';
import { quote, show } from './quote.js';
import type { SafetensorsDtype } from './safetensors-dtype.js';

export interface TorchStorage {
  readonly kind: 'storage';
  readonly key: string;
  readonly dtype: SafetensorsDtype;
  /** Elements. */
  readonly length: number;
}

/** A view of a storage, in elements. */
export interface TorchTensor {
  readonly kind: 'tensor';
  readonly storage: TorchStorage;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
}

export type TorchDict = Map<TorchValue, TorchValue>;
export type TorchValue =
  | null
  | boolean
  | number
  | string
  | TorchValue[]
  | TorchDict
  | TorchStorage
  | TorchTensor
  | Global;

export interface Global {
  readonly kind: 'global';
  readonly name: string;
}

export const MARK = Symbol('mark');
const STOP = 0x2e;

/** The stack, the memo and the bytes of a pickle; what an opcode does with them is not its business. */
export class PickleMachine {
  readonly #file: string;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #stack: (TorchValue | typeof MARK)[] = [];
  readonly #memo = new Map<number, TorchValue>();
  #at = 0;

  constructor(file: string, bytes: Uint8Array) {
    this.#file = file;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Until the opcode that stops; the one value that is then left. */
  run(opcodes: ReadonlyMap<number, (machine: PickleMachine) => void>): TorchValue {
    for (;;) {
      const at = this.#at;
      const opcode = this.u8();
      if (opcode === STOP) return this.#stop();
      const step = opcodes.get(opcode);
      if (!step) throw this.error(`expected only data, got opcode 0x${opcode.toString(16)} at byte ${at}`);
      step(this);
    }
  }

  error(problem: string): TidemergeError {
    return new TidemergeError('ERR_BAD_MODEL', `${this.#file}: pickle: ${problem}`);
  }

  push(value: TorchValue | typeof MARK): void {
    this.#stack.push(value);
  }

  pop(): TorchValue {
    const value = this.#stack.pop();
    if (value === undefined || value === MARK) throw this.error('expected a value on the stack, got none');
    return value;
  }

  top(): TorchValue {
    const value = this.pop();
    this.push(value);
    return value;
  }

  popCount(count: number): TorchValue[] {
    const values = Array.from({ length: count }, () => this.pop());
    return values.reverse();
  }

  popToMark(): TorchValue[] {
    const mark = this.#stack.lastIndexOf(MARK);
    if (mark < 0) throw this.error('expected a mark on the stack, got none');
    const values = this.#stack.splice(mark) as TorchValue[];
    return values.slice(1);
  }

  remember(index: number): void {
    this.#memo.set(index, this.top());
  }

  recall(index: number): void {
    const value = this.#memo.get(index);
    if (value === undefined) throw this.error(`expected value ${index} to be remembered, got none`);
    this.push(value);
  }

  u8 = () => this.#view.getUint8(this.#skip(1));
  u16 = () => this.#view.getUint16(this.#skip(2), true);
  i32 = () => this.#view.getInt32(this.#skip(4), true);
  u32 = () => this.#view.getUint32(this.#skip(4), true);
  f64 = () => this.#view.getFloat64(this.#skip(8), false);

  /** Little-endian two's complement. */
  long(): number {
    const length = this.u8();
    if (length > 7) throw this.error(`expected integers of at most 7 bytes, got ${length}`);
    let value = 0;
    for (let i = 0; i < length; i++) value += this.u8() * 2 ** (8 * i);
    return length > 0 && value >= 2 ** (8 * length - 1) ? value - 2 ** (8 * length) : value;
  }

  text(length: number): string {
    const begin = this.#skip(length);
    return this.#decode(this.#bytes.subarray(begin, begin + length));
  }

  /** Up to the end of the line, which is skipped. */
  line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#at);
    if (end < 0) throw this.error('expected a name, got the end of the data');
    const text = this.text(end - this.#at);
    this.#skip(1);
    return text;
  }

  #decode(bytes: Uint8Array): string {
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      throw this.error('expected text in UTF-8');
    }
  }

  #skip(count: number): number {
    const at = this.#at;
    if (count > this.#bytes.length - at) throw this.error(`expected more than ${this.#bytes.length} bytes`);
    this.#at = at + count;
    return at;
  }

  #stop(): TorchValue {
    const value = this.pop();
    if (this.#stack.length > 0) throw this.error(`expected one value at the end, got ${this.#stack.length + 1}`);
    return value;
  }
}

export function isKind<Kind extends 'tensor' | 'storage' | 'global'>(
  value: TorchValue | undefined,
  kind: Kind,
): value is Extract<TorchValue, { readonly kind: Kind }> {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === kind;
}

/** For messages. */
export function describe(value: TorchValue | undefined): string {
  if (isKind(value, 'global')) return quote(value.name);
  if (isKind(value, 'tensor')) return 'a tensor';
  if (isKind(value, 'storage')) return 'a storage';
  return show(value);
}
