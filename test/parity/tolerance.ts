import type { Activation } from '../../lib/ops/linear.js';
import type { TensorData } from '../../lib/tensor/tensor.js';

/** A bound for every element, from its expected value and its place. */
export function forEachElement(expected: TensorData, bound: (y: number, i: number) => number): Float64Array {
  return Float64Array.from(expected.data as ArrayLike<number>, bound);
}

/** The row that element i is in. */
export function rowAt({ cols, data }: TensorData, i: number): Float64Array {
  const start = i - (i % cols);
  return Float64Array.from(data.subarray(start, start + cols));
}

/** Half the spacing of float32 numbers from 1 to 2: the relative error of one rounding. */
export const U = 2 ** -24;

/** Where float32 leaves its normal range. */
export const TINY = 2 ** -126;

/**
 * Error of a float32 sum of `terms` products whose magnitudes sum to `magnitude`, in any order (Higham, "Accuracy and
 * Stability of Numerical Algorithms", 3.1). On the set without fused operations each product is rounded too.
 */
export function sumError(terms: number, magnitude: number, isa: string): number {
  const roundings = (isa === 'baseline' ? 2 : 1) * (terms + 1);
  return ((roundings * U) / (1 - roundings * U)) * magnitude + terms * 2 ** -149;
}

/** The steepest slope of an activation. */
const SLOPES: Readonly<Record<Activation, number>> = { none: 1, relu: 1, gelu: 1.13, gelu_tanh: 1.13, silu: 1.1 };

/** The stated error of an activation in spacings of the result (native/simd/math.h). */
function activationSpacings(kind: Activation, x: number): number {
  const negative = Math.max(-x, 0);
  switch (kind) {
    case 'none':
    case 'relu':
      return 0;
    case 'gelu':
      return 6 + 1.5 * negative ** 2;
    case 'gelu_tanh':
      return 5 + 6 * Math.sqrt(2 / Math.PI) * (negative + 0.044715 * negative ** 3);
    case 'silu':
      return 5 + 1.25 * negative;
  }
}

/** Error of y = kind(x) when x is known to within `argumentError`. */
export function activationError(kind: Activation, x: number, y: number, argumentError: number): number {
  if (kind === 'none' || kind === 'relu') return argumentError;
  // Far out the result is zero, and has no spacings.
  const own = 2 ** -118 + (y === 0 ? 0 : activationSpacings(kind, x) * 2 * U * Math.abs(y));
  return SLOPES[kind] * argumentError + own;
}

/** Relative error of exp(x) for x <= 0 by the least accurate of the native functions. */
export function exponentialError(x: number): number {
  return (3 + 1.25 * Math.abs(x)) * 2 * U;
}
