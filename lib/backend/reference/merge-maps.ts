import { TidemergeError } from '../../errors.js';
import type { Call } from './call.js';
import type { ReferenceOperator } from './operator.js';
import { float32, int32 } from './value.js';

/** See `unmergeTokens` of lib/ops/merge-tokens.ts. */
export const unmergeTokens: ReferenceOperator = {
  inputs: [4, 4],
  outputs: 1,
  run(call) {
    const tokens = call.input(0, 'tokens', 'float32');
    const mergedOffsets = call.offsets(1, 'mergedOffsets', tokens.rows);
    const map = call.vector(2, 'map', 'int32').data;
    const offsets = sameBatch(call, 3, 'offsets', map.length, mergedOffsets);
    const y = float32(map.length, tokens.cols);
    forEachPlace(call, 'map', map, offsets, mergedOffsets, (p, row) => {
      y.data.set(tokens.data.subarray(row * tokens.cols, (row + 1) * tokens.cols), p * tokens.cols);
    });
    return [y];
  },
};

/** See `composeMaps` of lib/ops/merge-tokens.ts. */
export const composeMaps: ReferenceOperator = {
  inputs: [4, 4],
  outputs: 1,
  run(call) {
    const first = call.vector(0, 'first', 'int32').data;
    const offsets = call.offsets(1, 'offsets', first.length);
    const second = call.vector(2, 'second', 'int32').data;
    const secondOffsets = sameBatch(call, 3, 'secondOffsets', second.length, offsets);
    const y = int32(first.length, 1);
    forEachPlace(call, 'first', first, offsets, secondOffsets, (p, row) => {
      y.data[p] = second[row]!;
    });
    return [y];
  },
};

/** See `reduceByMap` of lib/ops/merge-tokens.ts. */
export const reduceByMap: ReferenceOperator = {
  inputs: [3, 4],
  outputs: 1,
  attributes: { reduce: 'string' },
  check({ reduce }) {
    if (reduce !== 'mean' && reduce !== 'sum' && reduce !== 'first') {
      throw new TidemergeError(
        'ERR_INVALID_ARGUMENT',
        `reduce_by_map: attribute reduce: expected one of 'mean', 'sum', 'first', got '${reduce}'`,
      );
    }
  },
  run(call) {
    const x = call.input(0, 'x', 'float32');
    const map = call.shaped(1, 'map', x.rows, 1, 'int32').data;
    const offsets = call.offsets(2, 'offsets', x.rows);
    const sizes = call.has(3) ? call.shaped(3, 'sizes', x.rows, 1, 'float32').data : undefined;
    const wrong = sizes?.find((size) => !(size > 0 && Number.isFinite(size)));
    if (wrong !== undefined) throw call.error('ERR_INVALID_ARGUMENT', 'sizes', 'finite numbers above 0', wrong);
    const newOffsets = newOffsetsOf(call, map, offsets);
    const y = float32(newOffsets.at(-1)!, x.cols);
    const weights = new Float64Array(y.rows);
    forEachPlace(call, 'map', map, offsets, newOffsets, (p, row) => {
      if (call.string('reduce') === 'first' && weights[row] !== 0) return;
      const weight = call.string('reduce') === 'mean' ? (sizes?.[p] ?? 1) : 1;
      weights[row]! += weight;
      for (let c = 0; c < x.cols; c++) y.data[row * x.cols + c]! += weight * x.data[p * x.cols + c]!;
    });
    const empty = weights.indexOf(0);
    if (empty !== -1)
      throw call.error('ERR_INVALID_ARGUMENT', 'map', 'every place up to the largest', `none of row ${empty}`);
    if (call.string('reduce') === 'mean') {
      for (let i = 0; i < y.data.length; i++) y.data[i]! /= weights[Math.floor(i / x.cols)]!;
    }
    return [y];
  },
};

function sameBatch(call: Call, i: number, name: string, rows: number, other: Int32Array): Int32Array {
  const offsets = call.offsets(i, name, rows);
  if (offsets.length !== other.length) {
    throw call.error('ERR_INVALID_SHAPE', name, `shape [${other.length}, 1]`, `[${offsets.length}, 1]`);
  }
  return offsets;
}

/** Every series has as many new rows as its largest place says. */
function newOffsetsOf(call: Call, map: ArrayLike<number>, offsets: Int32Array): Int32Array {
  const out = new Int32Array(offsets.length);
  for (let b = 0; b + 1 < offsets.length; b++) {
    let rows = 0;
    for (let p = offsets[b]!; p < offsets[b + 1]!; p++) {
      if (map[p]! < 0 || map[p]! >= offsets[b + 1]! - offsets[b]!) {
        const expected = `places in [0, ${offsets[b + 1]! - offsets[b]!})`;
        throw call.error('ERR_INVALID_ARGUMENT', 'map', expected, map[p]!);
      }
      rows = Math.max(rows, map[p]! + 1);
    }
    out[b + 1] = out[b]! + rows;
  }
  return out;
}

/** Calls `visit` with every old row and the row it maps to. */
function forEachPlace(
  call: Call,
  name: string,
  map: ArrayLike<number>,
  offsets: Int32Array,
  newOffsets: Int32Array,
  visit: (oldRow: number, newRow: number) => void,
): void {
  for (let b = 0; b + 1 < offsets.length; b++) {
    const rows = newOffsets[b + 1]! - newOffsets[b]!;
    for (let p = offsets[b]!; p < offsets[b + 1]!; p++) {
      if (map[p]! < 0 || map[p]! >= rows) {
        throw call.error('ERR_INVALID_ARGUMENT', name, `places in [0, ${rows}) in series ${b}`, map[p]!);
      }
      visit(p, newOffsets[b]! + map[p]!);
    }
  }
}
