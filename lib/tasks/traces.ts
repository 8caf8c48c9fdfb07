import type { SeriesTrace } from '../merging/trace.js';
import type { ForecastModel, RunOptions } from '../models/forecast-model.js';
import type { Pass } from './batching.js';
import type { MergeTrace } from './forecasts.js';
import type { BatchRequest } from './options.js';

/** Gathers what the passes of a call trace, by series of the call. */
export class Traces {
  readonly #model: ForecastModel;
  readonly #wanted: boolean;
  readonly #list: (MergeTrace | undefined)[];

  constructor(model: ForecastModel, { merging }: BatchRequest, count: number) {
    this.#model = model;
    this.#wanted = merging?.trace ?? false;
    this.#list = new Array<MergeTrace | undefined>(this.#wanted ? count : 0).fill(undefined);
  }

  /** A request with this as receiver of the traces of a pass. */
  of<R extends object>(request: R, { offsets, indices }: Pass): R & Pick<RunOptions, 'onTrace'> {
    if (!this.#wanted) return request;
    const onTrace = (traces: readonly SeriesTrace[]) => {
      for (const [b, trace] of traces.entries()) {
        const values = (offsets[b + 1] as number) - (offsets[b] as number);
        this.#list[indices[b] as number] = { ...trace, spans: this.#spans(trace, values) };
      }
    };
    return { ...request, onTrace };
  }

  /** As a part of a result. */
  get result(): { readonly trace?: readonly (MergeTrace | undefined)[] } {
    return this.#wanted ? { trace: this.#list } : {};
  }

  #spans({ positions }: SeriesTrace, values: number): Int32Array {
    const spans = new Int32Array(2 * positions.length);
    for (const [i, position] of positions.entries()) {
      spans.set(this.#model.tokenSpan(position, values) ?? [-1, -1], 2 * i);
    }
    return spans;
  }
}
