import { describe, expect, it } from 'vitest';
import { int32, matrix } from '../../../../lib/tensor/tensor.js';
import { call, column, f32, rowsOf } from './call.js';

describe('statistics of samples', () => {
  // two series of three samples of two steps
  const samples = f32([1, 10], [3, 30], [2, 50], [-1, 0], [-5, 0], [7, 0]);

  it('interpolates quantiles between sorted samples', () => {
    const [y] = call('sample_quantiles', [samples, column(0, 0.25, 0.5, 1), int32(3)]);
    expect(rowsOf(y)).toEqual([
      [1, 1.5, 2, 3],
      [10, 20, 30, 50],
      [-5, -3, -1, 7],
      [0, 0, 0, 0],
    ]);
  });

  it('means and takes the lower median', () => {
    expect(rowsOf(call('sample_mean', [samples, int32(3)])[0])).toEqual([
      [2, 30],
      [Math.fround(1 / 3), 0],
    ]);
    expect(rowsOf(call('sample_median', [samples, int32(2)])[0])).toEqual([
      [1, 10],
      [-1, 0],
      [-5, 0],
    ]);
  });

  it('passes NaN on', () => {
    const one = f32([NaN], [1]);
    expect(call('sample_quantiles', [one, column(0.5), int32(2)])[0]!.data[0]).toBeNaN();
    expect(call('sample_mean', [one, int32(2)])[0]!.data[0]).toBeNaN();
    expect(call('sample_median', [one, int32(2)])[0]!.data[0]).toBeNaN();
  });

  it('names what does not fit', () => {
    expect(() => call('sample_mean', [samples, int32(4)])).toThrow('samples: expected a multiple of 4 rows, got 6');
    expect(() => call('sample_mean', [samples, int32(0)])).toThrow('numSamples: expected at least 1, got 0');
    expect(() => call('sample_quantiles', [samples, column(1.5), int32(3)])).toThrow(
      'levels: expected levels in [0, 1]',
    );
  });
});

describe('interpolate_quantiles', () => {
  // three trained quantiles of a horizon of two
  const x = f32([1, 10, 2, 20, 4, 40]);
  const trained = column(0.1, 0.5, 0.9);
  const run = (...levels: number[]) =>
    rowsOf(call('interpolate_quantiles', [x, matrix(Float64Array.from(levels)), trained], { horizon: 2 })[0]);

  it('picks trained levels', () => {
    expect(run(0.9, 0.1)).toEqual([
      [4, 1],
      [40, 10],
    ]);
  });

  it('interpolates all levels when one is not trained', () => {
    // augmented 1 1 2 4 4: rank of 0.5 is 2, of 0.625 is 2.5, of 1 is 4
    expect(run(0.5, 0.625, 1, 0)).toEqual([
      [2, 3, 4, 1],
      [20, 30, 40, 10],
    ]);
    // the rank of 0.9 is 3.6 there, between two equal values
    expect(run(0.9, 0.625)[0]).toEqual([4, 3]);
  });

  it('sorts quantiles that cross, only then', () => {
    const crossed = f32([4, 2, 1]);
    const at = (level: number) =>
      call('interpolate_quantiles', [crossed, column(level), trained], { horizon: 1 })[0]!.data[0];
    expect(at(0.1)).toBe(4);
    expect(at(0)).toBe(1);
    expect(at(1)).toBe(4);
  });
});
