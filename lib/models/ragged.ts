/*
 * From dense [batch, length] tensors with a mask to the rows that exist.
 */

export interface RaggedIndex {
  /** [batch + 1] */
  readonly offsets: Int32Array;
  /** [rows]: column in the dense tensor */
  readonly positions: Int32Array;
  /** [rows]: row of the dense tensor seen as [batch · length]; undefined when all exist */
  readonly rows: Int32Array | undefined;
}

/** Every place exists. */
export function denseTokens(batch: number, length: number): RaggedIndex {
  return {
    offsets: Int32Array.from({ length: batch + 1 }, (_, b) => b * length),
    positions: Int32Array.from({ length: batch * length }, (_, i) => i % length),
    rows: undefined,
  };
}

/** The places whose mask is not 0. */
export function maskedTokens(batch: number, length: number, mask: Int32Array | undefined): RaggedIndex {
  if (!mask?.includes(0)) return denseTokens(batch, length);
  const offsets = new Int32Array(batch + 1);
  const rows = new Int32Array(mask.length);
  let count = 0;
  for (let i = 0; i < mask.length; i++) {
    if (mask[i] !== 0) rows[count++] = i;
    if ((i + 1) % length === 0) offsets[(i + 1) / length] = count;
  }
  const existing = rows.subarray(0, count);
  return { offsets, positions: existing.map((row) => row % length), rows: existing };
}

/** Rows of a dense row-major tensor; all of them without `rows`. */
export function pickRows<A extends Int32Array | Float32Array>(data: A, width: number, rows: Int32Array | undefined): A {
  if (!rows) return data;
  const picked = new (data.constructor as new (length: number) => A)(rows.length * width);
  for (const [i, row] of rows.entries()) picked.set(data.subarray(row * width, (row + 1) * width), i * width);
  return picked;
}
