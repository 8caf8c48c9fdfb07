import { describe, expect, it } from 'vitest';
import { int32, matrix } from '../../../../lib/tensor/tensor.js';
import { call, column, f32, list, rowsOf } from './call.js';

describe('rows', () => {
  const x = f32([1, 2, 3], [4, 5, 6]);

  it('copies columns', () => {
    expect(rowsOf(call('columns', [x], { from: 1, to: 3 })[0])).toEqual([
      [2, 3],
      [5, 6],
    ]);
    expect(call('columns', [x], { from: 1, to: 1 })[0]).toMatchObject({ rows: 2, cols: 0 });
    expect(() => call('columns', [x], { from: 1, to: 4 })).toThrow('columns: x: expected at least 4 columns, got 3');
    expect(() => call('columns', [x], { from: 2, to: 1 })).toThrow('0 <= from <= to');
  });

  it('gathers rows, of any type', () => {
    expect(rowsOf(call('gather_rows', [x, int32(1, 0, 1)])[0])).toEqual([
      [4, 5, 6],
      [1, 2, 3],
      [4, 5, 6],
    ]);
    const bytes = matrix(Uint8Array.of(7, 8, 9));
    expect(call('gather_rows', [bytes, int32(2)])[0]).toEqual(matrix(Uint8Array.of(9)));
    expect(() => call('gather_rows', [x, int32(2)])).toThrow('indices: expected indices in [0, 2), got 2');
  });

  it('repeats rows', () => {
    expect(rowsOf(call('repeat_rows', [int32(5, 6), int32(2)])[0])).toEqual([[5], [5], [6], [6]]);
    expect(call('repeat_rows', [x, int32(0)])[0]).toMatchObject({ rows: 0, cols: 3 });
    expect(() => call('repeat_rows', [x, int32(-1)])).toThrow('count: expected at least 0, got -1');
  });

  it('appends a row to every series', () => {
    const [y, offsets, positions] = call('append_row', [
      ...[column(1, 2, 3), int32(0, 2, 2, 3), int32(0, 2, 1)],
      ...[int32(5, 6, 7), f32([9])],
    ]);
    expect(list(y)).toEqual([1, 2, 9, 9, 3, 9]);
    expect(list(offsets)).toEqual([0, 3, 4, 6]);
    expect(list(positions)).toEqual([0, 2, 5, 6, 1, 7]);
  });

  it('pads by position', () => {
    const [y, mask] = call('pad_rows', [f32([1, 2], [3, 4], [5, 6]), int32(0, 2, 3), int32(2, 0, 1), int32(3)]);
    expect(rowsOf(y)).toEqual([
      [3, 4],
      [0, 0],
      [1, 2],
      [0, 0],
      [5, 6],
      [0, 0],
    ]);
    expect(mask).toEqual(matrix(Uint8Array.of(1, 0, 1, 0, 1, 0)));
    expect(() => call('pad_rows', [column(1), int32(0, 1), int32(3), int32(3)])).toThrow('positions in [0, 3), got 3');
  });
});

describe('values sized by a batch', () => {
  const offsets = int32(0, 7, 9);

  it('makes uniform offsets, constant ids and zeros', () => {
    expect(list(call('uniform_offsets', [offsets, int32(4)])[0])).toEqual([0, 4, 8]);
    expect(list(call('fill_ids', [offsets, int32(2)], { value: -3 })[0])).toEqual([-3, -3, -3, -3]);
    expect(call('zeros', [offsets, int32(2), int32(3)], { dtype: 'int32' })[0]).toEqual(matrix(new Int32Array(12), 3));
    expect(call('zeros', [offsets, int32(1), int32(1)], { dtype: 'float32' })[0]).toEqual(column(0, 0));
    expect(() => call('zeros', [offsets, int32(1), int32(1)], { dtype: 'uint8' })).toThrow('attribute dtype');
  });

  it('writes a column', () => {
    const target = matrix(Int32Array.of(1, 2, 3, 4), 2);
    expect(rowsOf(call('write_column', [target, int32(8, 9), int32(1)])[0])).toEqual([
      [1, 8],
      [3, 9],
    ]);
    expect(list(target)).toEqual([1, 2, 3, 4]);
    expect(() => call('write_column', [target, int32(8, 9), int32(2)])).toThrow('index: expected a column in [0, 2)');
    expect(() => call('write_column', [target, column(8, 9), int32(0)])).toThrow('values: expected int32, got float32');
  });
});
