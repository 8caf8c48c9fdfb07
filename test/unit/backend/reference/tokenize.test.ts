import { describe, expect, it } from 'vitest';
import { int32, matrix } from '../../../../lib/tensor/tensor.js';
import { call, column, list, rowsOf } from './call.js';

describe('mean_scale_tokenize', () => {
  const boundaries = column(-1e20, -1, 0, 1, 1e20);
  const attributes = { contextLength: 4, numTokens: 7, numSpecialTokens: 2, eosTokenId: 1 };

  it('counts the boundaries not above the scaled value', () => {
    // magnitudes 2 and 2: scale 2, scaled -1 and 1, both on a boundary
    const [ids, offsets, positions, scale] = call(
      'mean_scale_tokenize',
      [column(-2, 2), int32(0, 2), boundaries],
      attributes,
    );
    expect(list(ids)).toEqual([2 + 2, 4 + 2, 1]);
    expect(list(offsets)).toEqual([0, 3]);
    expect(list(positions)).toEqual([0, 1, 2]);
    expect(list(scale)).toEqual([2]);
  });

  it('drops missing values and keeps their positions, cuts to the context, and takes empty series', () => {
    const values = matrix(Float64Array.of(99, NaN, 1, NaN, 3, NaN, NaN));
    const [ids, offsets, positions, scale] = call('mean_scale_tokenize', [values, int32(0, 5, 5, 7), boundaries], {
      ...attributes,
      eosTokenId: -1,
    });
    expect(list(offsets)).toEqual([0, 2, 2, 2]);
    expect(list(positions)).toEqual([1, 3]);
    expect(list(scale)).toEqual([2, 1, 1]);
    expect(list(ids)).toEqual([3 + 2, 4 + 2]);
  });

  it('limits ids to the vocabulary', () => {
    const [ids] = call('mean_scale_tokenize', [column(5), int32(0, 1), boundaries], { ...attributes, numTokens: 5 });
    expect(list(ids)).toEqual([4, 1]);
  });

  it('gives zeros the scale 1', () => {
    expect(list(call('mean_scale_tokenize', [column(0, 0), int32(0, 2), boundaries], attributes)[3])).toEqual([1]);
  });
});

describe('tokens_to_values', () => {
  it('clamps to the centers and scales by series', () => {
    const ids = matrix(Int32Array.of(0, 3, 4, 5, 9, 1), 3);
    const y = call('tokens_to_values', [ids, column(10, 0.5), column(-1, 0, 2)], { numSpecialTokens: 2 });
    expect(rowsOf(y[0])).toEqual([
      [-10, -10, 0],
      [1, 1, -0.5],
    ]);
  });

  it('gives each series its samples', () => {
    const y = call('tokens_to_values', [int32(5, 5, 5, 5), column(1, 10), column(-1, 0, 2)], { numSpecialTokens: 2 });
    expect(list(y[0])).toEqual([2, 2, 20, 20]);
    expect(() => call('tokens_to_values', [int32(5, 5, 5), column(1, 10), column(1)], { numSpecialTokens: 2 })).toThrow(
      'ids: expected a multiple of 2 rows, got 3',
    );
  });
});
