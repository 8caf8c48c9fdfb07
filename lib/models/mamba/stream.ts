import type { Session } from '../../backend/backend.js';
import { TidemergeError } from '../../errors.js';
import { show } from '../../io/quote.js';
import type { Tensor } from '../../tensor/tensor.js';
import type { Inputs } from '../model-host.js';
import { readTokens, type TokenInputs } from '../token-batch.js';
import { lastInputs, type WantedLogits } from './forward.js';
import { emptyState, type MambaState, readState, type StateSizes, stateInputs } from './state.js';

/** Of one series: an id, ids, or embedded tokens one behind the other. Of several: tensors, as many tokens of each. */
export type StreamTokens = number | Int32Array | Float32Array | TokenInputs;

/** b series, n tokens pushed. */
export interface StreamOutputs {
  /** 'last': [b, 1, v], 'all': [b, n, v] */
  readonly logits?: Tensor<Float32Array>;
  /** [b, n, hidden]: the rows behind the final norm. */
  readonly lastHiddenState?: Tensor<Float32Array>;
}

export interface StreamOptions {
  /** Go on from here. */
  readonly state?: MambaState | undefined;
  /** Series that are pushed together. Default: those of the state, or 1. */
  readonly batch?: number | undefined;
  /** Default 'last'. */
  readonly logits?: WantedLogits | undefined;
  /** Default false. */
  readonly lastHiddenState?: boolean | undefined;
}

/** What a stream must know of its model. */
export interface StreamedModel {
  readonly hiddenSize: number;
  readonly vocabSize: number;
  readonly sizes: StateSizes;
  readonly batch: number;
  readonly logits: WantedLogits;
  /** A session whose kept values are the states; its outputs are logits and features. */
  open(embeds: boolean): Session;
}

/**
 * A model fed token by token. `push` computes at once, on the calling thread: a step takes less time than a promise. What
 * it gives is what one pass over all tokens so far would give, however they were cut; memory and time of a step do not grow.
 */
export class MambaStream {
  readonly #model: StreamedModel;
  #session: { readonly embeds: boolean; readonly own: Session } | undefined;
  /** Where the first session begins: copies. */
  readonly #first: Inputs;
  #pushing = false;
  #disposed = false;

  /** @internal Use `model.stream`. */
  constructor(model: StreamedModel, state: MambaState | undefined) {
    this.#model = model;
    const { sizes, batch } = model;
    this.#first = stateInputs('stream', state ?? emptyState(sizes, batch), sizes, batch);
  }

  get batch(): number {
    return this.#model.batch;
  }

  /**
   * The next tokens. Errors: ERR_INVALID_ARGUMENT (also for an id outside the vocabulary, and inside another `push`),
   * ERR_INVALID_SHAPE, ERR_INVALID_DTYPE, ERR_DETACHED_BUFFER, ERR_DISPOSED, ERR_OUT_OF_MEMORY; after any of them the stream is
   * where it was.
   */
  push(tokens: StreamTokens): StreamOutputs {
    this.#expectAlive();
    if (this.#pushing) throw new TidemergeError('ERR_INVALID_ARGUMENT', 'push: called from inside another push()');
    this.#pushing = true;
    try {
      return this.#push(tokens);
    } finally {
      this.#pushing = false;
    }
  }

  /** A copy of what the stream remembers; `model.stream({ state })` goes on from it, here or elsewhere. */
  get state(): MambaState {
    this.#expectAlive();
    const { sizes, batch } = this.#model;
    return readState(this.#session?.own.kept() ?? this.#first, sizes, batch);
  }

  /** Later uses are ERR_DISPOSED. */
  dispose(): void {
    this.#disposed = true;
    this.#session?.own.dispose();
    this.#session = undefined;
  }

  #push(given: StreamTokens): StreamOutputs {
    const { batch, logits, hiddenSize, vocabSize } = this.#model;
    const tokens = readTokens('push', tensorsOf(given, hiddenSize), hiddenSize);
    const { length } = tokens;
    if (tokens.batch !== batch || length === 0) {
      const shape = `[${tokens.batch}, ${length}]`;
      throw new TidemergeError('ERR_INVALID_SHAPE', `push: expected tokens [${batch}, at least 1], got ${shape}`);
    }
    const out = this.#sessionFor(tokens.embeds).runSync({
      ...tokens.inputs,
      ...(logits === 'last' && lastInputs(tokens)),
    });
    const floats = (name: string) => out[name]!.data as Float32Array;
    return {
      ...(out.logits && {
        logits: { data: floats('logits'), shape: [batch, logits === 'last' ? 1 : length, vocabSize] },
      }),
      ...(out.features && { lastHiddenState: { data: floats('features'), shape: [batch, length, hiddenSize] } }),
    };
  }

  /** Ids and embedded tokens have programs of their own; the state changes over with them. */
  #sessionFor(embeds: boolean): Session {
    this.#expectAlive();
    if (this.#session?.embeds === embeds) return this.#session.own;
    const own = this.#model.open(embeds);
    own.keep(this.#session?.own.kept() ?? this.#first);
    this.#session?.own.dispose();
    this.#session = { embeds, own };
    return own;
  }

  #expectAlive(): void {
    if (this.#disposed) throw new TidemergeError('ERR_DISPOSED', 'stream: used after dispose()');
  }
}

/** Series of a stream. */
export function readBatch(batch: number): number {
  if (Number.isSafeInteger(batch) && batch >= 1) return batch;
  throw new TidemergeError('ERR_INVALID_ARGUMENT', `stream: batch: expected an integer >= 1, got ${show(batch)}`);
}

/** Also for those who do not write TypeScript. */
export function refuseMerging(options: StreamOptions): void {
  const { merging } = options as { readonly merging?: unknown };
  if (merging === undefined || merging === false) return;
  throw new TidemergeError(
    'ERR_UNSUPPORTED',
    'stream: merging: a token may merge with one that has not come yet, and r and ratio choose among all pairs; ' +
      'merge in forward() and go on from its state',
  );
}

function tensorsOf(tokens: StreamTokens, hiddenSize: number): TokenInputs {
  if (typeof tokens === 'number') {
    const id = Int32Array.of(tokens);
    if (id[0] !== tokens) throw invalid('an id', tokens);
    return { inputIds: { data: id, shape: [1, 1] } };
  }
  if (tokens instanceof Int32Array) return { inputIds: { data: tokens, shape: [1, tokens.length] } };
  if (tokens instanceof Float32Array) {
    return { inputsEmbeds: { data: tokens, shape: [1, Math.ceil(tokens.length / hiddenSize), hiddenSize] } };
  }
  if (typeof tokens === 'object' && tokens !== null) return tokens;
  throw invalid('ids or embedded tokens', tokens);
}

function invalid(expected: string, got: unknown): TidemergeError {
  return new TidemergeError('ERR_INVALID_ARGUMENT', `push: expected ${expected}, got ${show(got)}`);
}
