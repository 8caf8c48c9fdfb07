/** Rows and columns of a tile: a tile of both sides fits the first-level cache. */
const TILE = 32;

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
    for (let top = 0; top < rows; top += TILE) {
      const bottom = Math.min(top + TILE, rows);
      for (let left = 0; left < cols; left += TILE) {
        const right = Math.min(left + TILE, cols);
        for (let i = top; i < bottom; i++) {
          for (let j = left; j < right; j++) out[base + j * rows + i] = data[base + i * cols + j]!;
        }
      }
    }
  }
  return out;
}
