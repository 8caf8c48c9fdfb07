import { TidemergeError } from '../errors.js';
import type { WeightSpec } from './backend.js';

/** Throws unless kind, type and shape are known ones and the data is as long as the shape says. */
export function checkWeight({ name, kind, dtype, shape, data }: WeightSpec): void {
  const who = `weight '${name}'`;
  if (!['matrix', 'table', 'vector'].includes(kind)) {
    throw new TidemergeError('ERR_INVALID_ARGUMENT', `${who}: kind: expected matrix, table or vector, got ${kind}`);
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
