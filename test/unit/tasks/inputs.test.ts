import { describe, expect, it } from 'vitest';
import { copySeries, type SeriesInputs } from '../../../lib/tasks/inputs.js';

const code = (expected: string) => expect.objectContaining({ code: expected });

function valuesOf(inputs: SeriesInputs, contextLength = 100): number[][] {
  const { count, values, offsets } = copySeries(inputs, contextLength);
  return Array.from({ length: count }, (_, i) => [...values.subarray(offsets[i], offsets[i + 1])]);
}

function detached<A extends Float32Array | Float64Array>(array: A): A {
  structuredClone(array, { transfer: [array.buffer as ArrayBuffer] });
  return array;
}

function flat(values: Float32Array): SeriesInputs {
  return { values, sizes: [values.length] };
}

describe('copySeries', () => {
  it('takes one series of every type', () => {
    for (const one of [[1, 2.5, 3], Float32Array.of(1, 2.5, 3), Float64Array.of(1, 2.5, 3)]) {
      expect(valuesOf(one)).toEqual([[1, 2.5, 3]]);
    }
    expect(valuesOf([null, 1, NaN])).toEqual([[NaN, 1, NaN]]);
    expect(valuesOf([])).toEqual([]);
  });

  it('takes several of any lengths and types', () => {
    expect(valuesOf([[1, null], Float32Array.of(3), Float64Array.of(0.1, 5, 6)])).toEqual([[1, NaN], [3], [0.1, 5, 6]]);
  });

  it('takes the flat form', () => {
    for (const values of [Float32Array.of(1, 2, 3), Float64Array.of(1, 2, 3), [1, 2, 3]]) {
      expect(valuesOf({ values, sizes: [2, 1] })).toEqual([[1, 2], [3]]);
      expect(valuesOf({ values, sizes: Int32Array.of(1, 2) })).toEqual([[1], [2, 3]]);
    }
  });

  it('keeps the last values, and keeps doubles doubles', () => {
    expect(valuesOf([[1, 2, 3, 4, 5], Float64Array.of(0.1, 0.2)], 3)).toEqual([
      [3, 4, 5],
      [0.1, 0.2],
    ]);
    expect(valuesOf({ values: [1, 2, 3, 4, 5, 6], sizes: [4, 2] }, 2)).toEqual([
      [3, 4],
      [5, 6],
    ]);
    // A series of the flat form does not reach into the one before it.
    expect(valuesOf({ values: [1, 2, 3], sizes: [2, 1] }, 2)).toEqual([[1, 2], [3]]);
  });

  it('sees views and shared memory as they are', () => {
    const buffer = new Float64Array([9, 1, 2, 3, 9]).buffer;
    expect(valuesOf(new Float64Array(buffer, 8, 3))).toEqual([[1, 2, 3]]);
    const shared = new Float32Array(new SharedArrayBuffer(8));
    shared.set([4, 5]);
    expect(valuesOf([shared])).toEqual([[4, 5]]);
  });

  it('copies: later changes do not matter', () => {
    for (const form of [(series: Float32Array) => series, (series: Float32Array) => [series], flat]) {
      for (const contextLength of [10, 2]) {
        const series = Float32Array.of(1, 2, 3);
        const { values } = copySeries(form(series), contextLength);
        series.fill(0);
        expect([...values]).toEqual([1, 2, 3].slice(-contextLength));
      }
    }
  });

  it('makes what is wrong with one series an error of that series', () => {
    const inputs = [
      [1, 2],
      [],
      new Float32Array(0),
      Int32Array.of(1, 2),
      'text',
      null,
      [1, 'two'],
      [1, undefined],
      [1, true],
      [1, 2n],
      [1, [2]],
      { values: [1], sizes: [1] },
      detached(Float32Array.of(1)),
      [3],
    ] as never as SeriesInputs;
    const { count, errors, values } = copySeries(inputs, 10);
    expect(count).toBe(14);
    expect(Object.fromEntries([...errors].map(([i, error]) => [i, error.code]))).toEqual({
      1: 'ERR_BAD_DATA',
      2: 'ERR_BAD_DATA',
      3: 'ERR_INVALID_DTYPE',
      4: 'ERR_INVALID_DTYPE',
      5: 'ERR_INVALID_DTYPE',
      6: 'ERR_BAD_DATA',
      7: 'ERR_BAD_DATA',
      8: 'ERR_BAD_DATA',
      9: 'ERR_BAD_DATA',
      10: 'ERR_BAD_DATA',
      11: 'ERR_INVALID_DTYPE',
      12: 'ERR_DETACHED_BUFFER',
    });
    expect(values[0]).toBe(1);
    expect(errors.get(6)?.message).toBe('series 6: value 1: expected a number or null, got "two"');
  });

  it('throws where the whole argument is no input', () => {
    for (const inputs of [undefined, null, 5, 'text', {}, { values: [1] }, new Map()]) {
      expect(() => copySeries(inputs as never, 10)).toThrow(code('ERR_INVALID_ARGUMENT'));
    }
    for (const inputs of [
      Int32Array.of(1),
      new DataView(new ArrayBuffer(4)),
      { values: Int16Array.of(1), sizes: [1] },
      { values: 'x', sizes: [1] },
    ]) {
      expect(() => copySeries(inputs as never, 10)).toThrow(code('ERR_INVALID_DTYPE'));
    }
    const values = Float32Array.of(1, 2, 3);
    for (const sizes of [[2], [2, 2], [4, -1], [1.5, 1.5], ['3'], [NaN]]) {
      expect(() => copySeries({ values, sizes: sizes as number[] }, 10)).toThrow(code('ERR_INVALID_SHAPE'));
    }
    expect(() => copySeries({ values, sizes: 3 as never }, 10)).toThrow(code('ERR_INVALID_ARGUMENT'));
    const gone = { values: detached(Float64Array.of(1)), sizes: [1] };
    expect(() => copySeries(gone, 10)).toThrow(code('ERR_DETACHED_BUFFER'));
  });
});
