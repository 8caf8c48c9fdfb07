/** Element types of run-time values. Published weights know more types; see `lib/io`. */
export type DType = 'float32' | 'float64' | 'int32' | 'uint8';

export type TensorArray = Float32Array | Float64Array | Int32Array | Uint8Array;

/** The typed array of every element type. */
export const ARRAY_TYPES = {
  float32: Float32Array,
  float64: Float64Array,
  int32: Int32Array,
  uint8: Uint8Array,
} as const;

/** What crosses the boundary between TypeScript and a backend: a dense row-major [rows, cols] matrix. */
export interface TensorData {
  readonly dtype: DType;
  readonly rows: number;
  readonly cols: number;
  readonly data: TensorArray;
}

/** What users give and get: flat row-major data and its shape. */
export interface Tensor<A extends ArrayBufferView = TensorArray> {
  readonly data: A;
  readonly shape: readonly number[];
}

/** The number of elements of a shape; 1 for a scalar's empty shape. */
export function elementCount(shape: readonly number[]): number {
  let count = 1;
  for (const size of shape) count *= size;
  return count;
}

export function dtypeOf(data: TensorArray): DType {
  if (data instanceof Float32Array) return 'float32';
  if (data instanceof Float64Array) return 'float64';
  if (data instanceof Int32Array) return 'int32';
  return 'uint8';
}

/** Wraps a typed array as a [rows, cols] value; `cols` defaults to 1 and rows to what is left. */
export function matrix(data: TensorArray, cols = 1, rows = cols === 0 ? 0 : data.length / cols): TensorData {
  return { dtype: dtypeOf(data), rows, cols, data };
}

export function int32(...values: number[]): TensorData {
  return matrix(Int32Array.from(values));
}
