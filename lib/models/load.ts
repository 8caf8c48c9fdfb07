import type { Backend, WeightDType } from '../backend/backend.js';
import { type BackendOptions, createBackend } from '../backend/select.js';
import { TidemergeError } from '../errors.js';
import type { ModelConfig } from '../io/model-config.js';
import { show } from '../io/quote.js';
import type { WeightScope } from '../io/weight-scope.js';
import type { SparseActivations } from '../ops/sparse-linear.js';
import { type OpenModel, openModel } from './model-files.js';
import { ModelHost } from './model-host.js';
import { type LoadProgress, WeightLoader } from './weight-loader.js';

export interface LoadOptions extends BackendOptions {
  /** Precision of the large weights in memory, whatever the file has. Default 'float32'. */
  readonly dtype?: WeightDType | undefined;
  /** Rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: LoadProgress) => void) | undefined;
  /**
   * How sparse binary layers take their inputs: 'int8' rounds them and is faster. Default 'float32'. Other models have no
   * such layers.
   */
  readonly activations?: SparseActivations | undefined;
}

/** Everything the library must know of a model: one object per model, in its own folder. */
export interface ModelDefinition<Config, Weights, Model> {
  readonly name: string;
  /** The class in `architectures` of its configuration. */
  readonly architecture: string;
  /** Other classes that keep the same tensors. */
  readonly variants?: readonly string[];
  /** `chronos_pipeline_class` of its configuration, as far as that is stated. */
  readonly pipelineClass: string;
  /** Recognises the model by the names of its tensors. */
  matches(weights: WeightScope): boolean;
  readConfig(config: ModelConfig, weights: WeightScope): Config;
  /** Throws where the configuration contradicts the tensors. */
  checkConfig(config: ModelConfig, parsed: Config, weights: WeightScope): void;
  loadWeights(loader: WeightLoader, weights: WeightScope, config: Config): Promise<Weights>;
  create(host: ModelHost, config: Config, weights: Weights, options: LoadOptions): Model;
}

/**
 * Loads a model directory with the definition that `choose` gives for it. Errors: ERR_MODEL_NOT_FOUND, ERR_BAD_MODEL
 * (the message names file, key or tensor, what was expected and what was found), ERR_BAD_SAFETENSORS, ERR_UNSUPPORTED,
 * those of the backend, and the reason of an abort.
 */
export async function loadModel<Config, Weights, Model>(
  directory: string,
  choose: (files: OpenModel) => ModelDefinition<Config, Weights, Model>,
  options: LoadOptions = {},
): Promise<Model> {
  const dtype = checkDType(options.dtype ?? 'float32');
  options.signal?.throwIfAborted();
  const files = openModel(directory);
  try {
    const definition = choose(files);
    const config = definition.readConfig(files.config, files.weights);
    definition.checkConfig(files.config, config, files.weights);
    const backend = await createBackend(options);
    return await loadInto(backend, files, definition, config, { ...options, dtype });
  } finally {
    files.close();
  }
}

async function loadInto<Config, Weights, Model>(
  backend: Backend,
  files: OpenModel,
  definition: ModelDefinition<Config, Weights, Model>,
  config: Config,
  options: LoadOptions & { readonly dtype: WeightDType },
): Promise<Model> {
  const { dtype, signal, onProgress } = options;
  let loaded = 0;
  const report = (status: LoadProgress['status']) =>
    onProgress?.({ status, file: files.weightsFile, loaded, total: files.totalBytes });
  const onBytes = (count: number) => {
    // A tied tensor is read twice.
    loaded = Math.min(loaded + count, files.totalBytes);
    report('progress');
  };
  const loader = new WeightLoader(backend, { dtype, signal, onBytes });
  try {
    report('initiate');
    const weights = await definition.loadWeights(loader, files.weights, config);
    signal?.throwIfAborted();
    loaded = files.totalBytes;
    report('done');
    return definition.create(new ModelHost(backend, loader), config, weights, options);
  } catch (error) {
    loader.dispose();
    backend.dispose();
    throw error;
  }
}

/** For the class of one model: any other model in the directory is an error. */
export function only<Config, Weights, Model>(definition: ModelDefinition<Config, Weights, Model>) {
  return (files: OpenModel): ModelDefinition<Config, Weights, Model> => {
    if (!definition.matches(files.weights)) {
      throw new TidemergeError('ERR_BAD_MODEL', `${files.weightsFile}: expected the tensors of ${definition.name}`);
    }
    checkClasses(files.config, definition);
    return definition;
  };
}

/** The classes a configuration names, as far as it names any, are those of the model its tensors belong to. */
export function checkClasses(
  config: ModelConfig,
  {
    name,
    architecture,
    variants = [],
    pipelineClass,
  }: Pick<ModelDefinition<never, never, never>, 'name' | 'architecture' | 'variants' | 'pipelineClass'>,
): void {
  const because = `as the tensors are those of ${name}`;
  const classes = [architecture, ...variants];
  if (config.has('architectures') && !config.requireStrings('architectures').some((one) => classes.includes(one))) {
    throw config.error('architectures', `["${architecture}"], ${because}`);
  }
  if (config.has('chronos_pipeline_class') && config.requireString('chronos_pipeline_class') !== pipelineClass) {
    throw config.error('chronos_pipeline_class', `"${pipelineClass}", ${because}`);
  }
}

function checkDType(dtype: WeightDType): WeightDType {
  if (dtype !== 'float32' && dtype !== 'bfloat16') {
    throw new TidemergeError('ERR_INVALID_ARGUMENT', `dtype: expected 'float32' or 'bfloat16', got ${show(dtype)}`);
  }
  return dtype;
}
