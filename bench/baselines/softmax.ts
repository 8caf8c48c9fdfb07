import { expRow } from './exp.js';

/** exp(x) / Σ exp(x) of every row, in place or into `y`. */
export function softmaxRows(x: Float32Array, rows: number, columns: number, y: Float32Array = x): Float32Array {
  for (let row = 0; row < rows; row++) {
    const start = row * columns;
    const end = start + columns;
    let largest = -Infinity;
    for (let i = start; i < end; i++) if (x[i]! > largest) largest = x[i]!;
    const factor = 1 / expRow(x, y, start, columns, largest);
    for (let i = start; i < end; i++) y[i] = y[i]! * factor;
  }
  return y;
}
