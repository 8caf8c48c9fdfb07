import type { TensorArray, TensorData } from '../tensor/tensor.js';
import type { Attributes, DenseWeightSpec, ProgramDescription, SparseBinaryWeightSpec } from './backend.js';

/** Must equal kInterfaceVersion of native/addon/addon.cc: a stale build is refused instead of misunderstood. */
export const INTERFACE_VERSION = 3;

/** Carried by the rejection of a run that was cancelled; never reaches users. */
export const CANCELLED = 'ERR_CANCELLED';

declare const handleBrand: unique symbol;
/** A native object. Freed by `dispose`, or when it is collected. */
export interface NativeHandle<Kind extends string> {
  readonly [handleBrand]: Kind;
}

export interface ContextOptions {
  readonly threads?: number;
  readonly isa?: string;
  /** Bytes the context may use for weights and values together. */
  readonly memoryLimit?: number;
}

export interface ContextInfo {
  readonly isa: string;
  readonly threads: number;
  /** Bytes in use, bytes of free memory kept for later, and how often the system was asked for memory. */
  readonly memory: { readonly inUse: number; readonly kept: number; readonly systemCalls: number };
}

/** Of a flat list of values. */
export type FlatField = TensorArray | number;

/** What native/addon/addon.cc exports. Its errors are plain Errors with one of our codes. */
export interface Addon {
  readonly interfaceVersion: number;
  readonly compiler: string;
  features(): string[];
  sets(): { name: string; supported: boolean }[];
  defaultThreads(): number;
  createContext(options: ContextOptions): NativeHandle<'context'>;
  contextInfo(context: NativeHandle<'context'>): ContextInfo;
  createWeight(
    context: NativeHandle<'context'>,
    weight: { readonly rows: number; readonly cols: number } & (
      | Omit<DenseWeightSpec, 'shape'>
      | Omit<SparseBinaryWeightSpec, 'shape'>
    ),
  ): Promise<NativeHandle<'weight'>>;
  createProgram(
    context: NativeHandle<'context'>,
    description: ProgramDescription,
    weights: readonly NativeHandle<'weight'>[],
  ): NativeHandle<'program'>;
  /** `kept`: pairs of an input's and an output's number, one behind the other. */
  createSession(program: NativeHandle<'program'>, kept?: readonly number[]): NativeHandle<'session'>;
  /** Inputs and outputs in the order of the description. */
  run(
    session: NativeHandle<'session'>,
    inputs: readonly TensorData[],
  ): { readonly id: number; readonly promise: Promise<TensorData[]> };
  /** At once on this thread; inputs and outputs without the kept ones: data, rows and cols of each, one behind the other. */
  runSync(session: NativeHandle<'session'>, inputs: readonly FlatField[]): FlatField[];
  /** All kept values: given, and copies of them. */
  keep(session: NativeHandle<'session'>, values: readonly TensorData[]): void;
  kept(session: NativeHandle<'session'>): TensorData[];
  /** False when the run is over. Otherwise its promise rejects with CANCELLED. */
  cancel(id: number): boolean;
  reset(session: NativeHandle<'session'>): void;
  call(
    context: NativeHandle<'context'>,
    op: string,
    inputs: readonly (TensorData | null)[],
    attributes: Attributes,
  ): TensorData[];
  dispose(handle: NativeHandle<string>): void;
}
