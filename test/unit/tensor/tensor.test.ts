import { describe, expect, it } from 'vitest';
import { dtypeOf, elementCount, int32, matrix } from '../../../lib/tensor/tensor.js';

describe('tensor', () => {
  it('counts the elements of a shape', () => {
    expect(elementCount([])).toBe(1);
    expect(elementCount([2, 3, 4])).toBe(24);
    expect(elementCount([5, 0])).toBe(0);
  });

  it('knows the element type of an array', () => {
    expect(dtypeOf(new Float32Array(1))).toBe('float32');
    expect(dtypeOf(new Float64Array(1))).toBe('float64');
    expect(dtypeOf(new Int32Array(1))).toBe('int32');
    expect(dtypeOf(new Uint8Array(1))).toBe('uint8');
  });

  it('wraps arrays as matrices', () => {
    expect(matrix(new Float32Array(6))).toMatchObject({ rows: 6, cols: 1, dtype: 'float32' });
    expect(matrix(new Float32Array(6), 3)).toMatchObject({ rows: 2, cols: 3 });
    expect(matrix(new Float32Array(0), 0)).toMatchObject({ rows: 0, cols: 0 });
    expect(int32(3, 4)).toEqual({ dtype: 'int32', rows: 2, cols: 1, data: Int32Array.of(3, 4) });
  });
});
