import { describe, expect, it } from 'vitest';
import { int32, matrix } from '../../../../lib/tensor/tensor.js';
import { call, column, list, rowsOf } from './call.js';

const run = (values: number[], offsets: number[], contextLength = 100, patchLength = 2, patchStride = 2) => {
  const attributes = { contextLength, patchLength, patchStride };
  const results = call('instance_norm_patch', [column(...values), int32(...offsets)], attributes);
  const [patches, patchOffsets, positions, counts, loc, scale] = results;
  return {
    patches: rowsOf(patches),
    offsets: list(patchOffsets),
    positions: list(positions),
    counts: list(counts),
    loc: list(loc),
    scale: list(scale),
  };
};

describe('instance_norm_patch', () => {
  it('standardises, pads in front and marks what is observed', () => {
    // mean 2, deviations -1 0 1 … of 1, 3, 2: population deviation sqrt(2/3)
    expect(run([0, 4, 2, NaN, 2], [0, 5])).toEqual({
      patches: [
        [0, -Math.fround(Math.SQRT2), 0, 1],
        [Math.fround(Math.SQRT2), 0, 1, 1],
        [0, 0, 0, 1],
      ],
      offsets: [0, 3],
      positions: [0, 1, 2],
      counts: [3],
      loc: [2],
      scale: [Math.fround(Math.SQRT2)],
    });
  });

  it('keeps the movements of float64 values on a level where float32 has lost them', () => {
    const attributes = { contextLength: 4, patchLength: 4, patchStride: 4 };
    const values = Float64Array.of(0, 1, 0, -1).map((x) => 2 ** 30 + x);
    const [patches, , , , loc, scale] = call('instance_norm_patch', [matrix(values), int32(0, 4)], attributes);
    expect(list(loc)).toEqual([2 ** 30]);
    expect(list(scale)).toEqual([Math.fround(Math.SQRT1_2)]);
    expect(
      rowsOf(patches)[0]
        ?.slice(0, 4)
        .map((x) => Math.round(x * 1000)),
    ).toEqual([0, 1414, 0, -1414]);
  });

  it('drops patches without a value, and handles series with none', () => {
    const result = run([1, 1, NaN, NaN, 3, 3, NaN], [0, 6, 6, 7]);
    expect(result.positions).toEqual([0, 2]);
    expect(result.offsets).toEqual([0, 2, 2, 2]);
    expect(result.counts).toEqual([3, 0, 1]);
    expect(result.loc).toEqual([2, 0, 0]);
    expect(result.scale).toEqual([1, 1, 1]);
    expect(result.patches).toEqual([
      [-1, -1, 1, 1],
      [1, 1, 1, 1],
    ]);
  });

  it('cuts to the context', () => {
    const result = run([100, 1, 3], [0, 3], 2);
    expect(result.loc).toEqual([2]);
    expect(result.patches).toEqual([[-1, 1, 1, 1]]);
  });

  it('overlaps patches', () => {
    const result = run([1, 3, 1, 3], [0, 4], 100, 2, 1);
    expect(result.counts).toEqual([3]);
    expect(result.patches).toEqual([
      [-1, 1, 1, 1],
      [1, -1, 1, 1],
      [-1, 1, 1, 1],
    ]);
  });

  it('gives a constant series a tiny scale', () => {
    expect(run([5, 5], [0, 2])).toMatchObject({ scale: [Math.fround(1e-5)], patches: [[0, 0, 1, 1]] });
  });
});
