import type { Backend, DenseWeightSpec, WeightDType, WeightHandle, WeightSpec } from '../backend/backend.js';
import { elementBytes } from '../io/safetensors-dtype.js';
import type { Weight, WeightScope } from '../io/weight-scope.js';
import type { BiasedLinearWeights } from '../layers/residual-block.js';
import type { SparseBinaryMatrix } from '../tensor/sparse-binary.js';
import { elementCount } from '../tensor/tensor.js';

/** How far loading has come, in bytes of the weights file. */
export interface LoadProgress {
  readonly status: 'initiate' | 'progress' | 'done';
  readonly file: string;
  readonly loaded: number;
  readonly total: number;
}

export interface WeightLoaderOptions {
  /** Precision of matrices and embedding tables; vectors are always float32. */
  readonly dtype: WeightDType;
  readonly signal?: AbortSignal | undefined;
  /** Called with the bytes read since the last call. */
  readonly onBytes?: (count: number) => void;
}

/**
 * Moves tensors from a file into a backend's memory, one after the other, so that no more than one of them is in
 * JavaScript memory at a time. After a failure `dispose` releases what was loaded before it.
 */
export class WeightLoader {
  readonly #backend: Backend;
  readonly #options: WeightLoaderOptions;
  readonly #handles: WeightHandle[] = [];

  constructor(backend: Backend, options: WeightLoaderOptions) {
    this.#backend = backend;
    this.#options = options;
  }

  /** A linear layer's [out, in] matrix; several names are stacked by rows into one: [count · out, in]. */
  async matrix(
    scope: WeightScope,
    names: string | readonly string[],
    out: number,
    inner: number,
  ): Promise<WeightHandle> {
    const list = typeof names === 'string' ? [names] : names;
    const weights = list.map((name) => scope.take(name, [out, inner]));
    const name = weights.map((weight) => weight.name).join('+');
    return this.#create(name, 'matrix', [out * list.length, inner], this.#read(weights));
  }

  /** An embedding table [rows, columns]. */
  async table(scope: WeightScope, name: string, rows: number, columns: number): Promise<WeightHandle> {
    const weight = scope.take(name, [rows, columns]);
    return this.#create(weight.name, 'table', [rows, columns], this.#read([weight]));
  }

  /** A vector [length], every element multiplied by `factor`. */
  async vector(scope: WeightScope, name: string, length: number, factor = 1): Promise<WeightHandle> {
    const weight = scope.take(name, [length]);
    const data = this.#readFloat32(weight);
    if (factor !== 1) for (let i = 0; i < length; i++) data[i] = (data[i] as number) * factor;
    return this.values(weight.name, data, [length, 1]);
  }

  /** A linear layer's `weight` [out, in] and `bias` [out]. */
  async linear(scope: WeightScope, out: number, inner: number): Promise<BiasedLinearWeights> {
    return { weight: await this.matrix(scope, 'weight', out, inner), bias: await this.vector(scope, 'bias', out) };
  }

  /** A tensor as float32, for what is computed from it at load. */
  read(scope: WeightScope, name: string, shape: readonly number[]): Float32Array {
    return this.#readFloat32(scope.take(name, shape));
  }

  /** Computed float32 values; a 'vector' of any shape is what operators read as it is. */
  values(
    name: string,
    data: Float32Array,
    shape: readonly [number, number],
    kind: DenseWeightSpec['kind'] = 'vector',
  ): Promise<WeightHandle> {
    return this.#create(name, kind, shape, data);
  }

  async sparseBinary(name: string, matrix: SparseBinaryMatrix): Promise<WeightHandle> {
    return this.#keep({ ...matrix, name, kind: 'sparse-binary' });
  }

  dispose(): void {
    for (const handle of this.#handles.splice(0)) handle.dispose();
  }

  async #create(
    name: string,
    kind: DenseWeightSpec['kind'],
    shape: readonly [number, number],
    data: Float32Array | Uint16Array,
  ): Promise<WeightHandle> {
    const dtype = kind === 'vector' ? 'float32' : this.#options.dtype;
    return this.#keep({ name, kind, dtype, shape, data });
  }

  async #keep(spec: WeightSpec): Promise<WeightHandle> {
    this.#options.signal?.throwIfAborted();
    const handle = await this.#backend.createWeight(spec);
    this.#handles.push(handle);
    return handle;
  }

  /** bfloat16 bits go as they are, which is exact whatever precision is wanted; everything else as float32. */
  #read(weights: readonly Weight[]): Float32Array | Uint16Array {
    const bits = weights.every((weight) => weight.dtype === 'BF16');
    const parts = weights.map((weight) => (bits ? this.#readBits(weight) : this.#readFloat32(weight)));
    const [only] = parts;
    if (only && parts.length === 1) return only;
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    const stacked = bits ? new Uint16Array(length) : new Float32Array(length);
    let at = 0;
    for (const part of parts) {
      stacked.set(part, at);
      at += part.length;
    }
    return stacked;
  }

  #readBits(weight: Weight): Uint16Array {
    this.#options.onBytes?.(storedBytes(weight));
    return weight.loadRaw().data as Uint16Array;
  }

  #readFloat32(weight: Weight): Float32Array {
    this.#options.onBytes?.(storedBytes(weight));
    return weight.load();
  }
}

function storedBytes({ dtype, shape }: Weight): number {
  return elementBytes(dtype) * elementCount(shape);
}
