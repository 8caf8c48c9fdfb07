import type { SymbolicTensor } from '../backend/program.js';
import { TidemergeError } from '../errors.js';
import { type Columns, columnView } from './attention.js';
import { expectColumnRange, expectDType, expectInteger, expectNumber, expectVector } from './record.js';

export interface NormOptions {
  /** Added to the mean square (or the variance) before the root. */
  readonly epsilon: number;
}

export interface RmsNormOptions extends NormOptions {
  /** float32 [rows, columns], or such columns of a wider tensor: opens and shuts channels by silu(gate) (Mamba-2). */
  readonly gate?: Columns | undefined;
  /** true: rmsNorm(x) · silu(gate); false (default), as Mamba-2 does: rmsNorm(x · silu(gate)). */
  readonly normBeforeGate?: boolean | undefined;
  /** Parts of equal width a row is normalised in, each on its own. Default 1. */
  readonly groups?: number | undefined;
}

/**
 * Root mean square normalisation of every row (Zhang and Sennrich 2019; T5's layer norm):
 * y = x / sqrt(mean(x²) + epsilon) · weight
 *
 * With a gate and groups it is the norm inside Mamba-2 (Dao and Gu 2024, arXiv 2405.21060, section 7.1).
 *
 * x float32 [rows, columns], weight float32 [columns] → float32 [rows, columns]
 */
export function rmsNorm(x: SymbolicTensor, weight: SymbolicTensor, options: RmsNormOptions): SymbolicTensor {
  const op = 'rms_norm';
  const { epsilon } = options;
  const gate = options.gate && columnView(options.gate);
  checkNorm(op, x, weight, undefined, epsilon);
  if (gate) expectColumnRange(op, 'gate', gate, x.columns ?? 0);
  const attributes = rmsAttributes(options, x.columns, gate?.column);
  const inputs = gate ? [x, weight, gate.tensor] : [x, weight];
  const [y] = x.builder.apply(op, inputs, attributes, [{ dtype: 'float32', columns: x.columns }]);
  return y!;
}

/** All attributes of the operator, checked; `columns` as far as they are known. */
export function rmsAttributes(
  { epsilon, groups = 1, normBeforeGate = false }: Omit<RmsNormOptions, 'gate'>,
  columns: number | undefined,
  gateColumn = 0,
) {
  expectInteger('rms_norm', 'groups', groups);
  if (columns !== undefined && columns % groups !== 0) {
    const message = `rms_norm: groups: expected a divisor of ${columns} columns, got ${groups}`;
    throw new TidemergeError('ERR_INVALID_SHAPE', message);
  }
  return { epsilon, groups, normBeforeGate, gateColumn };
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
