import type { Weight } from '../../io/weight-scope.js';

/** [rows, 1, dModel] in published checkpoints, with more rows than a window has. */
export const POSITION_TABLE = 'pos_encoder.pe';

/** sin(t · 10000^(-2i / dModel)) at column 2i, the cosine at 2i + 1: [rows, dModel]. */
export function sinusoids(rows: number, dModel: number): Float32Array {
  const table = new Float32Array(rows * dModel);
  for (let column = 0; column < dModel; column++) {
    const frequency = 10000 ** (-(column - (column % 2)) / dModel);
    const wave = column % 2 === 0 ? Math.sin : Math.cos;
    for (let t = 0; t < rows; t++) table[t * dModel + column] = wave(t * frequency);
  }
  return table;
}

/** Whether a stored table holds those sinusoids. */
export function isSinusoidal(weight: Weight): boolean {
  const [rows, , dModel] = weight.shape;
  if (weight.shape.length !== 3 || weight.shape[1] !== 1) return false;
  const table = weight.load();
  // Angles were computed in float32: relative error 2^-23 of a frequency and of the product, at angles up to `rows`.
  const tolerance = (rows as number) * 2 ** -22 + 2 ** -23;
  return sinusoids(rows as number, dModel as number).every(
    (value, i) => Math.abs(value - (table[i] as number)) <= tolerance,
  );
}
