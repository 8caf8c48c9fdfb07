import { createBackend } from '../../backend/select.js';
import { TidemergeError } from '../../errors.js';
import { show } from '../../io/quote.js';
import type { WeightScope } from '../../io/weight-scope.js';
import type { SparseActivations } from '../../ops/sparse-linear.js';
import { matrix } from '../../tensor/tensor.js';
import type { BackendInfo } from '../forecast-model.js';
import { type LoadOptions, loadModel, type ModelDefinition, only } from '../load.js';
import { ModelHost } from '../model-host.js';
import { WeightLoader } from '../weight-loader.js';
import { checkSbtWeights } from './check-weights.js';
import { sbtFromCheckpoint } from './checkpoint.js';
import { type CheckpointConfig, readCheckpointConfig } from './checkpoint-config.js';
import type { SbtConfig, SbtTask } from './config.js';
import { type ForwardInputs, type ForwardResult, forwardClasses, forwardSteps } from './forward.js';
import { type SbtHandles, uploadSbt } from './handles.js';
import type { NewestWay } from './newest-way.js';
import { recordClassify, recordNewest } from './programs.js';
import { readSbtConfig } from './read-config.js';
import { CachedStream, recordStep, type SbtStream, WindowStream } from './stream.js';
import { readSbtWeights } from './unpack.js';
import type { SbtWeights } from './weights.js';
import { type Windows, windowInputs } from './windows.js';

/** Inputs to the network: mean and scale of every variable. */
type Standardization = NonNullable<SbtWeights['standardization']>;

/**
 * A sparse binary transformer (Gorbett, Shirazi and Ray, "Sparse Binary Transformers for Multivariate Time Series
 * Modeling", arXiv 2308.04637), or a dense transformer of the same structure, for one of its three tasks:
 * classification of whole samples, anomaly detection and single-step forecasting. Step-T attention is evaluated exactly
 * and without computing what the mask hides.
 */
export class SbtModel {
  readonly name = 'sparse-binary-transformer';
  readonly config: SbtConfig;
  readonly activations: SparseActivations;
  readonly #host: ModelHost;
  readonly #weights: SbtHandles;
  readonly #standardization: Standardization | undefined;

  /** @internal Use `load` or `fromWeights`. */
  constructor(
    host: ModelHost,
    config: SbtConfig,
    weights: SbtHandles,
    { activations, standardization }: { activations: SparseActivations; standardization: Standardization | undefined },
  ) {
    this.#host = host;
    this.config = config;
    this.#weights = weights;
    if (activations !== 'float32' && activations !== 'int8') {
      const message = `activations: expected 'float32' or 'int8', got ${show(activations)}`;
      throw new TidemergeError('ERR_INVALID_ARGUMENT', message);
    }
    this.activations = activations;
    this.#standardization = standardization;
  }

  /** Loads a directory: a packed model, or a training checkpoint under its published names. */
  static load(directory: string, options: LoadOptions = {}): Promise<SbtModel> {
    return loadModel(directory, only(sbt), options);
  }

  /** A model of arrays in memory, which are copied. */
  static async fromWeights(config: SbtConfig, weights: SbtWeights, options: LoadOptions = {}): Promise<SbtModel> {
    const { dtype = 'float32', signal, activations = 'float32' } = options;
    checkSbtWeights('fromWeights', config, weights);
    const backend = await createBackend(options);
    const loader = new WeightLoader(backend, { dtype, signal });
    try {
      const handles = await uploadSbt(loader, weights, config);
      const { standardization } = weights;
      return new SbtModel(new ModelHost(backend, loader), config, handles, { activations, standardization });
    } catch (error) {
      loader.dispose();
      backend.dispose();
      throw error;
    }
  }

  get backend(): BackendInfo {
    return this.#host.info;
  }

  /** Past steps are the same in every window they stand in, and are computed once for all of a run. */
  get sharesPast(): boolean {
    return this.#weights.newestWay === 'shared';
  }

