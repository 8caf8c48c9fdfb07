import type { Backend, ProgramDescription, ProgramNode, WeightHandle } from '../../lib/backend/backend.js';
import { ProgramBuilder } from '../../lib/backend/program.js';
import { weightValue } from '../../lib/backend/reference/value.js';
import type { TensorArray, TensorData } from '../../lib/tensor/tensor.js';
import type { ParityCase, Tensors } from './case.js';

/** The same numbers in the middle of a larger buffer: backends must not care where a view begins. */
export function shifted<A extends TensorArray | Uint16Array>(data: A): A {
  const larger = data.constructor as new (length: number) => A;
  const copy = new larger(data.length + 3).fill(77);
  copy.set(data, 1);
  return copy.subarray(1, data.length + 1) as A;
}

function moved(spec: NonNullable<ParityCase['weights']>[string]): typeof spec {
  if (spec.kind !== 'sparse-binary') return { ...spec, data: shifted(spec.data) };
  return { ...spec, mask: shifted(spec.mask), signs: shifted(spec.signs) };
}

/** A case as a program of one backend. */
export class CaseRunner {
  readonly #backend: Backend;
  readonly #description: ProgramDescription;
  readonly #weights: readonly WeightHandle[];
  readonly #program;

  private constructor(backend: Backend, description: ProgramDescription, weights: readonly WeightHandle[]) {
    this.#backend = backend;
    this.#description = description;
    this.#weights = weights;
    this.#program = backend.createProgram(description, weights);
  }

  static async create(backend: Backend, parityCase: ParityCase): Promise<CaseRunner> {
    const builder = new ProgramBuilder();
    const symbols: Record<string, ReturnType<ProgramBuilder['input']>> = {};
    for (const [name, { dtype, cols }] of Object.entries(parityCase.runs[0]!)) {
      // Failing cases let the running backend find out what recording would.
      symbols[name] = builder.input(name, dtype, parityCase.fails ? undefined : cols);
    }
    for (const name of parityCase.states ?? []) symbols[name] = builder.state(name, 'float32');
    for (const [name, spec] of Object.entries(parityCase.weights ?? {})) {
      symbols[name] = builder.weight(await backend.createWeight({ name, ...moved(spec) }));
    }
    for (const [name, symbol] of Object.entries(parityCase.record(symbols))) builder.output(name, symbol);
    const { description, weights } = builder.build();
    return new CaseRunner(backend, description, weights);
  }

  /** The operators of the program, those in loops too. */
  get operators(): string[] {
    const inside = (nodes: readonly ProgramNode[]): string[] =>
      nodes.flatMap((node) => ('body' in node ? ['repeat', ...inside(node.body.nodes)] : [node.op]));
    return inside(this.#description.nodes);
  }

  /** The outputs of each run of a new session. */
  async run(runs: readonly Tensors[]): Promise<Tensors[]> {
    const session = this.#program.createSession();
    const results: Tensors[] = [];
    try {
      for (const inputs of runs) results.push(await session.run(inputs));
    } finally {
      session.dispose();
    }
    return results;
  }

  /**
   * The outputs of the program's only operator when it is called directly, weights given as tensors; undefined where that
   * is not possible (states, several operators, bfloat16).
   */
  callDirectly(inputs: Tensors, weights: ParityCase['weights'] = {}): Tensors | undefined {
    const { nodes, states, outputs } = this.#description;
    const [node] = nodes;
    if (nodes.length !== 1 || !node || 'body' in node || states.length > 0) return undefined;
    if (Object.values(weights).some((spec) => 'dtype' in spec && spec.dtype === 'bfloat16')) return undefined;
    const values = new Map<number, TensorData>();
    for (const { id, name } of this.#description.inputs) values.set(id, inputs[name]!);
    for (const { id, weight } of this.#description.weights) {
      const { name } = this.#weights[weight]!.spec;
      const { rows, cols, data } = weightValue({ ...weights[name]!, name });
      values.set(id, { dtype: 'float32', rows, cols, data: Float32Array.from(data) });
    }
    const given = node.inputs.map((id) => (id === -1 ? null : values.get(id)!));
    const results = this.#backend.call(node.op, given, node.attributes);
    for (const [i, id] of node.outputs.entries()) values.set(id, results[i]!);
    return Object.fromEntries(outputs.map(({ name, id }) => [name, values.get(id)!]));
  }

  dispose(): void {
    this.#program.dispose();
    for (const weight of this.#weights) weight.dispose();
  }
}
