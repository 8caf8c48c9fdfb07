import { TidemergeError } from '../errors.js';
import { show } from '../io/quote.js';
import type { BackendInfo } from '../models/forecast-model.js';
import { type LoadOptions, loadModel, only } from '../models/load.js';
import { logSoftmax } from '../models/sbt/forward.js';
import { type SbtModel, sbtFor } from '../models/sbt/model.js';
import type { Tensor } from '../tensor/tensor.js';
import { resolveModel } from './embedded.js';
import { copyOne, expectComplete, listed, type MultivariateInputs, type StepRows } from './multivariate.js';
import { TaskQueue } from './queue.js';

export interface ClassifyOptions {
  /** Labels given for every sample, best first. Default 1; more than there are classes gives all. */
  readonly topK?: number | undefined;
  /** Rejects with the signal's reason, before or during the run. */
  readonly signal?: AbortSignal | undefined;
}

export interface Classification {
  /** By sample: the names of its most probable classes, best first. */
  readonly labels: readonly (readonly string[])[];
  /** By sample: the probabilities of those classes. */
  readonly scores: readonly Float64Array[];
  /** [samples, classes], in the order of `classifier.labels`: what the softmax is taken of. */
  readonly logits: Tensor<Float32Array>;
}

/** Steps that are run together: what is computed of them stays in the caches. */
const MAX_ROWS = 2048;

/**
 * Classifies whole samples of several variables with a pretrained model. A sample may be shorter than the model's window;
 * it is computed with the steps it has, never padded. A missing value is an error (ERR_BAD_DATA). Calls are run one after
 * the other, first in, first out; inputs are copied before a call returns. A result depends on the sample alone.
 */
export class Classifier {
  readonly #model: SbtModel;
  readonly #queue = new TaskQueue('classifier');

  private constructor(model: SbtModel) {
    this.#model = model;
  }

  /** Loads a model directory. Errors as of `Forecaster.fromPretrained`; ERR_UNSUPPORTED for a model of another task. */
  static async fromPretrained(directory: string, options: LoadOptions = {}): Promise<Classifier> {
    return new Classifier(await loadModel(resolveModel(directory), only(sbtFor('classification')), options));
  }

  /** Names of the classes, in the order of the logits; their numbers where the model has no names. */
  get labels(): readonly string[] {
    const { labels, outputSize } = this.#model.config;
    return labels ?? Array.from({ length: outputSize }, (_, c) => String(c));
  }

  get modelName(): string {
    return this.#model.name;
  }

  /** Variables of a sample. */
  get numVariables(): number {
    return this.#model.config.numVariables;
  }

  /** Most steps of a sample. */
  get windowLength(): number {
    return this.#model.config.windowLength;
  }

  get backend(): BackendInfo {
    return this.#model.backend;
  }

  /** ERR_INVALID_SHAPE for samples of other variables, of no step, or of more steps than the model's window. */
  async classify(inputs: MultivariateInputs, { topK = 1, signal }: ClassifyOptions = {}): Promise<Classification> {
    if (!Number.isSafeInteger(topK) || topK < 1) {
      throw new TidemergeError('ERR_INVALID_ARGUMENT', `topK: expected an integer >= 1, got ${show(topK)}`);
    }
    const samples = listed(inputs).map(({ series, who }) => this.#copy(series, who));
    return this.#queue.run(async () => {
      const classes = this.#model.config.outputSize;
      const logits = new Float32Array(samples.length * classes);
      for (let from = 0; from < samples.length; ) {
        signal?.throwIfAborted();
        const to = passEnd(samples, from);
        logits.set(await this.#logits(samples.slice(from, to), signal), from * classes);
        from = to;
      }
      return ranked(logits, this.labels, topK);
    }, signal);
  }

  /** Lets the running call finish, rejects waiting and later ones with ERR_DISPOSED, and releases the model. */
  async dispose(): Promise<void> {
    await this.#queue.close();
    this.#model.dispose();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  #copy(series: unknown, who: string): StepRows {
    const sample = copyOne(series, who, this.numVariables);
    const most = this.windowLength;
    if (sample.length < 1 || sample.length > most) {
      const message = `${who}: expected 1 to ${most} steps, got ${sample.length}`;
      throw new TidemergeError('ERR_INVALID_SHAPE', message);
    }
    expectComplete(sample, who, this.numVariables);
    return sample;
  }

  #logits(samples: readonly StepRows[], signal: AbortSignal | undefined): Promise<Float32Array> {
    const offsets = new Int32Array(samples.length + 1);
    for (const [b, { length }] of samples.entries()) offsets[b + 1] = offsets[b]! + length;
    const values = new Float64Array(offsets.at(-1)! * this.numVariables);
    for (const [b, sample] of samples.entries()) values.set(sample.values, offsets[b]! * this.numVariables);
    return this.#model.logits(this.#model.standardize(values), offsets, signal);
  }
}

function passEnd(samples: readonly StepRows[], from: number): number {
  let end = from + 1;
  let rows = samples[from]!.length;
  while (end < samples.length && rows + samples[end]!.length <= MAX_ROWS) rows += samples[end++]!.length;
  return end;
}

function ranked(logits: Float32Array, names: readonly string[], topK: number): Classification {
  const classes = names.length;
  const logarithms = logSoftmax(logits, classes);
  const best = Array.from({ length: logits.length / classes }, (_, b) => {
    const row = logits.subarray(b * classes, (b + 1) * classes);
    // Of equal ones the first.
    return [...row.keys()].sort((i, j) => row[j]! - row[i]! || i - j).slice(0, topK);
  });
  return {
    labels: best.map((list) => list.map((c) => names[c]!)),
    scores: best.map((list, b) => Float64Array.from(list, (c) => Math.exp(logarithms[b * classes + c]!))),
    logits: { data: logits, shape: [best.length, classes] },
  };
}
