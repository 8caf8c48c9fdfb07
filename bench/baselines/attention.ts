import { multiply, pack } from './matmul.js';
import { softmaxRows } from './softmax.js';

/** One of query, key and value inside a wider matrix: row i at i · stride + column. */
export interface Columns {
  readonly data: Float32Array;
  readonly stride: number;
  readonly column: number;
}

export interface Heads {
  readonly numHeads: number;
  readonly headDim: number;
  readonly scale: number;
  /** Added to the scaled scores: bias[h · (2 D + 1) + clamp(key - query, -D, D) + D], D = (bias.length / numHeads - 1) / 2. */
  readonly distanceBias?: Float32Array | undefined;
}

/** softmax(Q Kᵀ · scale + bias) V for one series: [queries, numHeads · headDim]. */
export function attention(
  query: Columns,
  queries: number,
  key: Columns,
  value: Columns,
  keys: number,
  heads: Heads,
): Float32Array {
  const { numHeads, headDim } = heads;
  const width = numHeads * headDim;
  const y = new Float32Array(queries * width);
  const scores = new Float32Array(queries * keys);
  for (let h = 0; h < numHeads; h++) {
    const rows = ({ stride, column }: Columns) => ({ start: column + h * headDim, rowStep: stride });
    const columns = ({ stride, column }: Columns) => ({ start: column + h * headDim, rowStep: 1, step: stride });
    const q = pack(query.data, queries, headDim, rows(query));
    const k = pack(key.data, keys, headDim, rows(key));
    multiply(q, k, { data: scores, start: 0, rowStep: keys });
    addBias(scores, queries, keys, h, heads);
    softmaxRows(scores, queries, keys);
    const v = pack(value.data, headDim, keys, columns(value));
    multiply(pack(scores, queries, keys), v, { data: y, start: h * headDim, rowStep: width });
  }
  return y;
}

function addBias(scores: Float32Array, queries: number, keys: number, head: number, heads: Heads): void {
  const { scale, distanceBias, numHeads } = heads;
  if (!distanceBias) {
    if (scale !== 1) for (let i = 0; i < scores.length; i++) scores[i] = scores[i]! * scale;
    return;
  }
  const width = distanceBias.length / numHeads;
  const reach = (width - 1) / 2;
  const middle = head * width + reach;
  for (let i = 0; i < queries; i++) {
    for (let j = 0; j < keys; j++) {
      const distance = Math.max(-reach, Math.min(reach, j - i));
      scores[i * keys + j] = scores[i * keys + j]! * scale + distanceBias[middle + distance]!;
    }
  }
}
