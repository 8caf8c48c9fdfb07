import type { ReferenceOperator } from './operator.js';
import { float32, float32Vector, int32Vector } from './value.js';

/** The definition, with its float32 rounding steps, is in native/ops/tokenize.h. */
export const meanScaleTokenize: ReferenceOperator = {
  inputs: [3, 3],
  outputs: 4,
  attributes: { contextLength: 'integer', numTokens: 'integer', numSpecialTokens: 'integer', eosTokenId: 'integer' },
  run(call) {
    const values = call.vector(0, 'values', 'float32', 'float64');
    const offsets = call.offsets(1, 'offsets', values.rows);
    const boundaries = call.list(2, 'boundaries');
    const lastId = call.number('numTokens') - 1;
    const eos = call.number('eosTokenId');
    const ids: number[] = [];
    const positions: number[] = [];
    const tokenOffsets = [0];
    const scales: number[] = [];
    for (let b = 0; b + 1 < offsets.length; b++) {
      const own = values.data.subarray(offsets[b], offsets[b + 1]);
      const context = own.subarray(Math.max(0, own.length - call.number('contextLength'))).map(Math.fround);
      const scale = meanMagnitude(context);
      context.forEach((x, position) => {
        if (Number.isNaN(x)) return;
        const above = countNotAbove(boundaries, Math.fround(x / scale));
        ids.push(Math.min(above + call.number('numSpecialTokens'), lastId));
        positions.push(position);
      });
      if (eos >= 0) {
        ids.push(eos);
        positions.push(context.length);
      }
      tokenOffsets.push(ids.length);
      scales.push(scale);
    }
    return [int32Vector(ids), int32Vector(tokenOffsets), int32Vector(positions), float32Vector(scales)];
  },
};

function meanMagnitude(context: Float64Array): number {
  const observed = context.filter((x) => !Number.isNaN(x));
  const mean = Math.fround(observed.reduce((sum, x) => sum + Math.abs(x), 0) / observed.length);
  return mean > 0 ? mean : 1;
}

/** How many boundaries b have not b > x: all of them for NaN. */
function countNotAbove(boundaries: ArrayLike<number>, x: number): number {
  let count = 0;
  while (count < boundaries.length && !(boundaries[count]! > x)) count++;
  return count;
}

export const tokensToValues: ReferenceOperator = {
  inputs: [3, 3],
  outputs: 1,
  attributes: { numSpecialTokens: 'integer' },
  run(call) {
    const ids = call.input(0, 'ids', 'int32');
    const scale = call.vector(1, 'scale', 'float32').data;
    const centers = call.list(2, 'centers');
    const rowsPerSeries = ids.rows / Math.max(scale.length, 1);
    if (!Number.isInteger(rowsPerSeries) || (scale.length === 0 && ids.rows > 0)) {
      throw call.error('ERR_INVALID_SHAPE', 'ids', `a multiple of ${scale.length} rows`, ids.rows);
    }
    if (centers.length === 0) throw call.error('ERR_INVALID_SHAPE', 'centers', 'at least one row', '[0, 1]');
    const y = float32(ids.rows, ids.cols);
    ids.data.forEach((id, i) => {
      const series = Math.floor(Math.floor(i / ids.cols) / rowsPerSeries);
      const bin = Math.min(Math.max(id - call.number('numSpecialTokens') - 1, 0), centers.length - 1);
      y.data[i] = Math.fround(centers[bin]! * scale[series]!);
    });
    return [y];
  },
};
