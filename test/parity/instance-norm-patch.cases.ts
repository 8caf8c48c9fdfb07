import { instanceNormPatch } from '../../lib/ops/instance-norm-patch.js';
import { int32, matrix, type TensorData } from '../../lib/tensor/tensor.js';
import type { ParityCase } from './case.js';
import { offsetsOf, Random } from './random.js';
import { gappySeries } from './values.js';

const ROLES = {
  values: { rowsOf: 'offsets' },
  offsets: { offsets: true },
  y: { rowsOf: 'patchOffsets' },
  patchOffsets: { offsets: true },
  positions: { rowsOf: 'patchOffsets' },
  counts: { per: 1 },
  loc: { per: 1 },
  scale: { per: 1 },
} as const;

function patchCase(
  what: string,
  values: TensorData,
  lengths: readonly number[],
  contextLength: number,
  patchLength: number,
  patchStride = patchLength,
): ParityCase {
  return {
    name: `instance_norm_patch of ${what} in ${values.dtype}: the last ${contextLength} by ${patchLength} every ${patchStride}`,
    runs: [{ values, offsets: offsetsOf(lengths) }],
    record: ({ values, offsets }) => {
      const p = instanceNormPatch(values!, offsets!, { contextLength, patchLength, patchStride });
      const { patches: y, offsets: patchOffsets, positions, counts, loc, scale } = p;
      return { y, patchOffsets, positions, counts, loc, scale };
    },
    roles: ROLES,
  };
}

const lengths = [5, 0, 33, 1, 200, 64];
const series = gappySeries(new Random(8), lengths);
/** Movements that float32 could not tell apart at their level. */
const highLevel = Float64Array.from({ length: 40 }, (_, i) => 1e7 + Math.sin(i) / 4);
const special = Float64Array.of(NaN, NaN, NaN, 1, 1, 1, Infinity, 1, 2, -0, 0, 1e300, 1, 1e-40, 2e-40, 7.3, 7.3, 7.3);
const specialLengths = [3, 3, 3, 2, 2, 2, 3];

export const cases: ParityCase[] = [
  patchCase('series with gaps', matrix(series), lengths, 1000, 16),
  patchCase('series with gaps', matrix(series), lengths, 64, 16),
  patchCase('series with gaps', matrix(series), lengths, 50, 7),
  patchCase('series with gaps', matrix(series), lengths, 100, 8, 4),
  patchCase('series with gaps', matrix(series), lengths, 100, 8, 3),
  patchCase('series with gaps', matrix(series), lengths, 1, 1),
  patchCase('series with gaps', matrix(Float32Array.from(series)), lengths, 64, 16),
  patchCase('special values', matrix(special), specialLengths, 10, 2),
  patchCase('special values', matrix(Float32Array.from(special)), specialLengths, 10, 2, 1),
  patchCase('a high level', matrix(highLevel), [40], 64, 16),
  patchCase('nothing', matrix(new Float64Array(0)), [], 10, 2),
  {
    ...patchCase('integers', int32(1, 2), [2], 10, 2),
    // Recording would refuse it.
    record: ({ values, offsets }) => {
      const attributes = { contextLength: 10, patchLength: 2, patchStride: 2 };
      const outputs = Array.from({ length: 6 }, () => ({ dtype: 'int32' }) as const);
      return { y: values!.builder.apply('instance_norm_patch', [values, offsets], attributes, outputs)[0]! };
    },
    fails: 'ERR_INVALID_DTYPE',
  },
  { ...patchCase('too many values', matrix(new Float64Array(3)), [2], 10, 2), fails: 'ERR_INVALID_ARGUMENT' },
];
