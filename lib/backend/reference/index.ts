import { TidemergeError } from '../../errors.js';
import type { TensorData } from '../../tensor/tensor.js';
import type {
  Attributes,
  Backend,
  ProgramDescription,
  ProgramHandle,
  RunOptions,
  Session,
  WeightHandle,
  WeightSpec,
} from '../backend.js';
import { checkInputs, checkTensorData, splitKept } from '../inputs.js';
import { checkWeight } from '../weight.js';
import { Call, type StateSlot, type WeightSlot } from './call.js';
import { Executor } from './executor.js';
import { checkCall, checkProgram, referenceOperator } from './program.js';
import { Queue } from './queue.js';
import { fromTensorData, toTensorData, weightValue, zerosOf } from './value.js';

/**
 * The backend in TypeScript: short, readable, in double precision, and slow. It defines what the native one must
 * compute, and runs where there is no native one.
 */
export function createReferenceBackend(): Backend {
  return new ReferenceBackend();
}

class ReferenceBackend implements Backend {
  readonly name = 'js';
  readonly isa = 'js';
  readonly threads = 1;
  readonly queue = new Queue();
  #disposed = false;

  async createWeight(spec: WeightSpec): Promise<WeightHandle> {
    this.expectAlive();
    checkWeight(spec);
    return new ReferenceWeight(this, spec);
  }

  createProgram(description: ProgramDescription, weights: readonly WeightHandle[]): ProgramHandle {
    this.expectAlive();
    checkProgram(description, weights.length);
    const slots = weights.map((weight) => {
      if (weight instanceof ReferenceWeight && weight.backend === this) return weight.slot();
      throw new TidemergeError('ERR_INVALID_ARGUMENT', `program: weight '${weight.spec.name}' is of another backend`);
    });
    return new ReferenceProgram(this, description, slots);
  }

  call(op: string, inputs: readonly (TensorData | null)[], attributes: Attributes): TensorData[] {
    this.expectAlive();
    const operator = referenceOperator(op);
    checkCall(op, operator, inputs.length, attributes);
    const slots = inputs.map((input, i) => {
      if (input === null) return null;
      checkTensorData(op, `input ${i}`, input);
      return { value: fromTensorData(input) };
    });
    return operator.run(new Call(op, slots, attributes)).map(toTensorData);
  }

  dispose(): void {
    this.#disposed = true;
  }

  expectAlive(): void {
    if (this.#disposed) throw new TidemergeError('ERR_DISPOSED', 'backend: used after dispose()');
  }
}

class ReferenceWeight implements WeightHandle {
  readonly spec: WeightHandle['spec'];
  readonly backend: ReferenceBackend;
  #slot: WeightSlot | undefined;

  constructor(backend: ReferenceBackend, spec: WeightSpec) {
    const { name, kind, shape } = spec;
    this.backend = backend;
    this.spec = { name, kind, shape };
    this.#slot = { kind, value: weightValue(spec) };
  }

  slot(): WeightSlot {
    if (!this.#slot) throw new TidemergeError('ERR_DISPOSED', `weight '${this.spec.name}': used after dispose()`);
    return this.#slot;
  }

  dispose(): void {
    this.#slot = undefined;
  }
}

class ReferenceProgram implements ProgramHandle {
  readonly backend: ReferenceBackend;
  readonly description: ProgramDescription;
  readonly weights: readonly WeightSlot[];
  #disposed = false;

  constructor(backend: ReferenceBackend, description: ProgramDescription, weights: readonly WeightSlot[]) {
    this.backend = backend;
    this.description = description;
    this.weights = weights;
  }

  createSession(kept: readonly string[] = []): Session {
    this.backend.expectAlive();
    if (this.#disposed) throw new TidemergeError('ERR_DISPOSED', 'program: used after dispose()');
    return new ReferenceSession(this, kept);
  }

  dispose(): void {
    this.#disposed = true;
  }
}

class ReferenceSession implements Session {
  readonly #program: ReferenceProgram;
  readonly #inputs: ReturnType<typeof splitKept<ProgramDescription['inputs'][number]>>;
  readonly #outputs: ReturnType<typeof splitKept<ProgramDescription['outputs'][number]>>;
  #kept: Readonly<Record<string, TensorData>> = {};
  #states: StateSlot[];
  #disposed = false;

  constructor(program: ReferenceProgram, kept: readonly string[]) {
    this.#program = program;
    this.#inputs = splitKept(program.description.inputs, kept);
    this.#outputs = splitKept(program.description.outputs, kept);
    this.#states = emptyStates(program.description);
  }

  async run(
    inputs: Readonly<Record<string, TensorData>>,
    { signal }: RunOptions = {},
  ): Promise<Record<string, TensorData>> {
    this.#expectAlive();
    const { backend, description, weights } = this.#program;
    checkInputs('run', description.inputs, inputs);
    const values = new Map(description.inputs.map(({ name }) => [name, fromTensorData(inputs[name]!)]));
    return backend.queue.run(async () => {
      const executor = new Executor(description, weights, this.#states, values, () => {
        signal?.throwIfAborted();
        this.#expectAlive();
      });
      await executor.run(description.nodes);
      return outputsOf(executor, description.outputs);
    }, signal);
  }

  runSync(inputs: Readonly<Record<string, TensorData>>): Record<string, TensorData> {
    this.#expectAlive();
    const { description, weights } = this.#program;
    checkInputs('run', this.#inputs.others, inputs);
    const all = { ...inputs, ...this.#kept };
    checkInputs('run', description.inputs, all);
    const values = new Map(description.inputs.map(({ name }) => [name, fromTensorData(all[name]!)]));
    const executor = new Executor(description, weights, this.#states, values, () => {});
    executor.runSync(description.nodes);
    this.#kept = outputsOf(executor, this.#outputs.kept);
    return outputsOf(executor, this.#outputs.others);
  }

  keep(values: Readonly<Record<string, TensorData>>): void {
    this.#expectAlive();
    checkInputs('keep', this.#inputs.kept, values);
    this.#kept = copies(values);
  }

  kept(): Record<string, TensorData> {
    this.#expectAlive();
    return copies(this.#kept);
  }

  reset(): void {
    this.#states = emptyStates(this.#program.description);
  }

  dispose(): void {
    this.#disposed = true;
    this.#states = [];
  }

  #expectAlive(): void {
    this.#program.backend.expectAlive();
    if (this.#disposed) throw new TidemergeError('ERR_DISPOSED', 'session: used after dispose()');
  }
}

function outputsOf(executor: Executor, outputs: ProgramDescription['outputs']): Record<string, TensorData> {
  return Object.fromEntries(outputs.map(({ name, id }) => [name, toTensorData(executor.value(id))]));
}

function copies(values: Readonly<Record<string, TensorData>>): Record<string, TensorData> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, { ...value, data: value.data.slice() }]),
  );
}

function emptyStates({ states }: ProgramDescription): StateSlot[] {
  return states.map(({ dtype }) => ({ value: zerosOf(dtype, 0, 0) }));
}
