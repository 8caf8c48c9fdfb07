import type { SymbolicTensor } from '../backend/program.js';
import { expectInteger, expectMatrix, expectVector } from './record.js';

export interface InstanceNormPatchOptions {
  /** Only the last `contextLength` values of a series are read. */
  readonly contextLength: number;
  readonly patchLength: number;
  /** May be smaller than the patch: then patches overlap. */
  readonly patchStride: number;
}

export interface Patches {
  /** float32 [patches, 2 · patchLength]: scaled values with 0 for missing ones, then 1 where observed and 0 elsewhere. */
  readonly patches: SymbolicTensor;
  /** int32 [batch + 1] */
  readonly offsets: SymbolicTensor;
  /** int32 [patches]: place in the series, counting dropped patches too. */
  readonly positions: SymbolicTensor;
  /** int32 [batch]: patches of every series, dropped ones included. */
  readonly counts: SymbolicTensor;
  /** float32 [batch] */
  readonly loc: SymbolicTensor;
  /** float32 [batch] */
  readonly scale: SymbolicTensor;
}

/**
 * Chronos-Bolt's input: standardises every series by the mean and population deviation of its observed values, and
 * cuts it into patches, padded on the left with missing values to a whole number of patches.
 *
 * values float64 or float32 [n] (NaN: missing), offsets int32 [batch + 1]. loc and scale are 0 and 1 where nothing is
 * observed, the scale of a constant series is 1e-5. Patches without an observed value are dropped.
 */
export function instanceNormPatch(
  values: SymbolicTensor,
  offsets: SymbolicTensor,
  { contextLength, patchLength, patchStride }: InstanceNormPatchOptions,
): Patches {
  const op = 'instance_norm_patch';
  expectMatrix(op, 'values', values, 1, 'float64', 'float32');
  expectVector(op, 'offsets', offsets, 'int32');
  expectInteger(op, 'contextLength', contextLength);
  expectInteger(op, 'patchLength', patchLength);
  expectInteger(op, 'patchStride', patchStride);
  const results = values.builder.apply(op, [values, offsets], { contextLength, patchLength, patchStride }, [
    { dtype: 'float32', columns: 2 * patchLength },
    { dtype: 'int32', columns: 1 },
    { dtype: 'int32', columns: 1 },
    { dtype: 'int32', columns: 1 },
    { dtype: 'float32', columns: 1 },
    { dtype: 'float32', columns: 1 },
  ]);
  const [patches, patchOffsets, positions, counts, loc, scale] = results;
  return {
    patches: patches!,
    offsets: patchOffsets!,
    positions: positions!,
    counts: counts!,
    loc: loc!,
    scale: scale!,
  };
}
