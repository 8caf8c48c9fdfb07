/**
 * `tidemerge/ops`: operators on tensors of the caller. The functions that record operators into programs are in the
 * modules beside this one, under the same names.
 */

export type { Tensor } from '../tensor/tensor.js';
export * from './direct.js';
