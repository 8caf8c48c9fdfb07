import type { Attributes } from '../../../../lib/backend/backend.js';
import { createReferenceBackend } from '../../../../lib/backend/reference/index.js';
import { matrix, type TensorData } from '../../../../lib/tensor/tensor.js';

const backend = createReferenceBackend();

/** One operator on the reference. */
export function call(op: string, inputs: readonly (TensorData | null)[], attributes: Attributes = {}): TensorData[] {
  return backend.call(op, inputs, attributes);
}

/** Rows of a float32 matrix. */
export function f32(...rows: number[][]): TensorData {
  return matrix(Float32Array.from(rows.flat()), rows[0]?.length ?? 0, rows.length);
}

/** A float32 [n, 1]. */
export function column(...values: number[]): TensorData {
  return matrix(Float32Array.from(values));
}

/** The numbers of a value, row by row. */
export function rowsOf(value: TensorData | undefined): number[][] {
  const { rows, cols, data } = value!;
  return Array.from({ length: rows }, (_, i) => [...data.subarray(i * cols, (i + 1) * cols)]);
}

/** The numbers of a vector. */
export function list(value: TensorData | undefined): number[] {
  return [...value!.data];
}
