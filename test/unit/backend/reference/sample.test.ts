import { describe, expect, it } from 'vitest';
import { int32, matrix } from '../../../../lib/tensor/tensor.js';
import { call, f32, list, rowsOf } from './call.js';

const ALL = { temperature: 1, topK: 0, topP: 1, forbidden: [] };
/** Logits whose softmax are these probabilities. */
const logits = (...rows: number[][]) => f32(...rows.map((row) => row.map(Math.log)));
const distribution = (row: number[], options: object) =>
  rowsOf(call('sampling_distribution', [logits(row)], { ...ALL, ...options })[0])[0]!;
const near = (actual: number[], expected: number[]) => {
  expect(actual.length).toBe(expected.length);
  for (const [i, p] of expected.entries()) expect(actual[i]).toBeCloseTo(p, 6);
};

describe('sampling_distribution', () => {
  const row = [0.1, 0.4, 0.2, 0.3];

  it('is the softmax when nothing is filtered', () => near(distribution(row, {}), row));

  it('removes forbidden ids', () => near(distribution(row, { forbidden: [1] }), [1 / 6, 0, 2 / 6, 3 / 6]));

  it('divides by the temperature', () => {
    const squares = row.map((p) => p * p);
    const total = squares.reduce((a, b) => a + b);
    near(
      distribution(row, { temperature: 0.5 }),
      squares.map((p) => p / total),
    );
  });

  it('keeps the k largest and those equal to the k-th', () => {
    near(distribution(row, { topK: 2 }), [0, 4 / 7, 0, 3 / 7]);
    near(distribution([0.25, 0.25, 0.4, 0.1], { topK: 2 }), [0.25 / 0.9, 0.25 / 0.9, 0.4 / 0.9, 0]);
    near(distribution(row, { topK: 9 }), row);
    near(distribution(row, { topK: 2, forbidden: [1] }), [0, 0, 0.4, 0.6]);
  });

  it('keeps the smallest set that reaches p', () => {
    near(distribution(row, { topP: 0.6 }), [0, 4 / 7, 0, 3 / 7]);
    near(distribution(row, { topP: 0.75 }), [0, 4 / 9, 2 / 9, 3 / 9]);
    near(distribution(row, { topP: 1e-9 }), [0, 1, 0, 0]);
    // of equal ones the later stays
    near(distribution([0.5, 0.5], { topP: 0.4 }), [0, 1]);
  });

  it('takes logits of minus infinity as out', () => {
    near(distribution([0, 0.5, 0.5], { topK: 2 }), [0, 0.5, 0.5]);
    expect(() => distribution([0, 0], {})).toThrow('an id to draw');
    expect(() => distribution([1, 1], { forbidden: [0, 1] })).toThrow('none in row 0');
  });

  it('refuses what is no distribution', () => {
    expect(() => call('sampling_distribution', [f32([NaN, 1])], ALL)).toThrow('NaN or infinity in row 0');
    expect(() => distribution(row, { forbidden: [4] })).toThrow('forbidden: expected ids in [0, 4), got 4');
    expect(() => distribution(row, { temperature: 0 })).toThrow('attribute temperature: expected a positive number');
    expect(() => distribution(row, { topP: 0 })).toThrow('attribute topP');
  });
});

describe('sample_tokens', () => {
  const draw = (rows: number[][], keys: number[], step: number, samples: number, options: object = {}) =>
    list(
      call(
        'sample_tokens',
        [logits(...rows), matrix(Int32Array.from(keys), 2), int32(7, 8), int32(step), int32(samples)],
        { ...ALL, ...options },
      )[0],
    );
  const row = [0.1, 0.4, 0.2, 0.3];

  it('draws ids as often as the distribution says', () => {
    const n = 2000;
    const counts = [0, 0, 0, 0];
    for (const id of draw(new Array(n).fill(row), [5, 6], 0, n)) counts[id]!++;
    for (const [id, p] of row.entries()) {
      expect(Math.abs(counts[id]! - n * p)).toBeLessThan(5 * Math.sqrt(n * p * (1 - p)));
    }
  });

  it('does not care where a series stands', () => {
    const many = [row, row, row, row, row, row];
    const [a, b, c] = [
      [1, 2],
      [3, 4],
      [5, 6],
    ] as const;
    const together = draw(many, [...a, ...b, ...c], 3, 2);
    const permuted = draw(many, [...c, ...a, ...b], 3, 2);
    expect(permuted).toEqual([...together.slice(4), ...together.slice(0, 4)]);
    expect(draw([row, row], [...b], 3, 2)).toEqual(together.slice(2, 4));
  });

  it('draws something else at another step', () => {
    const many = new Array(40).fill(row);
    expect(draw(many, [1, 2], 0, 40)).not.toEqual(draw(many, [1, 2], 1, 40));
    expect(draw(many, [1, 2], 0, 40)).toEqual(draw(many, [1, 2], 0, 40));
  });

  it('is the argmax for top-k 1', () => {
    expect(draw([row, [0.7, 0.1, 0.1, 0.1]], [1, 2], 0, 2, { topK: 1 })).toEqual([1, 0]);
  });

  it('names what does not fit', () => {
    expect(() => draw([row], [1, 2, 3, 4], 0, 1)).toThrow('sample_tokens: keys: expected [1, 2], got [2, 2]');
  });
});

describe('series_keys', () => {
  it('gives a series the same key wherever it stands, from either precision', () => {
    const values = [1, 2, 2.5, NaN, 7];
    const keys = (data: Float32Array | Float64Array, ...offsets: number[]) =>
      rowsOf(call('series_keys', [matrix(data), int32(...offsets)])[0]);
    const [a, b, c] = keys(Float32Array.from(values), 0, 2, 2, 5);
    expect(keys(Float64Array.from(values), 0, 2, 2, 5)).toEqual([a, b, c]);
    expect(keys(Float64Array.of(2.5, NaN, 7, 1, 2), 0, 3, 5)).toEqual([c, a]);
  });
});
