import type { Backend, ProgramHandle, Session } from '../backend/backend.js';
import { ProgramBuilder } from '../backend/program.js';
import { TidemergeError } from '../errors.js';
import type { TensorData } from '../tensor/tensor.js';
import type { BackendInfo } from './forecast-model.js';
import type { WeightLoader } from './weight-loader.js';

export type Inputs = Readonly<Record<string, TensorData>>;
export type Outputs = Record<string, TensorData>;

interface Recorded {
  readonly program: ProgramHandle;
  readonly session: Session;
  readonly hasStates: boolean;
}

/** Programs that are kept; the least recently used one goes when a model is run with ever new options. */
const MAX_PROGRAMS = 16;

/** What every loaded model holds: its backend, its weights there, and the programs recorded so far. */
export class ModelHost {
  readonly backend: Backend;
  readonly #weights: WeightLoader;
  readonly #programs = new Map<string, Recorded>();
  #running = 0;
  #disposed = false;

  /** Owns both: `dispose` releases them. */
  constructor(backend: Backend, weights: WeightLoader) {
    this.backend = backend;
    this.#weights = weights;
  }

  get info(): BackendInfo {
    const { name, isa, threads } = this.backend;
    return { name, isa, threads };
  }

  /** Runs the program of this key, recording it first when it is new. */
  async run(
    key: string,
    record: (builder: ProgramBuilder) => void,
    inputs: Inputs,
    signal?: AbortSignal | undefined,
  ): Promise<Outputs> {
    if (this.#disposed) throw new TidemergeError('ERR_DISPOSED', 'model: used after dispose()');
    signal?.throwIfAborted();
    const { session, hasStates } = this.#recorded(key, record);
    this.#running++;
    try {
      return await session.run(inputs, { signal });
    } finally {
      this.#running--;
      // No run continues another one here, and a decoder's cache can be the largest thing there is.
      if (hasStates && this.#running === 0) session.reset();
      if (this.#disposed && this.#running === 0) this.#release();
    }
  }

  /**
   * A session of its own on the program of this key, for a caller that goes on from run to run; `kept` as in
   * `createSession`. The caller disposes of it; after `dispose` of the host its runs throw ERR_DISPOSED.
   */
  open(key: string, record: (builder: ProgramBuilder) => void, kept: readonly string[]): Session {
    if (this.#disposed) throw new TidemergeError('ERR_DISPOSED', 'model: used after dispose()');
    return this.#recorded(key, record).program.createSession(kept);
  }

  /** Runs that have begun are finished first. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    if (this.#running === 0) this.#release();
  }

  #recorded(key: string, record: (builder: ProgramBuilder) => void): Recorded {
    let recorded = this.#programs.get(key);
    if (recorded) {
      this.#programs.delete(key);
    } else {
      const builder = new ProgramBuilder();
      record(builder);
      const { description, weights } = builder.build();
      const program = this.backend.createProgram(description, weights);
      recorded = { program, session: program.createSession(), hasStates: description.states.length > 0 };
    }
    // Maps iterate in insertion order: the first one is the least recently used.
    this.#programs.set(key, recorded);
    if (this.#programs.size > MAX_PROGRAMS && this.#running === 0) {
      const [oldest] = this.#programs.keys();
      if (oldest !== undefined) this.#forget(oldest);
    }
    return recorded;
  }

  #forget(key: string): void {
    const recorded = this.#programs.get(key);
    this.#programs.delete(key);
    recorded?.session.dispose();
    recorded?.program.dispose();
  }

  #release(): void {
    for (const key of [...this.#programs.keys()]) this.#forget(key);
    this.#weights.dispose();
    this.backend.dispose();
  }
}
