import { TidemergeError } from '../errors.js';
import type { DType } from '../tensor/tensor.js';
import type { Attributes, ProgramDescription, ProgramNode, ValueId, WeightHandle } from './backend.js';

/** A value of a program under recording: a [rows, columns] matrix whose rows are known only when it runs. */
export interface SymbolicTensor {
  readonly builder: ProgramBuilder;
  readonly id: ValueId;
  /** 'weight' is a packed matrix or a table, 'opaque' a value only the backend can read (packed keys). */
  readonly dtype: DType | 'weight' | 'opaque';
  /** Column count where it is known while recording. */
  readonly columns: number | undefined;
  /** What is known of a weight: kind and both sizes. Absent for every other value. */
  readonly weight?: WeightHandle['spec'];
}

type Output = Pick<SymbolicTensor, 'dtype' | 'weight'> & { readonly columns?: number | undefined };

/** The part of a program in which a value exists: the program itself or the body of one loop. */
type Scope = { open: boolean };

/** Collects operators into a program. Operators in `lib/ops` call `apply`; models call the rest. */
export class ProgramBuilder {
  #values = 0;
  #nodes: ProgramNode[] = [];
  readonly #root: Scope = { open: true };
  #scope = this.#root;
  /** By value id: where the value was made. */
  readonly #scopes: Scope[] = [];
  readonly #inputs: { name: string; id: ValueId; dtype: DType }[] = [];
  readonly #weights: { id: ValueId; weight: number }[] = [];
  readonly #states: { name: string; id: ValueId; dtype: DType }[] = [];
  readonly #outputs: { name: string; id: ValueId }[] = [];
  readonly #handles: WeightHandle[] = [];
  readonly #weightTensors = new Map<WeightHandle, SymbolicTensor>();

  input(name: string, dtype: DType, columns?: number): SymbolicTensor {
    this.#expectNewName('input', name, this.#inputs);
    const tensor = this.#tensor({ dtype, columns }, this.#root);
    this.#inputs.push({ name, id: tensor.id, dtype });
    return tensor;
  }

  weight(handle: WeightHandle): SymbolicTensor {
    const known = this.#weightTensors.get(handle);
    if (known) return known;
    const { spec } = handle;
    const dtype = spec.kind === 'vector' ? 'float32' : 'weight';
    const tensor = this.#tensor({ dtype, columns: spec.shape[1], weight: spec }, this.#root);
    this.#weights.push({ id: tensor.id, weight: this.#handles.length });
    this.#handles.push(handle);
    this.#weightTensors.set(handle, tensor);
    return tensor;
  }

  state(name: string, dtype: DType): SymbolicTensor {
    this.#expectNewName('state', name, this.#states);
    const tensor = this.#tensor({ dtype }, this.#root);
    this.#states.push({ name, id: tensor.id, dtype });
    return tensor;
  }

  output(name: string, tensor: SymbolicTensor): void {
    this.#expectNewName('output', name, this.#outputs);
    if (tensor.dtype === 'weight' || tensor.dtype === 'opaque') {
      throw new TidemergeError('ERR_INVALID_DTYPE', `program: output '${name}': expected numbers, got ${tensor.dtype}`);
    }
    this.#outputs.push({ name, id: this.#own('program', tensor) });
  }

