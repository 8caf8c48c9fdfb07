import type { ReferenceOperator } from './operator.js';
import { float32, float32Vector, int32Vector } from './value.js';

interface SeriesPatches {
  readonly rows: Float64Array[];
  readonly positions: number[];
  readonly count: number;
  readonly loc: number;
  readonly scale: number;
}

/** The definition, with its float32 rounding steps, is in native/ops/patch.h. */
export const instanceNormPatch: ReferenceOperator = {
  inputs: [2, 2],
  outputs: 6,
  attributes: { contextLength: 'integer', patchLength: 'integer', patchStride: 'integer' },
  run(call) {
    const values = call.vector(0, 'values', 'float32', 'float64');
    const offsets = call.offsets(1, 'offsets', values.rows);
    const patchLength = call.number('patchLength');
    const series = Array.from({ length: offsets.length - 1 }, (_, b) => {
      const own = values.data.subarray(offsets[b], offsets[b + 1]);
      const start = Math.max(0, own.length - call.number('contextLength'));
      return patchesOf(own.subarray(start), patchLength, call.number('patchStride'));
    });
    const rows = series.flatMap((one) => one.rows);
    const patches = float32(rows.length, 2 * patchLength);
    for (const [i, row] of rows.entries()) patches.data.set(row, i * row.length);
    const patchOffsets = [0];
    for (const one of series) patchOffsets.push(patchOffsets.at(-1)! + one.rows.length);
    return [
      patches,
      int32Vector(patchOffsets),
      int32Vector(series.flatMap((one) => one.positions)),
      int32Vector(series.map((one) => one.count)),
      float32Vector(series.map((one) => one.loc)),
      float32Vector(series.map((one) => one.scale)),
    ];
  },
};

function patchesOf(values: Float64Array, patchLength: number, patchStride: number): SeriesPatches {
  const { loc, scale } = locationAndScale(values.filter((x) => !Number.isNaN(x)));
  const length = Math.ceil(values.length / patchLength) * patchLength;
  const padded = new Float64Array(length).fill(NaN);
  padded.set(values, length - values.length);
  const count = length === 0 ? 0 : Math.floor((length - patchLength) / patchStride) + 1;
  const rows: Float64Array[] = [];
  const positions: number[] = [];
  for (let p = 0; p < count; p++) {
    const patch = padded.subarray(p * patchStride, p * patchStride + patchLength);
    if (patch.every(Number.isNaN)) continue;
    const row = new Float64Array(2 * patchLength);
    for (const [i, x] of patch.entries()) {
      if (Number.isNaN(x)) continue;
      row[i] = Math.fround(Math.fround(x - loc) / scale);
      row[patchLength + i] = 1;
    }
    rows.push(row);
    positions.push(p);
  }
  return { rows, positions, count, loc, scale };
}

function locationAndScale(observed: Float64Array): { loc: number; scale: number } {
  if (observed.length === 0) return { loc: 0, scale: 1 };
  const loc = Math.fround(observed.reduce((a, b) => a + b, 0) / observed.length);
  const squares = observed.reduce((sum, x) => sum + (x - loc) ** 2, 0);
  const scale = Math.fround(Math.sqrt(squares / observed.length));
  return { loc, scale: scale === 0 ? Math.fround(1e-5) : scale };
}
