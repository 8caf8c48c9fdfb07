import type { DenseWeightSpec, SparseBinaryWeightSpec } from '../../lib/backend/backend.js';
import type { SymbolicTensor } from '../../lib/backend/program.js';
import type { ErrorCode } from '../../lib/errors.js';
import type { TensorData } from '../../lib/tensor/tensor.js';
import type { Role } from './series.js';

export type Tensors = Readonly<Record<string, TensorData>>;
export type Symbols = Readonly<Record<string, SymbolicTensor>>;

/** One way to use an operator, to be run on every backend. */
export interface ParityCase {
  readonly name: string;
  readonly weights?: Readonly<Record<string, Omit<DenseWeightSpec, 'name'> | Omit<SparseBinaryWeightSpec, 'name'>>>;
  /** Names of float32 states. */
  readonly states?: readonly string[];
  /** Inputs of the runs of one session. */
  readonly runs: readonly Tensors[];
  /** Records the operator; gets inputs, weights and states by name. */
  record(symbols: Symbols): Symbols;
  /** How far outputs may be from the reference, element by element; others must be equal. */
  readonly bounds?: Readonly<Record<string, Bound>>;
  /** How inputs and outputs belong to the series of a batch; others belong to all. */
  readonly roles?: Readonly<Record<string, Role>>;
  /** The code every backend must fail with. */
  readonly fails?: ErrorCode;
}

export interface BoundContext {
  /** Inputs of the run in question: runs[index]. */
  readonly inputs: Tensors;
  readonly runs: readonly Tensors[];
  readonly index: number;
  /** Weights as they are kept: rounded to bfloat16 if so asked. */
  readonly weights: Tensors;
  readonly expected: TensorData;
  readonly isa: string;
}

export type Bound = (context: BoundContext) => ArrayLike<number>;
