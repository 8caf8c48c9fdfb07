import { fileURLToPath } from 'node:url';
import { openSafetensors } from '../../../../lib/io/safetensors.js';
import { matrix, type TensorData } from '../../../../lib/tensor/tensor.js';

export interface GoldenTensor {
  readonly shape: readonly number[];
  readonly data: number[];
}

/** A file of cases made by an official implementation: tensors are named `<case>.<tensor>`. */
export class Golden {
  readonly cases: Record<string, { params: Record<string, never> }>;
  readonly metadata: ReadonlyMap<string, string>;
  readonly #store;

  constructor(fixture: string) {
    this.#store = openSafetensors(fileURLToPath(new URL(`../../../fixtures/${fixture}`, import.meta.url)));
    this.metadata = this.#store.metadata;
    this.cases = JSON.parse(this.metadata.get('cases')!);
  }

  has(name: string): boolean {
    return this.#store.info(name) !== undefined;
  }

  read(name: string): GoldenTensor {
    const { shape, data } = this.#store.read(name);
    return { shape, data: Array.from(data as ArrayLike<number | bigint>, Number) };
  }

  column(name: string): TensorData {
    return matrix(Float32Array.from(this.read(name).data));
  }

  /** The series of a case: the last lengths[i] values of row i of `context`, as a ragged batch. */
  series(name: string): { values: TensorData; offsets: TensorData; lengths: number[] } {
    const { shape, data } = this.read(`${name}.context`);
    const width = shape[1]!;
    const lengths = this.read(`${name}.lengths`).data;
    const values = lengths.flatMap((length, i) => data.slice((i + 1) * width - length, (i + 1) * width));
    const offsets = [0];
    for (const length of lengths) offsets.push(offsets.at(-1)! + length);
    return { values: matrix(Float32Array.from(values)), offsets: matrix(Int32Array.from(offsets)), lengths };
  }
}
