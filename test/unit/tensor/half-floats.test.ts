import { describe, expect, it } from 'vitest';
import { bfloat16ToFloat32, float16ToFloat32 } from '../../../lib/tensor/half-floats.js';

const ALL = Uint16Array.from({ length: 65_536 }, (_, bits) => bits);

/** The value by definition: (-1)^sign * 2^(exponent - bias) * 1.fraction. */
function byDefinition(bits: number, exponentBits: number, fractionBits: number): number {
  const sign = bits >> 15 ? -1 : 1;
  const exponent = (bits >> fractionBits) & (2 ** exponentBits - 1);
  const fraction = (bits & (2 ** fractionBits - 1)) / 2 ** fractionBits;
  const bias = 2 ** (exponentBits - 1) - 1;
  if (exponent === 2 ** exponentBits - 1) return fraction === 0 ? sign * Infinity : NaN;
  return exponent === 0 ? sign * 2 ** (1 - bias) * fraction : sign * 2 ** (exponent - bias) * (1 + fraction);
}

describe('half floats', () => {
  it('float16: every bit pattern, exactly', () => {
    const actual = float16ToFloat32(ALL);
    for (const bits of ALL) {
      if (!Object.is(actual[bits], byDefinition(bits, 5, 10))) throw new Error(`bits ${bits}: got ${actual[bits]}`);
    }
    expect(actual[0x3c00]).toBe(1);
    expect(actual[0x7bff]).toBe(65504);
    expect(actual[0x0001]).toBe(2 ** -24);
  });

  it('bfloat16: every bit pattern, exactly', () => {
    const actual = bfloat16ToFloat32(ALL);
    for (const bits of ALL) {
      // Denormal bfloat16 values are denormal float32 values; the definition gives them exactly in float64.
      if (!Object.is(actual[bits], byDefinition(bits, 8, 7))) throw new Error(`bits ${bits}: got ${actual[bits]}`);
    }
    expect(actual[0x3f80]).toBe(1);
  });
});
