import { describe, expect, it } from 'vitest';
import { bfloat16ToFloat32, float32ToBfloat16 } from '../../../lib/tensor/half-floats.js';

const round = (...values: number[]) => [...bfloat16ToFloat32(float32ToBfloat16(Float32Array.from(values)))];

describe('bfloat16', () => {
  it('keeps what it can represent', () => {
    expect(round(0, 1, -2.5, 128, Infinity, -Infinity)).toEqual([0, 1, -2.5, 128, Infinity, -Infinity]);
    expect(Object.is(round(-0)[0], -0)).toBe(true);
    expect(round(2 ** -133)).toEqual([2 ** -133]);
  });

  it('rounds to the nearest, ties to even', () => {
    // Between 1 and 2 the steps are 2^-7.
    expect(round(1 + 2 ** -9)).toEqual([1]);
    expect(round(1 + 3 * 2 ** -9)).toEqual([1 + 2 ** -7]);
    expect(round(1 + 2 ** -8)).toEqual([1]);
    expect(round(1 + 3 * 2 ** -8)).toEqual([1 + 2 ** -6]);
  });

  it('overflows to infinity and keeps NaN', () => {
    expect(round(3.4e38, -3.4e38)).toEqual([Infinity, -Infinity]);
    expect(round(NaN)).toEqual([NaN]);
    const lowPayload = new Float32Array(Uint32Array.of(0x7f800001).buffer);
    expect(bfloat16ToFloat32(float32ToBfloat16(lowPayload))[0]).toBeNaN();
  });

  it('reads a view that does not begin at its buffer', () => {
    expect([...float32ToBfloat16(Float32Array.of(9, 1, 2).subarray(1))]).toEqual([0x3f80, 0x4000]);
  });
});
