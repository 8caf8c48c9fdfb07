import { describe, expect, it } from 'vitest';
import { transpose } from '../../../lib/ops/transpose.js';

describe('transpose', () => {
  it.each([
    [2, 19, 5],
    [1, 8, 3],
    [3, 7, 9],
    [1, 0, 4],
  ])('turns %i matrices of %i rows and %i columns', (count, rows, cols) => {
    const data = Float64Array.from({ length: count * rows * cols }, (_, i) => i + 0.5);
    const expected = Array.from(data, (_, i) => {
      const inside = i % (rows * cols);
      return data[i - inside + (inside % rows) * cols + Math.floor(inside / rows)];
    });
    expect([...transpose(data, count, rows, cols)]).toEqual(expected);
  });
});
