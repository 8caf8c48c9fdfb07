/** `count` matrices [rows, cols], one after the other, each turned to [cols, rows]. */
export function transpose(
  data: Float32Array | Float64Array,
  count: number,
  rows: number,
  cols: number,
): Float32Array<ArrayBuffer> {
  const out = new Float32Array(data.length);
  for (let m = 0; m < count; m++) {
    const base = m * rows * cols;
    let i = 0;
    for (; i + 8 <= rows; i += 8) turnEight(data, out, base + i * cols, base + i, rows, cols);
    for (; i < rows; i++) {
      for (let j = 0; j < cols; j++) out[base + j * rows + i] = data[base + i * cols + j]!;
    }
  }
  return out;
}

/**
 * Eight rows from `a` on: read as eight streams, written half a cache line at a time. Square tiles take more than twice
 * as long where rows lie a power of two apart, as they do, and the lines of a tile push each other out of the cache.
 */
function turnEight(
  data: Float32Array | Float64Array,
  out: Float32Array,
  a: number,
  to: number,
  rows: number,
  cols: number,
): void {
  const [b, c, d, e, f, g, h] = [1, 2, 3, 4, 5, 6, 7].map((row) => a + row * cols) as Seven;
  for (let j = 0, at = to; j < cols; j++, at += rows) {
    out[at] = data[a + j]!;
    out[at + 1] = data[b + j]!;
    out[at + 2] = data[c + j]!;
    out[at + 3] = data[d + j]!;
    out[at + 4] = data[e + j]!;
    out[at + 5] = data[f + j]!;
    out[at + 6] = data[g + j]!;
    out[at + 7] = data[h + j]!;
  }
}

type Seven = [number, number, number, number, number, number, number];
