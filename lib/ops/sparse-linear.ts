import type { SymbolicTensor } from '../backend/program.js';
import { TidemergeError } from '../errors.js';
import { expectMatrix, expectVector, expectWeight } from './record.js';

/**
 * 'float32' sums the inputs as they are. 'int8' first rounds every row of x to whole multiples of its largest magnitude
 * over 127 and sums those exactly, which takes less time: each kept input then adds at most alpha · largest / 254 to the
 * error.
 */
export type SparseActivations = 'float32' | 'int8';

export interface SparseLinearOptions {
  /** float32 [out] */
  readonly bias?: SymbolicTensor | undefined;
  /** float32 [rows, out], added after the activation. */
  readonly residual?: SymbolicTensor | undefined;
  readonly activation?: 'none' | 'relu';
  /** 'float32' by default. */
  readonly activations?: SparseActivations;
}

/**
 * act(alpha · (Σ of the inputs kept with + - Σ of those kept with -) + bias) + residual
 *
 * x float32 [rows, in], weight 'sparse-binary' [out, in] → float32 [rows, out]: x times the matrix alpha · sign · mask
 * transposed ("Sparse Binary Transformers", arXiv 2308.04637). A row of the result depends on that row alone. Inputs that
 * an output does not keep are not read for it, whatever they are; with 'int8', a row that holds NaN or an infinity
 * becomes NaN.
 */
export function sparseLinear(
  x: SymbolicTensor,
  weight: SymbolicTensor,
  options: SparseLinearOptions = {},
): SymbolicTensor {
  const op = 'sparse_linear';
  const { bias, residual, activation = 'none', activations = 'float32' } = options;
  if (!['float32', 'int8'].includes(activations)) {
    const text = `${op}: activations: expected float32 or int8, got ${activations}`;
    throw new TidemergeError('ERR_INVALID_ARGUMENT', text);
  }
  const [out, inner] = expectWeight(op, 'weight', weight, 'sparse-binary');
  expectMatrix(op, 'x', x, inner, 'float32');
  if (bias) expectVector(op, 'bias', bias, 'float32', out);
  if (residual) expectMatrix(op, 'residual', residual, out, 'float32');
  const attributes = { activation, activations };
  const [y] = x.builder.apply(op, [x, weight, bias, residual], attributes, [{ dtype: 'float32', columns: out }]);
  return y!;
}
