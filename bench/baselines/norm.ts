/** x / sqrt(mean(x²) + epsilon) · weight of every row. */
export function rmsNormRows(x: Float32Array, weight: Float32Array, epsilon: number, y = new Float32Array(x.length)) {
  const columns = weight.length;
  for (let start = 0; start < x.length; start += columns) {
    // Four sums: one alone would wait for the latency of its own addition.
    let s0 = 0;
    let s1 = 0;
    let s2 = 0;
    let s3 = 0;
    let i = 0;
    for (; i + 3 < columns; i += 4) {
      const at = start + i;
      s0 += x[at]! * x[at]!;
      s1 += x[at + 1]! * x[at + 1]!;
      s2 += x[at + 2]! * x[at + 2]!;
      s3 += x[at + 3]! * x[at + 3]!;
    }
    for (; i < columns; i++) s0 += x[start + i]! * x[start + i]!;
    const factor = 1 / Math.sqrt((s0 + s1 + s2 + s3) / columns + epsilon);
    for (let j = 0; j < columns; j++) y[start + j] = x[start + j]! * factor * weight[j]!;
  }
  return y;
}