  /** Records one operator and returns its outputs. */
  apply(
    op: string,
    inputs: readonly (SymbolicTensor | undefined)[],
    attributes: Attributes,
    outputs: readonly Output[],
  ): SymbolicTensor[] {
    const ids = inputs.map((tensor) => (tensor ? this.#own(op, tensor) : -1));
    const results = outputs.map((output) => this.#tensor(output));
    this.#nodes.push({ op, inputs: ids, outputs: results.map((tensor) => tensor.id), attributes });
    return results;
  }

  /**
   * Records a loop of `count` (int32 [1, 1]) turns. `body` gets the turn's index and the carried values, and returns
   * the carried values for the next turn: same types, and same columns where both are known. Values made in the body
   * exist only there; weights and states may be declared anywhere.
   */
  repeat<const C extends readonly SymbolicTensor[]>(
    count: SymbolicTensor,
    initial: C,
    body: (index: SymbolicTensor, carries: { [K in keyof C]: SymbolicTensor }) => { [K in keyof C]: SymbolicTensor },
  ): { [K in keyof C]: SymbolicTensor } {
    const inputs = [count, ...initial].map((tensor) => this.#own('repeat', tensor));
    const scope: Scope = { open: true };
    const outer = { nodes: this.#nodes, scope: this.#scope };
    const nodes: ProgramNode[] = [];
    this.#nodes = nodes;
    this.#scope = scope;
    const index = this.#tensor({ dtype: 'int32', columns: 1 });
    const carriesIn = initial.map(({ dtype, columns }) => this.#tensor({ dtype, columns }));
    let carriesOut: ValueId[];
    try {
      const next = body(index, carriesIn as never) as unknown as readonly SymbolicTensor[];
      carriesOut = this.#checkCarries(initial, next);
    } finally {
      scope.open = false;
      this.#nodes = outer.nodes;
      this.#scope = outer.scope;
    }
    const outputs = initial.map(({ dtype, columns }) => this.#tensor({ dtype, columns }));
    this.#nodes.push({
      op: 'repeat',
      inputs,
      outputs: outputs.map((tensor) => tensor.id),
      body: { index: index.id, carriesIn: carriesIn.map((tensor) => tensor.id), carriesOut, nodes },
    });
    return outputs as never;
  }

  build(): { description: ProgramDescription; weights: readonly WeightHandle[] } {
    return {
      description: {
        values: this.#values,
        inputs: this.#inputs,
        weights: this.#weights,
        states: this.#states,
        nodes: this.#nodes,
        outputs: this.#outputs,
      },
      weights: this.#handles,
    };
  }

  #tensor({ dtype, columns, weight }: Output, scope = this.#scope): SymbolicTensor {
    this.#scopes.push(scope);
    const tensor = { builder: this, id: this.#values++, dtype, columns };
    return weight ? { ...tensor, weight } : tensor;
  }

  #own(op: string, tensor: SymbolicTensor): ValueId {
    if (tensor.builder !== this) {
      throw new TidemergeError('ERR_INVALID_ARGUMENT', `${op}: a tensor of another program was given`);
    }
    if (!this.#scopes[tensor.id]?.open) {
      throw new TidemergeError(
        'ERR_INVALID_ARGUMENT',
        `${op}: a tensor was given that exists only inside a loop's body`,
      );
    }
    return tensor.id;
  }

  #checkCarries(initial: readonly SymbolicTensor[], next: readonly SymbolicTensor[]): ValueId[] {
    if (next.length !== initial.length) {
      throw new TidemergeError(
        'ERR_INVALID_ARGUMENT',
        `repeat: body: expected ${initial.length} carried values, got ${next.length}`,
      );
    }
    return next.map((tensor, i) => {
      const { dtype, columns } = initial[i]!;
      if (dtype === 'weight' || tensor.dtype !== dtype) {
        throw new TidemergeError('ERR_INVALID_DTYPE', `repeat: carry ${i}: expected ${dtype}, got ${tensor.dtype}`);
      }
      if (columns !== undefined && tensor.columns !== undefined && tensor.columns !== columns) {
        throw new TidemergeError(
          'ERR_INVALID_SHAPE',
          `repeat: carry ${i}: expected ${columns} columns, got ${tensor.columns}`,
        );
      }
      return this.#own('repeat', tensor);
    });
  }

  #expectNewName(what: string, name: string, known: readonly { readonly name: string }[]): void {
    if (known.some((other) => other.name === name)) {
      throw new TidemergeError('ERR_INVALID_ARGUMENT', `program: ${what} '${name}' is declared twice`);
    }
  }
}
