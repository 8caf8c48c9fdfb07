import { describe, expect, it } from 'vitest';
import {
  checkSparseBinary,
  countKept,
  denseFromSparseBinary,
  type SparseBinaryMatrix,
} from '../../../lib/tensor/sparse-binary.js';

/** [0.5, 0, -0.5; 0, 0.5, 0; 0.5, 0, -0.5] */
const good: SparseBinaryMatrix = {
  shape: [3, 3],
  mask: Uint8Array.of(0b01010101, 0b1),
  signs: Uint8Array.of(0b10010),
  alpha: 0.5,
};

describe('a sparse binary matrix', () => {
  it('has entries of one magnitude, row by row', () => {
    checkSparseBinary('w', good);
    expect(countKept(good.mask)).toBe(5);
    expect([...denseFromSparseBinary(good)]).toEqual([0.5, 0, -0.5, 0, 0.5, 0, 0.5, 0, -0.5]);
  });

  it('may be empty', () => {
    const none = new Uint8Array(0);
    checkSparseBinary('w', { shape: [0, 5], mask: none, signs: none, alpha: 1 });
    checkSparseBinary('w', { shape: [2, 4], mask: Uint8Array.of(0), signs: none, alpha: 1 });
  });

  it.each([
    ['a truncated mask', { mask: Uint8Array.of(0b01010101) }, 'ERR_INVALID_SHAPE', 'w: mask: expected 2 bytes'],
    ['too many bits', { mask: Uint8Array.of(0b01010101, 0b11) }, 'ERR_INVALID_ARGUMENT', 'zeros behind bit 9'],
    ['too few signs', { signs: new Uint8Array(0) }, 'ERR_INVALID_SHAPE', 'w: signs: expected 1 bytes'],
    ['too many signs', { signs: Uint8Array.of(0b110010) }, 'ERR_INVALID_ARGUMENT', 'zeros behind bit 5'],
    ['bits of another type', { mask: [1, 2] }, 'ERR_INVALID_DTYPE', 'w: mask: expected a Uint8Array'],
    ['an alpha of 0', { alpha: 0 }, 'ERR_INVALID_ARGUMENT', 'alpha: expected a finite number > 0, got 0'],
    ['an alpha of NaN', { alpha: Number.NaN }, 'ERR_INVALID_ARGUMENT', 'got NaN'],
    ['an alpha beyond float32', { alpha: 1e39 }, 'ERR_INVALID_ARGUMENT', 'got 1e+39'],
    ['an alpha below float32', { alpha: 1e-60 }, 'ERR_INVALID_ARGUMENT', 'got 1e-60'],
    ['a broken shape', { shape: [3, -3] }, 'ERR_INVALID_SHAPE', 'a shape [out, in]'],
    ['too many inputs', { shape: [1, 70_000] }, 'ERR_INVALID_ARGUMENT', 'at most 65535 inputs'],
  ])('with %s is refused', (_, change, code, message) => {
    expect(() => checkSparseBinary('w', { ...good, ...change } as SparseBinaryMatrix)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(message) }),
    );
  });
});
