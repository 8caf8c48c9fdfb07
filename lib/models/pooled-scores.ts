import type { Tensor } from '../tensor/tensor.js';

/** What a classifier reads of a sequence: the mean of all tokens, or the last one. */
export interface PooledClassifier {
  readonly pooling: 'mean' | 'last';
  readonly labels: number;
}

/**
 * The classifier of whole sequences from that of their tokens: float32 [rows, labels] → [batch, labels], in double
 * precision. A mean counts every token by the original tokens in it; the head is linear, so that the mean may come last.
 */
export function poolScores(
  scores: Float32Array,
  offsets: Int32Array,
  sizes: Float32Array | undefined,
  { pooling, labels }: PooledClassifier,
): Tensor<Float32Array> {
  const batch = offsets.length - 1;
  const data = new Float32Array(batch * labels);
  for (let b = 0; b < batch; b++) {
    const end = offsets[b + 1] as number;
    const begin = pooling === 'last' ? end - 1 : (offsets[b] as number);
    const sums = new Float64Array(labels);
    let weight = 0;
    for (let row = begin; row < end; row++) {
      const size = sizes?.[row] ?? 1;
      weight += size;
      for (let label = 0; label < labels; label++) sums[label]! += size * scores[row * labels + label]!;
    }
    for (let label = 0; label < labels; label++) data[b * labels + label] = sums[label]! / weight;
  }
  return { data, shape: [batch, labels] };
}
