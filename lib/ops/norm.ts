import type { SymbolicTensor } from '../backend/program.js';
import { expectDType, expectNumber, expectVector } from './record.js';

export interface NormOptions {
  /** Added to the mean square (or the variance) before the root. */
  readonly epsilon: number;
}

/**
 * Root mean square normalisation of every row (Zhang and Sennrich 2019; T5's layer norm):
 * y = x / sqrt(mean(x²) + epsilon) · weight
 *
 * x float32 [rows, columns], weight float32 [columns] → float32 [rows, columns]
 */
export function rmsNorm(x: SymbolicTensor, weight: SymbolicTensor, { epsilon }: NormOptions): SymbolicTensor {
  checkNorm('rms_norm', x, weight, undefined, epsilon);
  const [y] = x.builder.apply('rms_norm', [x, weight], { epsilon }, [{ dtype: 'float32', columns: x.columns }]);
  return y!;
}

/**
 * Layer normalisation of every row (Ba et al. 2016), with the population variance:
 * y = (x - mean(x)) / sqrt(var(x) + epsilon) · weight + bias
 *
 * x float32 [rows, columns], weight and bias float32 [columns] → float32 [rows, columns]
 */
export function layerNorm(
  x: SymbolicTensor,
  weight: SymbolicTensor,
  { epsilon, bias }: NormOptions & { readonly bias?: SymbolicTensor | undefined },
): SymbolicTensor {
  checkNorm('layer_norm', x, weight, bias, epsilon);
  const [y] = x.builder.apply('layer_norm', [x, weight, bias], { epsilon }, [{ dtype: 'float32', columns: x.columns }]);
  return y!;
}

export interface TimeNormParameters {
  /** int32 [batch + 1]: series b owns the rows from offsets[b] to offsets[b + 1]. */
  readonly offsets: SymbolicTensor;
  /** float32 [steps], by the row's place in its series, and `shift` alike. */
  readonly scale: SymbolicTensor;
  readonly shift: SymbolicTensor;
}

/**
 * Layer normalisation over time instead of channels: every column of every series on its own, with the population
 * variance over the series' rows ("Sparse Binary Transformers", arXiv 2308.04637):
 * y[t, c] = (x[t, c] - mean_c) / sqrt(var_c + epsilon) · scale[t] + shift[t]
 *
 * x float32 [rows, columns] → float32 [rows, columns]. A series of more rows than steps fails with ERR_INVALID_SHAPE.
 */
export function timeNorm(
  x: SymbolicTensor,
  { offsets, scale, shift }: TimeNormParameters,
  { epsilon }: NormOptions,
): SymbolicTensor {
  const op = 'time_norm';
  expectDType(op, 'x', x, 'float32');
  expectVector(op, 'offsets', offsets, 'int32');
  expectVector(op, 'scale', scale, 'float32');
  expectVector(op, 'shift', shift, 'float32');
  expectNumber(op, 'epsilon', epsilon, 0);
  const inputs = [x, offsets, scale, shift];
  return x.builder.apply(op, inputs, { epsilon }, [{ dtype: 'float32', columns: x.columns }])[0]!;
}

function checkNorm(
  op: string,
  x: SymbolicTensor,
  weight: SymbolicTensor,
  bias: SymbolicTensor | undefined,
  epsilon: number,
): void {
  expectDType(op, 'x', x, 'float32');
  expectVector(op, 'weight', weight, 'float32', x.columns);
  if (bias) expectVector(op, 'bias', bias, 'float32', x.columns);
  expectNumber(op, 'epsilon', epsilon, 0);
}
