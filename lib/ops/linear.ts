import type { SymbolicTensor } from '../backend/program.js';
import { expectMatrix, expectVector, expectWeight } from './record.js';

/** 'gelu' is x·Φ(x) with the error function, 'gelu_tanh' its tanh approximation, 'silu' x·sigmoid(x). */
export type Activation = 'none' | 'relu' | 'gelu' | 'gelu_tanh' | 'silu';

export interface LinearOptions {
  /** float32 [out] */
  readonly bias?: SymbolicTensor | undefined;
  /** float32 [rows, out], added after the activation. */
  readonly residual?: SymbolicTensor | undefined;
  readonly activation?: Activation;
}

/**
 * act(x · weightᵀ + bias) + residual
 *
 * x float32 [rows, in], weight a matrix [out, in] as PyTorch publishes it → float32 [rows, out]. Every element is
 * summed over `in` in one fixed order, whatever the number of rows.
 */
export function linear(x: SymbolicTensor, weight: SymbolicTensor, options: LinearOptions = {}): SymbolicTensor {
  const { bias, residual, activation = 'none' } = options;
  const [out, inner] = expectWeight('linear', 'weight', weight, 'matrix');
  expectMatrix('linear', 'x', x, inner, 'float32');
  if (bias) expectVector('linear', 'bias', bias, 'float32', out);
  if (residual) expectMatrix('linear', 'residual', residual, out, 'float32');
  const [y] = x.builder.apply('linear', [x, weight, bias, residual], { activation }, [
    { dtype: 'float32', columns: out },
  ]);
  return y!;
}
