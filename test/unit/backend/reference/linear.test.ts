import { describe, expect, it } from 'vitest';
import { int32 } from '../../../../lib/tensor/tensor.js';
import { call, column, f32, list, rowsOf } from './call.js';

describe('linear', () => {
  const x = f32([1, 2, 3], [-1, 0, 1]);
  const weight = f32([1, 0, 1], [2, -1, 0]);

  it('multiplies with the transposed weight', () => {
    expect(rowsOf(call('linear', [x, weight], { activation: 'none' })[0])).toEqual([
      [4, 0],
      [0, -2],
    ]);
  });

  it('adds the bias before, and the residual after the activation', () => {
    const residual = f32([100, 200], [300, 400]);
    expect(rowsOf(call('linear', [x, weight, column(1, -1), residual], { activation: 'relu' })[0])).toEqual([
      [105, 200],
      [301, 400],
    ]);
  });

  it('is the bias for nothing to sum, and nothing for no rows', () => {
    const empty = { ...f32([]), rows: 1 };
    expect(rowsOf(call('linear', [empty, { ...f32([]), rows: 2 }, column(3, 4)], { activation: 'none' })[0])).toEqual([
      [3, 4],
    ]);
    const none = { ...f32([]), rows: 0, cols: 3 };
    expect(call('linear', [none, weight], { activation: 'none' })[0]).toMatchObject({ rows: 0, cols: 2 });
  });

  it('names what does not fit', () => {
    expect(() => call('linear', [f32([1]), weight], { activation: 'none' })).toThrow('x: expected 3 columns, got 1');
    expect(() => call('linear', [x, weight, column(1)], { activation: 'none' })).toThrow('bias: expected [2, 1]');
    expect(() => call('linear', [x, weight], {})).toThrow('attribute activation: expected string, got nothing');
    expect(() => call('linear', [x, weight], { activation: 'none', extra: 1 })).toThrow('attribute extra');
  });
});

describe('embedding', () => {
  it('looks rows up', () => {
    const table = f32([1, 2], [3, 4], [5, 6]);
    expect(rowsOf(call('embedding', [int32(2, 0, 2), table])[0])).toEqual([
      [5, 6],
      [1, 2],
      [5, 6],
    ]);
    expect(() => call('embedding', [int32(3), table])).toThrow('embedding: ids: expected ids in [0, 3), got 3');
    expect(() => call('embedding', [int32(-1), table])).toThrow('got -1');
  });
});

/** Neither a gate nor groups. */
const RMS = { groups: 1, normBeforeGate: false, gateColumn: 0 };

describe('norms', () => {
  it('divides by the root mean square', () => {
    // mean of squares (9 + 16 + 0 + 0) / 4 = 6.25, root 2.5
    const [y] = call('rms_norm', [f32([3, 4, 0, 0]), column(1, 2, 3, 4)], { ...RMS, epsilon: 0 });
    expect(list(y)).toEqual([1.2, 3.2, 0, 0].map(Math.fround));
    const [z] = call('rms_norm', [f32([0, 0]), column(1, 1)], { ...RMS, epsilon: 1e-6 });
    expect(list(z)).toEqual([0, 0]);
  });

  it('standardises with the population variance', () => {
    // mean 3, deviations -2 0 2, variance 8/3; with epsilon 4/3 the root is 2
    const [y] = call('layer_norm', [f32([1, 3, 5]), column(1, 1, 10), column(0, 7, 1)], { epsilon: 4 / 3 });
    expect(list(y)).toEqual([-1, 7, 11]);
    const [z] = call('layer_norm', [f32([1, 3, 5]), column(1, 1, 10), null], { epsilon: 4 / 3 });
    expect(list(z)).toEqual([-1, 0, 10]);
  });

  it('takes a weight that lies', () => {
    const [y] = call('rms_norm', [f32([3, 4, 0, 0]), f32([1, 2, 3, 4])], { ...RMS, epsilon: 0 });
    expect(list(y)).toEqual([1.2, 3.2, 0, 0].map(Math.fround));
    expect(() => call('rms_norm', [f32([3, 4]), column(1)], { ...RMS, epsilon: 0 })).toThrow('weight: expected [2, 1]');
  });
});
