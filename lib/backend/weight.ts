import { TidemergeError } from '../errors.js';
import { checkSparseBinary } from '../tensor/sparse-binary.js';
import type { WeightSpec } from './backend.js';

/** Throws unless kind, type and shape are known ones and the data is as long as the shape says. */
export function checkWeight(spec: WeightSpec): void {
  const who = `weight '${spec.name}'`;
  if (spec.kind === 'sparse-binary') {
    checkSparseBinary(who, spec);
    return;
  }
  const { kind, dtype, shape, data } = spec;
  if (!['matrix', 'table', 'vector'].includes(kind)) {
    const expected = 'matrix, table, vector or sparse-binary';
    throw new TidemergeError('ERR_INVALID_ARGUMENT', `${who}: kind: expected ${expected}, got ${kind}`);
  }
  if (dtype !== 'float32' && dtype !== 'bfloat16') {
    throw new TidemergeError('ERR_INVALID_DTYPE', `${who}: expected float32 or bfloat16, got ${dtype}`);
  }
  if (!(data instanceof Float32Array || data instanceof Uint16Array)) {
    throw new TidemergeError('ERR_INVALID_DTYPE', `${who}: data: expected a Float32Array or a Uint16Array`);
  }
  if (shape.length !== 2 || data.length !== shape[0] * shape[1]) {
    throw new TidemergeError('ERR_INVALID_SHAPE', `${who}: expected data for [${shape}], got ${data.length} numbers`);
  }
}