  /** One pass over samples or windows [batch, steps, variables], in units of the data. */
  forward(
    inputs: ForwardInputs,
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<ForwardResult> {
    return this.config.task === 'classification'
      ? forwardClasses(this, inputs, signal)
      : forwardSteps(this, inputs, signal);
  }

  /** Rows of samples as the network takes them: (x - mean) / scale, rounded to float32 once. */
  standardize(values: ArrayLike<number>): Float32Array<ArrayBuffer> {
    if (!this.#standardization) return new Float32Array(values);
    const { mean, scale } = this.#standardization;
    const count = mean.length;
    const out = new Float32Array(values.length);
    for (let row = 0; row < out.length; row += count) {
      for (let v = 0; v < count; v++) out[row + v] = (values[row + v]! - mean[v]!) / scale[v]!;
    }
    return out;
  }

  /** The way back, for forecasts. */
  restore(values: Float32Array): Float32Array<ArrayBuffer> {
    if (!this.#standardization) return values.slice();
    const { mean, scale } = this.#standardization;
    const count = mean.length;
    return values.map((value, i) => value * scale[i % count]! + mean[i % count]!);
  }

  /** Decoder outputs [batch, classes] of standardised samples [rows, variables], sample b from row offsets[b] on. */
  async logits(samples: Float32Array, offsets: Int32Array, signal?: AbortSignal): Promise<Float32Array> {
    const batch = offsets.length - 1;
    if (batch === 0) return new Float32Array(0);
    const rows = offsets[batch]!;
    const positions = new Int32Array(rows);
    for (let b = 0; b < batch; b++) for (let r = offsets[b]!; r < offsets[b + 1]!; r++) positions[r] = r - offsets[b]!;
    const inputs = {
      samples: matrix(samples, this.config.numVariables),
      offsets: matrix(offsets),
      positions: matrix(positions),
      whole: matrix(new Int32Array(rows)),
    };
    const out = await this.#host.run(
      'classify',
      (builder) => recordClassify(builder, this.#weights, this),
      inputs,
      signal,
    );
    return out.logits!.data as Float32Array;
  }

  /** What the model makes of the newest step of every window over standardised samples: [windows, outputs]. */
  async newest(samples: Float32Array, windows: Windows, signal?: AbortSignal): Promise<Float32Array> {
    if (windows.newest.length === 0) return new Float32Array(0);
    const inputs = {
      samples: matrix(samples, this.config.numVariables),
      ...windowInputs(this.#weights.newestWay, windows),
    };
    const out = await this.#host.run('newest', (builder) => recordNewest(builder, this.#weights, this), inputs, signal);
    return out.newest!.data as Float32Array;
  }

  /** Why a stream cannot keep what it computed of past steps; undefined where it can. */
  get notCached(): string | undefined {
    const reasons: Record<NewestWay, string | undefined> = {
      full: 'with full attention a past step changes with every later one',
      mixed: 'its norms mix the steps of a window',
      windows: 'a past step depends on its place in the window',
      shared: undefined,
    };
    return reasons[this.#weights.newestWay];
  }

  /** Sample by sample, with what is known of past steps kept or the window computed anew. The caller disposes of it. */
  stream(cached: boolean): SbtStream {
    const { config } = this;
    if (!cached) {
      const session = this.#host.open('newest', (builder) => recordNewest(builder, this.#weights, this), []);
      return new WindowStream(session, this.#weights.newestWay, config);
    }
    const session = this.#host.open('step', (builder) => recordStep(builder, this.#weights, this), []);
    return new CachedStream(session, config);
  }

  dispose(): void {
    this.#host.dispose();
  }
}

interface Loaded {
  readonly handles: SbtHandles;
  readonly standardization: Standardization | undefined;
}

function isPacked({ metadata }: WeightScope): boolean {
  return metadata.has('sbt.version');
}

export const sbt: ModelDefinition<CheckpointConfig, Loaded, SbtModel> = {
  name: 'sparse-binary-transformer',
  architecture: 'SparseBinaryTransformer',
  pipelineClass: 'none',
  matches: (weights) => isPacked(weights) || weights.has('transformer_encoder.layers.0.self_attn.linear_Q.weight'),
  readConfig: (file, weights) =>
    isPacked(weights)
      ? { config: readSbtConfig(file), normKeepRatio: 1, standardization: undefined }
      : readCheckpointConfig(file, weights),
  checkConfig: () => {},
  loadWeights: async (loader, scope, { config, normKeepRatio, standardization }) => {
    const weights = isPacked(scope)
      ? readSbtWeights(config, scope)
      : { ...sbtFromCheckpoint(config, scope, { normKeepRatio }), standardization };
    return { handles: await uploadSbt(loader, weights, config), standardization: weights.standardization };
  },
  create: (host, { config }, { handles, standardization }, { activations = 'float32' }) =>
    new SbtModel(host, config, handles, { activations, standardization }),
};

const LOADED_WITH: Readonly<Record<SbtTask, string>> = {
  classification: 'Classifier',
  'anomaly-detection': 'AnomalyDetector',
  forecasting: 'Forecaster',
};

/** The definition for one task; a model trained for another one is ERR_UNSUPPORTED. */
export function sbtFor(task: SbtTask): typeof sbt {
  return {
    ...sbt,
    readConfig: (file, weights) => {
      const read = sbt.readConfig(file, weights);
      const { task: own } = read.config;
      if (own === task) return read;
      const message = `${file.file}: task: expected ${task}, got ${own}: load it with ${LOADED_WITH[own]}`;
      throw new TidemergeError('ERR_UNSUPPORTED', message);
    },
  };
}
