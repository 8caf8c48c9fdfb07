import { bfloat16ToFloat32, float32ToBfloat16 } from '../../tensor/half-floats.js';
import { denseFromSparseBinary } from '../../tensor/sparse-binary.js';
import { ARRAY_TYPES, type DType, type TensorData } from '../../tensor/tensor.js';
import type { WeightSpec } from '../backend.js';

/**
 * A run-time value of the reference. float32 values are held in double precision and rounded only when they leave as an
 * output: what the reference computes is the exact answer as far as tests of float32 kernels are concerned. Values are
 * never changed once made, states excepted.
 */
export type Value = FloatValue | IntegerValue;

export interface FloatValue {
  readonly dtype: 'float32' | 'float64';
  readonly rows: number;
  readonly cols: number;
  readonly data: Float64Array;
}

export interface IntegerValue {
  readonly dtype: 'int32' | 'uint8';
  readonly rows: number;
  readonly cols: number;
  readonly data: Int32Array | Uint8Array;
}

export function float32(rows: number, cols: number, data = new Float64Array(rows * cols)): FloatValue {
  return { dtype: 'float32', rows, cols, data };
}

export function int32(rows: number, cols: number, data = new Int32Array(rows * cols)): IntegerValue {
  return { dtype: 'int32', rows, cols, data };
}

export function uint8(rows: number, cols: number, data = new Uint8Array(rows * cols)): IntegerValue {
  return { dtype: 'uint8', rows, cols, data };
}

export function zerosOf(dtype: DType, rows: number, cols: number): Value {
  switch (dtype) {
    case 'float32':
    case 'float64':
      return { dtype, rows, cols, data: new Float64Array(rows * cols) };
    case 'int32':
      return int32(rows, cols);
    case 'uint8':
      return uint8(rows, cols);
  }
}

/** An int32 [n, 1]. */
export function int32Vector(values: ArrayLike<number>): IntegerValue {
  return int32(values.length, 1, Int32Array.from(values));
}

/** A float32 [n, 1]. */
export function float32Vector(values: ArrayLike<number>): FloatValue {
  return float32(values.length, 1, Float64Array.from(values));
}

/** A copy of what a caller gave, widened. */
export function fromTensorData({ dtype, rows, cols, data }: TensorData): Value {
  switch (dtype) {
    case 'float32':
    case 'float64':
      return { dtype, rows, cols, data: Float64Array.from(data) };
    case 'int32':
      return { dtype, rows, cols, data: Int32Array.from(data) };
    case 'uint8':
      return { dtype, rows, cols, data: Uint8Array.from(data) };
  }
}

/** A copy in the declared type: here float32 is rounded. */
export function toTensorData({ dtype, rows, cols, data }: Value): TensorData {
  return { dtype, rows, cols, data: ARRAY_TYPES[dtype].from(data) };
}

/** What a weight holds after it was rounded to the precision it is kept in; a sparse binary one in full. */
export function weightValue(spec: WeightSpec): FloatValue {
  if (spec.kind === 'sparse-binary') {
    return float32(spec.shape[0], spec.shape[1], Float64Array.from(denseFromSparseBinary(spec)));
  }
  const { kind, dtype, shape, data } = spec;
  const given = data instanceof Uint16Array ? bfloat16ToFloat32(data) : data;
  const rounds = dtype === 'bfloat16' && kind !== 'vector' && !(data instanceof Uint16Array);
  const kept = rounds ? bfloat16ToFloat32(float32ToBfloat16(given)) : given;
  return float32(shape[0], shape[1], Float64Array.from(kept));
}

export function shapeText({ rows, cols }: { rows: number; cols: number }): string {
  return `[${rows}, ${cols}]`;
}
