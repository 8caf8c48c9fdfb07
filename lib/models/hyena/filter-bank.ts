import type { Backend, WeightHandle } from '../../backend/backend.js';
import type { HyenaFilterConfig } from './config.js';
import { evaluateFilter } from './filter.js';
import type { HyenaFilterWeights } from './filter-weights.js';

/** Lengths are rounded up to a multiple, so that a little longer sequence finds its filter there. */
const STEP = 1024;
/** Least growth of a filter that is too short: sequences that get longer one by one cost no more than a few times the last. */
const GROWTH = 1.5;

/**
 * The filters of all blocks, evaluated for the longest sequence so far and kept: that of a shorter sequence, or of merged
 * tokens, is its beginning.
 */
export class FilterBank {
  readonly #backend: Backend;
  readonly #blocks: readonly HyenaFilterWeights[];
  readonly #config: HyenaFilterConfig;
  readonly #maxLength: number;
  #length = 0;
  #handles: readonly WeightHandle[] = [];
  /** Ends when the last evaluation that was asked for does; never rejects. */
  #queue: Promise<void> = Promise.resolve();

  constructor(backend: Backend, blocks: readonly HyenaFilterWeights[], config: HyenaFilterConfig, maxLength: number) {
    this.#backend = backend;
    this.#blocks = blocks;
    this.#config = config;
    this.#maxLength = maxLength;
  }

  /** Positions the filters have now. */
  get length(): number {
    return this.#length;
  }

  /** By block: float32 [length, channels]. To be put into a program before anything else is awaited. */
  get handles(): readonly WeightHandle[] {
    return this.#handles;
  }

  /** Resolves when the filters have at least so many positions, at most those the model was made for. */
  cover(length: number, signal?: AbortSignal | undefined): Promise<void> {
    const turn = this.#queue.then(() => this.#grow(length, signal));
    this.#queue = turn.catch(() => {});
    return turn;
  }

  /** When nothing is being evaluated any more. Programs that use the filters keep their memory. */
  dispose(): void {
    this.#replace([], 0);
  }

  async #grow(wanted: number, signal: AbortSignal | undefined): Promise<void> {
    if (wanted <= this.#length) return;
    const rounded = Math.ceil(wanted / STEP) * STEP;
    const length = Math.min(this.#maxLength, Math.max(rounded, Math.ceil(GROWTH * this.#length)));
    const handles: WeightHandle[] = [];
    try {
      for (const [i, block] of this.#blocks.entries()) handles.push(await this.#evaluate(block, i, length, signal));
    } catch (error) {
      for (const handle of handles) handle.dispose();
      throw error;
    }
    this.#replace(handles, length);
  }

  async #evaluate(weights: HyenaFilterWeights, block: number, length: number, signal: AbortSignal | undefined) {
    const data = await evaluateFilter(this.#backend, weights, this.#config, length, signal);
    const shape = [length, weights.decays.length] as const;
    return this.#backend.createWeight({ name: `filter.${block}`, kind: 'vector', dtype: 'float32', shape, data });
  }

  #replace(handles: readonly WeightHandle[], length: number): void {
    for (const handle of this.#handles) handle.dispose();
    this.#handles = handles;
    this.#length = length;
  }
}
