/*
 * Sixteen-bit floats have no typed array: their bits are kept in a Uint16Array.
 */

/** IEEE binary16 bits to float32, exactly: denormals, infinities, and NaN with its payload. */
export function float16ToFloat32(bits: Uint16Array): Float32Array<ArrayBuffer> {
  const out = new Float32Array(bits.length);
  const words = new Uint32Array(out.buffer);
  for (let i = 0; i < bits.length; i++) {
    const half = bits[i] as number;
    const sign = (half & 0x8000) << 16;
    const exponent = (half >>> 10) & 0x1f;
    const fraction = half & 0x3ff;
    if (exponent === 0) {
      // A denormal half is fraction * 2^-24, a normal float32.
      out[i] = (sign < 0 ? -1 : 1) * fraction * 2 ** -24;
    } else {
      const wide = exponent === 31 ? 0xff : exponent + 112;
      words[i] = sign | (wide << 23) | (fraction << 13);
    }
  }
  return out;
}

/** bfloat16 bits to float32, exactly: the upper half of a float32. */
export function bfloat16ToFloat32(bits: Uint16Array): Float32Array<ArrayBuffer> {
  const words = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) words[i] = (bits[i] as number) << 16;
  return new Float32Array(words.buffer);
}

/**
 * float32 to bfloat16 bits: to nearest, ties to even. Values beyond the largest bfloat16 become infinities, denormals are
 * kept, a NaN stays a NaN.
 */
export function float32ToBfloat16(values: Float32Array): Uint16Array<ArrayBuffer> {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const bits = new Uint16Array(values.length);
  for (let i = 0; i < words.length; i++) {
    const word = words[i] as number;
    const notANumber = (word & 0x7fffffff) > 0x7f800000;
    bits[i] = notANumber ? (word >>> 16) | 0x40 : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
  }
  return bits;
}
