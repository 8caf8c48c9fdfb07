/*
 * bfloat16 is the upper half of a float32. It has no typed array: its bits are kept in a Uint16Array.
 */

/** Exact. */
export function bfloat16ToFloat32(bits: Uint16Array): Float32Array<ArrayBuffer> {
  return new Float32Array(Uint32Array.from(bits, (half) => half << 16).buffer);
}

/**
 * Rounds to nearest, ties to even. Values beyond the largest bfloat16 become infinities, denormals are kept, a NaN stays
 * a NaN.
 */
export function float32ToBfloat16(values: Float32Array): Uint16Array<ArrayBuffer> {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  return Uint16Array.from(words, (word) => {
    const notANumber = (word & 0x7fffffff) > 0x7f800000;
    if (notANumber) return (word >>> 16) | 0x40;
    return (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
  });
}
