import { TidemergeError } from '../errors.js';
import { quote } from './quote.js';
import type { SafetensorsDtype, Shape } from './safetensors-dtype.js';
import { noSuchTensor } from './safetensors-reader.js';
import type { RawTensor, TensorInfo, TensorStore } from './tensor-store.js';

/** A tensor that was asked for and has the right shape. Nothing is read before `load` or `loadRaw`. */
export interface Weight {
  /** The whole name in the file. */
  readonly name: string;
  readonly dtype: SafetensorsDtype;
  readonly shape: Shape;
  /** As float32, in a fresh buffer at every call. */
  load(): Float32Array<ArrayBuffer>;
  /** As stored: bfloat16 as the bits in a Uint16Array. */
  loadRaw(): RawTensor;
}

/**
 * The tensors of a store under a prefix, taken with the shape the model expects:
 * `scope('encoder').scope('block.0').take('layer.0.SelfAttention.q.weight', [inner, dModel])`.
 * All scopes of one root share the record of what was taken, so `unused()` at the end shows what the model forgot.
 */
export class WeightScope {
  readonly prefix: string;
  readonly #store: TensorStore;
  readonly #taken: Set<string>;

  constructor(store: TensorStore);
  /** @internal A scope below another one. */
  constructor(store: TensorStore, prefix: string, taken: Set<string>);
  constructor(store: TensorStore, prefix = '', taken = new Set<string>()) {
    this.prefix = prefix;
    this.#store = store;
    this.#taken = taken;
  }

  /** The file, for messages. */
  get source(): string {
    return this.#store.source;
  }

  get metadata(): ReadonlyMap<string, string> {
    return this.#store.metadata;
  }

  scope(name: string): WeightScope {
    return new WeightScope(this.#store, `${this.prefix}${name}.`, this.#taken);
  }

  has(name: string): boolean {
    return this.#store.info(this.prefix + name) !== undefined;
  }

  /** Dtype and shape of a tensor, for models that infer sizes from their weights; does not take it. */
  info(name: string): TensorInfo | undefined {
    return this.#store.info(this.prefix + name);
  }

  /** ERR_BAD_MODEL when the tensor is not there or has another shape. May be called again: tied weights are one tensor. */
  take(name: string, shape: Shape): Weight {
    const weight = this.takeOptional(name, shape);
    if (weight === undefined) throw noSuchTensor(this.#store, this.prefix + name);
    return weight;
  }

  /** Like `take`, but undefined when the tensor is not there. */
  takeOptional(name: string, shape: Shape): Weight | undefined {
    const full = this.prefix + name;
    const info = this.#store.info(full);
    if (info === undefined) return undefined;
    if (info.shape.length !== shape.length || info.shape.some((size, axis) => size !== shape[axis])) {
      throw new TidemergeError(
        'ERR_BAD_MODEL',
        `${this.#store.source}: tensor ${quote(full)}: expected shape [${shape.join(', ')}], got [${info.shape.join(', ')}]`,
      );
    }
    this.#taken.add(full);
    const store = this.#store;
    return {
      name: full,
      dtype: info.dtype,
      shape: info.shape,
      load: () => store.readFloat32(full),
      loadRaw: () => store.read(full),
    };
  }

  /** Marks tensors that the model knows and does not need (a tied copy, a buffer that is computed). */
  ignore(...names: string[]): void {
    for (const name of names) this.#taken.add(this.prefix + name);
  }

  /** The whole names of the tensors under this scope that were never taken. */
  unused(): string[] {
    return this.#store.names().filter((name) => name.startsWith(this.prefix) && !this.#taken.has(name));
  }
}
