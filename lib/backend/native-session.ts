import { TidemergeError } from '../errors.js';
import { dtypeOf, type TensorArray, type TensorData } from '../tensor/tensor.js';
import type { FlatField, NativeHandle } from './addon.js';
import type { ProgramDescription, RunOptions, Session } from './backend.js';
import { checkInputs, splitKept } from './inputs.js';
import type { NativeProgram } from './native.js';
import { isCancelled, toTidemergeError, translated } from './native-errors.js';

export class NativeSession implements Session {
  readonly #program: NativeProgram;
  readonly #handle: NativeHandle<'session'>;
  readonly #inputs: ReturnType<typeof splitKept<ProgramDescription['inputs'][number]>>;
  readonly #outputs: readonly { readonly name: string }[];
  readonly #runs = new Set<number>();
  #disposed = false;

  constructor(program: NativeProgram, handle: NativeHandle<'session'>, kept: readonly string[]) {
    this.#program = program;
    this.#handle = handle;
    this.#inputs = splitKept(program.description.inputs, kept);
    this.#outputs = splitKept(program.description.outputs, kept).others;
  }

  async run(
    inputs: Readonly<Record<string, TensorData>>,
    { signal }: RunOptions = {},
  ): Promise<Record<string, TensorData>> {
    this.#expectAlive();
    signal?.throwIfAborted();
    const { backend, addon, description } = this.#program;
    checkInputs('run', description.inputs, inputs);
    const list = description.inputs.map(({ name }) => inputs[name]!);
    const { id, promise } = translated(() => addon.run(this.#handle, list));
    const stop = () => void addon.cancel(id);
    this.#runs.add(id);
    signal?.addEventListener('abort', stop);
    try {
      const outputs = await backend.pending(promise, stop);
      return named(description.outputs, outputs);
    } catch (error) {
      if (!isCancelled(error)) throw toTidemergeError(error);
      signal?.throwIfAborted();
      this.#expectAlive();
      throw error;
    } finally {
      this.#runs.delete(id);
      signal?.removeEventListener('abort', stop);
    }
  }

  runSync(inputs: Readonly<Record<string, TensorData>>): Record<string, TensorData> {
    this.#expectAlive();
    const { others } = this.#inputs;
    checkInputs('run', others, inputs);
    const list: FlatField[] = [];
    for (const { name } of others) {
      const { data, rows, cols } = inputs[name]!;
      list.push(data, rows, cols);
    }
    const flat = translated(() => this.#program.addon.runSync(this.#handle, list));
    const outputs: Record<string, TensorData> = {};
    for (const [i, { name }] of this.#outputs.entries()) {
      const data = flat[3 * i] as TensorArray;
      outputs[name] = { dtype: dtypeOf(data), rows: flat[3 * i + 1] as number, cols: flat[3 * i + 2] as number, data };
    }
    return outputs;
  }

  keep(values: Readonly<Record<string, TensorData>>): void {
    this.#expectAlive();
    const { kept } = this.#inputs;
    checkInputs('keep', kept, values);
    const list = kept.map(({ name }) => values[name]!);
    translated(() => this.#program.addon.keep(this.#handle, list));
  }

  kept(): Record<string, TensorData> {
    this.#expectAlive();
    return named(
      this.#inputs.kept,
      translated(() => this.#program.addon.kept(this.#handle)),
    );
  }

  reset(): void {
    this.#expectAlive();
    translated(() => this.#program.addon.reset(this.#handle));
  }

  /** Stops what is running: those runs reject with ERR_DISPOSED. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    for (const id of this.#runs) this.#program.addon.cancel(id);
    this.#program.addon.dispose(this.#handle);
  }

  #expectAlive(): void {
    this.#program.backend.expectAlive();
    if (this.#disposed) throw new TidemergeError('ERR_DISPOSED', 'session: used after dispose()');
  }
}

function named(names: readonly { readonly name: string }[], values: readonly TensorData[]): Record<string, TensorData> {
  return Object.fromEntries(names.map(({ name }, i) => [name, values[i]!]));
}
