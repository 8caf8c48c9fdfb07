import { squaredErrors } from '../models/sbt/forward.js';
import type { SbtModel } from '../models/sbt/model.js';
import type { SbtStream } from '../models/sbt/stream.js';
import { copyOne, type MultivariateSeries } from './multivariate.js';

const FIRST = Int32Array.of(0);

/**
 * Scores of a series that comes sample by sample: those that `detector.score` gives for the whole of it, to the bit, or
 * within rounding where past steps are kept (with int8 activations the rounding of those).
 */
export class AnomalyStream {
  /** Whether what is computed of past steps is kept. */
  readonly cached: boolean;
  readonly #model: SbtModel;
  readonly #stream: SbtStream;
  /** Samples since the last one with a missing value. */
  #complete = 0;

  /** @internal Use `detector.stream`. */
  constructor(model: SbtModel, cached: boolean) {
    this.cached = cached;
    this.#model = model;
    this.#stream = model.stream(cached);
  }

  /**
   * The score of the window that ends with this sample, at once, on the calling thread; NaN until there are windowLength
   * samples and while one of the window has a missing value (NaN or null). Errors: ERR_INVALID_ARGUMENT,
   * ERR_INVALID_SHAPE, ERR_INVALID_DTYPE, ERR_BAD_DATA, ERR_DISPOSED; after any of them the stream is where it was.
   */
  push(sample: MultivariateSeries['data']): number {
    const { numVariables, windowLength } = this.#model.config;
    const { values } = copyOne({ data: sample, shape: [1, numVariables] }, 'push', numVariables);
    const complete = values.some(Number.isNaN) ? 0 : this.#complete + 1;
    const standardized = this.#model.standardize(values);
    for (let v = 0; v < standardized.length; v++) if (Number.isNaN(standardized[v])) standardized[v] = 0;
    const newest = this.#stream.push(standardized, complete >= windowLength);
    this.#complete = complete;
    return newest ? squaredErrors(newest, standardized, FIRST, numVariables)[0]! : NaN;
  }

  /** Later pushes are ERR_DISPOSED. */
  dispose(): void {
    this.#stream.dispose();
  }
}
