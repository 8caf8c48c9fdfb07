import { TidemergeError } from '../errors.js';
import type { TensorData } from '../tensor/tensor.js';
import type { Addon, ContextInfo, NativeHandle } from './addon.js';
import type {
  Attributes,
  Backend,
  ProgramDescription,
  ProgramHandle,
  Session,
  WeightHandle,
  WeightSpec,
} from './backend.js';
import { checkTensorData, splitKept } from './inputs.js';
import { loadAddon } from './loader.js';
import { toTidemergeError, translated } from './native-errors.js';
import { NativeSession } from './native-session.js';
import { checkWeight } from './weight.js';

export interface NativeOptions {
  /** Instruction set; by default TIDEMERGE_ISA, or the best one this processor has. */
  readonly isa?: string | undefined;
  /** By default as many as this process may use: processors, and whole ones of a container's quota. */
  readonly threads?: number | undefined;
  /** Bytes for weights and values together; more is ERR_OUT_OF_MEMORY. No limit by default. */
  readonly memoryLimit?: number | undefined;
}

/**
 * The C++ backend. Backends with equal options share threads and memory, also between workers of one process; runs on
 * them are executed one after the other, off the JavaScript thread.
 * Errors: ERR_ADDON_NOT_FOUND, ERR_INVALID_ISA, ERR_UNSUPPORTED_ISA, ERR_INVALID_ARGUMENT, ERR_OUT_OF_MEMORY.
 */
export function createNativeBackend({ isa, threads, memoryLimit }: NativeOptions = {}): NativeBackend {
  const { addon } = loadAddon();
  const context = translated(() =>
    addon.createContext({
      ...(isa !== undefined && { isa }),
      ...(threads !== undefined && { threads }),
      ...(memoryLimit !== undefined && { memoryLimit }),
    }),
  );
  return new NativeBackend(addon, context);
}

/** Instruction sets of the addon, best first: all compiled in, and those this processor can run. */
export function instructionSets(): { readonly compiled: string[]; readonly supported: string[] } {
  const sets = translated(() => loadAddon().addon.sets());
  const names = (list: typeof sets) => list.map(({ name }) => name);
  return { compiled: names(sets), supported: names(sets.filter(({ supported }) => supported)) };
}

export class NativeBackend implements Backend {
  readonly name = 'native';
  readonly isa: string;
  readonly threads: number;
  readonly #addon: Addon;
  readonly #context: NativeHandle<'context'>;
  /** Runs under way, and what stops each. */
  readonly #runs = new Set<() => void>();
  #disposed = false;

  constructor(addon: Addon, context: NativeHandle<'context'>) {
    this.#addon = addon;
    this.#context = context;
    const info = addon.contextInfo(context);
    this.isa = info.isa;
    this.threads = info.threads;
  }

  /** Memory of the context, which other backends may share. */
  get memory(): ContextInfo['memory'] {
    this.expectAlive();
    return this.#addon.contextInfo(this.#context).memory;
  }

  async createWeight(spec: WeightSpec): Promise<WeightHandle> {
    this.expectAlive();
    checkWeight(spec);
    const { name, kind, shape } = spec;
    const [rows, cols] = shape;
    try {
      const handle = await this.#addon.createWeight(this.#context, { ...spec, rows, cols });
      return new NativeWeight(this, this.#addon, { name, kind, shape }, handle);
    } catch (error) {
      throw toTidemergeError(error);
    }
  }

  createProgram(description: ProgramDescription, weights: readonly WeightHandle[]): ProgramHandle {
    this.expectAlive();
    const handles = weights.map((weight) => {
      if (weight instanceof NativeWeight && weight.backend === this) return weight.handle();
      throw new TidemergeError('ERR_INVALID_ARGUMENT', `program: weight '${weight.spec.name}' is of another backend`);
    });
    const handle = translated(() => this.#addon.createProgram(this.#context, description, handles));
    return new NativeProgram(this, this.#addon, description, handle);
  }

  call(op: string, inputs: readonly (TensorData | null)[], attributes: Attributes): TensorData[] {
    this.expectAlive();
    for (const [i, input] of inputs.entries()) if (input) checkTensorData(op, `input ${i}`, input);
    return translated(() => this.#addon.call(this.#context, op, inputs, attributes));
  }

  /** Stops what is running: those runs reject with ERR_DISPOSED, like every later use. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    for (const stop of this.#runs) stop();
    this.#addon.dispose(this.#context);
  }

  /** @internal */
  expectAlive(): void {
    if (this.#disposed) throw new TidemergeError('ERR_DISPOSED', 'backend: used after dispose()');
  }

  /** Waits for a run that `stop` would end. @internal */
  async pending<T>(promise: Promise<T>, stop: () => void): Promise<T> {
    this.#runs.add(stop);
    try {
      return await promise;
    } finally {
      this.#runs.delete(stop);
    }
  }
}

class NativeWeight implements WeightHandle {
  readonly spec: WeightHandle['spec'];
  readonly backend: NativeBackend;
  readonly #addon: Addon;
  readonly #handle: NativeHandle<'weight'>;
  #disposed = false;

  constructor(backend: NativeBackend, addon: Addon, spec: WeightHandle['spec'], handle: NativeHandle<'weight'>) {
    this.backend = backend;
    this.#addon = addon;
    this.spec = spec;
    this.#handle = handle;
  }

  handle(): NativeHandle<'weight'> {
    if (this.#disposed) throw new TidemergeError('ERR_DISPOSED', `weight '${this.spec.name}': used after dispose()`);
    return this.#handle;
  }

  /** Programs that use the weight keep its memory until they are gone. */
  dispose(): void {
    this.#disposed = true;
    this.#addon.dispose(this.#handle);
  }
}

/** @internal */
export class NativeProgram implements ProgramHandle {
  readonly backend: NativeBackend;
  readonly addon: Addon;
  readonly description: ProgramDescription;
  readonly #handle: NativeHandle<'program'>;
  #disposed = false;

  constructor(backend: NativeBackend, addon: Addon, description: ProgramDescription, handle: NativeHandle<'program'>) {
    this.backend = backend;
    this.addon = addon;
    this.description = description;
    this.#handle = handle;
  }

  createSession(kept: readonly string[] = []): Session {
    this.backend.expectAlive();
    if (this.#disposed) throw new TidemergeError('ERR_DISPOSED', 'program: used after dispose()');
    const { inputs, outputs } = this.description;
    const pairs = splitKept(inputs, kept).kept.flatMap((input, i) => [
      inputs.indexOf(input),
      outputs.indexOf(splitKept(outputs, kept).kept[i]!),
    ]);
    return new NativeSession(
      this,
      translated(() => this.addon.createSession(this.#handle, pairs)),
      kept,
    );
  }

  /** Sessions go on. */
  dispose(): void {
    this.#disposed = true;
    this.addon.dispose(this.#handle);
  }
}
