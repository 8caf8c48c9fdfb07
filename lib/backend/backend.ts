import type { SparseBinaryMatrix } from '../tensor/sparse-binary.js';
import type { DType, TensorData } from '../tensor/tensor.js';

/** Dense number of a value inside one program. */
export type ValueId = number;

/** Values an operator needs besides its tensors. */
export type AttributeValue = number | boolean | string | readonly number[];
export type Attributes = Readonly<Record<string, AttributeValue>>;

export interface OperatorNode {
  readonly op: string;
  /** -1 stands for an optional input that is absent. */
  readonly inputs: readonly ValueId[];
  readonly outputs: readonly ValueId[];
  readonly attributes: Attributes;
}

/**
 * A counted loop. `inputs[0]` is the count (int32 [1, 1]), the others are the first values of the carries;
 * `outputs` are the carries after the last turn.
 */
export interface RepeatNode {
  readonly op: 'repeat';
  readonly inputs: readonly ValueId[];
  readonly outputs: readonly ValueId[];
  readonly body: {
    /** int32 [1, 1]: 0, 1, 2 … */
    readonly index: ValueId;
    readonly carriesIn: readonly ValueId[];
    readonly carriesOut: readonly ValueId[];
    readonly nodes: readonly ProgramNode[];
  };
}

export type ProgramNode = OperatorNode | RepeatNode;

export function isRepeat(node: ProgramNode): node is RepeatNode {
  return node.op === 'repeat';
}

/** A recorded computation: a list of operators over numbered values. */
export interface ProgramDescription {
  readonly values: number;
  readonly inputs: readonly { readonly name: string; readonly id: ValueId; readonly dtype: DType }[];
  /** `weight` is an index into the list of weights given beside the description. */
  readonly weights: readonly { readonly id: ValueId; readonly weight: number }[];
  /** Owned by the session, empty at first, kept between its runs. */
  readonly states: readonly { readonly name: string; readonly id: ValueId; readonly dtype: DType }[];
  readonly nodes: readonly ProgramNode[];
  readonly outputs: readonly { readonly name: string; readonly id: ValueId }[];
}

/**
 * How a weight is going to be used: `matrix` [out, in] is packed for matrix products, `table` [rows, cols] is looked
 * up by row, `vector` is plain float32 that any operator may read, `sparse-binary` is a matrix [out, in] of
 * -alpha, 0 and alpha for `sparseLinear`.
 */
export type WeightKind = DenseWeightSpec['kind'] | SparseBinaryWeightSpec['kind'];
export type WeightDType = 'float32' | 'bfloat16';
export type WeightSpec = DenseWeightSpec | SparseBinaryWeightSpec;

export interface DenseWeightSpec {
  readonly name: string;
  readonly kind: 'matrix' | 'table' | 'vector';
  /** The precision it is kept in; vectors are always float32. */
  readonly dtype: WeightDType;
  readonly shape: readonly [rows: number, cols: number];
  /** float32 values, or the bits of bfloat16 values. */
  readonly data: Float32Array | Uint16Array;
}

export interface SparseBinaryWeightSpec extends SparseBinaryMatrix {
  readonly name: string;
  readonly kind: 'sparse-binary';
}

declare const weightBrand: unique symbol;
/** Backend-owned memory of one weight. */
export interface WeightHandle {
  readonly [weightBrand]?: never;
  readonly spec: Pick<WeightSpec, 'name' | 'kind' | 'shape'>;
  dispose(): void;
}

export interface RunOptions {
  readonly signal?: AbortSignal | undefined;
}

/** A program's states, and the right to run it. Runs of one session never overlap. */
export interface Session {
  /** Inputs are copied before the call returns. Rejects with `signal.reason` when aborted. */
  run(inputs: Readonly<Record<string, TensorData>>, options?: RunOptions): Promise<Record<string, TensorData>>;
  /**
   * At once, on the calling thread, with the help of the backend's other threads: for work so small that waiting for a
   * promise would take longer. Kept values are neither given nor returned; a failure leaves them as they were, and
   * states as the operators did: those for such runs lose nothing. Not while `run` is under way.
   */
  runSync(inputs: Readonly<Record<string, TensorData>>): Record<string, TensorData>;
  /** Sets all kept values. */
  keep(values: Readonly<Record<string, TensorData>>): void;
  /** Copies of the kept values. */
  kept(): Record<string, TensorData>;
  /** Forgets the states. */
  reset(): void;
  dispose(): void;
}

export interface ProgramHandle {
  /**
   * `kept` names values that are inputs and outputs: with `runSync` the output of one run is the input of the next one
   * and stays in the session. `keep` must give the first ones.
   */
  createSession(kept?: readonly string[]): Session;
  dispose(): void;
}

/** Whatever executes operators: the native addon, or the readable reference in TypeScript. */
export interface Backend {
  readonly name: 'native' | 'js';
  /** Instruction set in use; 'js' for the reference. */
  readonly isa: string;
  readonly threads: number;
  createWeight(spec: WeightSpec): Promise<WeightHandle>;
  createProgram(description: ProgramDescription, weights: readonly WeightHandle[]): ProgramHandle;
  /** One operator, at once, on the calling thread's time. */
  call(op: string, inputs: readonly (TensorData | null)[], attributes: Attributes): TensorData[];
  dispose(): void;
}
