import { expect } from 'vitest';
import type { TensorData } from '../../lib/tensor/tensor.js';
import type { Tensors } from './case.js';

/** Equal shapes and numbers; NaN equals NaN. 0 equals -0 unless `bits`. */
export function expectEqual(actual: TensorData, expected: TensorData, what: string, bits = false): void {
  expectShape(actual, expected, what);
  const same = bits ? Object.is : (a: number, b: number) => a === b || (Number.isNaN(a) && Number.isNaN(b));
  const wrong = expected.data.findIndex((value, i) => !same(actual.data[i]!, value));
  if (wrong >= 0) fail(what, wrong, actual, expected, 'equal');
}

export function expectAllEqual(actual: Tensors, expected: Tensors, what: string): void {
  expect(Object.keys(actual).sort(), what).toEqual(Object.keys(expected).sort());
  for (const [name, tensor] of Object.entries(expected)) expectEqual(actual[name]!, tensor, `${what}: ${name}`, true);
}

/** Every finite number within its bound; infinities and NaN in the same places. */
export function expectWithin(actual: TensorData, expected: TensorData, bounds: ArrayLike<number>, what: string): void {
  expectShape(actual, expected, what);
  expect(bounds.length, `${what}: bounds`).toBe(expected.data.length);
  const wrong = expected.data.findIndex((value, i) => {
    const got = actual.data[i]!;
    if (!Number.isFinite(value)) return !Object.is(got, value);
    // The expected number was itself rounded to float32.
    return !(Math.abs(got - value) <= bounds[i]! + 2 ** -24 * Math.abs(value) + 2 ** -150);
  });
  if (wrong >= 0) fail(what, wrong, actual, expected, `within ${bounds[wrong]}`);
}

function expectShape(actual: TensorData, expected: TensorData, what: string): void {
  const shape = ({ dtype, rows, cols }: TensorData) => `${dtype} [${rows}, ${cols}]`;
  expect(shape(actual), what).toBe(shape(expected));
  expect(actual.data.length, what).toBe(expected.data.length);
}

function fail(what: string, i: number, actual: TensorData, expected: TensorData, how: string): never {
  const place = `row ${Math.floor(i / expected.cols)}, column ${i % expected.cols}`;
  throw new Error(`${what}: ${place}: expected ${expected.data[i]} (${how}), got ${actual.data[i]}`);
}
