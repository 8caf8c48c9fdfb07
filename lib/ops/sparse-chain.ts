import type { SymbolicTensor } from '../backend/program.js';
import { TidemergeError } from '../errors.js';
import { expectMatrix, expectVector, expectWeight } from './record.js';
import type { SparseActivations } from './sparse-linear.js';

/** One product of a chain. */
export interface SparseStage {
  /** 'sparse-binary' [out, in] */
  readonly weight: SymbolicTensor;
  /** float32 [out] */
  readonly bias?: SymbolicTensor | undefined;
  readonly activation?: 'none' | 'relu';
  /** What is added after the activation: 0 for x, i for the result of stage i, counted from 1. */
  readonly residual?: number | undefined;
}

const MOST_STAGES = 16;

/**
 * Products with sparse binary matrices, each from the result of the one before it: what `sparseLinear`, once per stage,
 * gives, bit for bit, in less time for many rows, because a panel of rows goes through all stages at once.
 *
 * x float32 [rows, in] → float32 [rows, out of the last stage]. At most 16 stages.
 */
export function sparseChain(
  x: SymbolicTensor,
  stages: readonly SparseStage[],
  { activations = 'float32' }: { readonly activations?: SparseActivations | undefined } = {},
): SymbolicTensor {
  const op = 'sparse_chain';
  if (stages.length < 1 || stages.length > MOST_STAGES) {
    throw invalid(op, `expected 1 to ${MOST_STAGES} stages, got ${stages.length}`);
  }
  const widths = [x.columns];
  for (const [s, { weight, bias, residual }] of stages.entries()) {
    const [out, inner] = expectWeight(op, `weight ${s + 1}`, weight, 'sparse-binary');
    if (s === 0) expectMatrix(op, 'x', x, inner, 'float32');
    else if (widths[s] !== inner) throw shape(op, `weight ${s + 1}: expected ${widths[s]} columns, got ${inner}`);
    if (bias) expectVector(op, `bias ${s + 1}`, bias, 'float32', out);
    if (residual !== undefined) expectResidual(op, s, residual, widths, out);
    widths.push(out);
  }
  const attributes = {
    activations,
    relus: stages.map(({ activation }) => (activation === 'relu' ? 1 : 0)),
    residuals: stages.map(({ residual = -1 }) => residual),
  };
  const inputs = [x, ...stages.flatMap(({ weight, bias }) => [weight, bias])];
  const [y] = x.builder.apply(op, inputs, attributes, [{ dtype: 'float32', columns: widths.at(-1) }]);
  return y!;
}

function expectResidual(
  op: string,
  s: number,
  residual: number,
  widths: readonly (number | undefined)[],
  out: number,
): void {
  if (!Number.isInteger(residual) || residual < 0 || residual > s) {
    throw invalid(op, `residual ${s + 1}: expected 0 or the number of an earlier stage, got ${residual}`);
  }
  const width = widths[residual];
  if (width !== undefined && width !== out) {
    throw shape(op, `residual ${s + 1}: expected ${out} columns, got ${width}`);
  }
}

const invalid = (op: string, text: string) => new TidemergeError('ERR_INVALID_ARGUMENT', `${op}: ${text}`);
const shape = (op: string, text: string) => new TidemergeError('ERR_INVALID_SHAPE', `${op}: ${text}`);
