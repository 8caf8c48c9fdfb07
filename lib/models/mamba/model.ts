import type { ProgramBuilder } from '../../backend/program.js';
import type { MergingTarget } from '../../merging/options.js';
import type { BackendInfo } from '../forecast-model.js';
import { type LoadOptions, loadModel, type ModelDefinition, only } from '../load.js';
import { type Mamba2Config, readMamba2Config } from '../mamba2/config.js';
import { loadMamba2Weights } from '../mamba2/weights.js';
import type { OpenModel } from '../model-files.js';
import type { ModelHost, Outputs } from '../model-host.js';
import { stackMerging } from '../stack-merging.js';
import { type BatchTokens, readTokens } from '../token-batch.js';
import {
  classLogits,
  expectSeriesTokens,
  formInputs,
  keyOf,
  readFlag,
  readForm,
  readOutputs,
  tokenRows,
} from '../token-forward.js';
import { type MambaConfig, readMambaConfig } from './config.js';
import { lastInputs, type MambaForward, type MambaInputs, readHeadLogits, readLogits, spreadLast } from './forward.js';
import { type ForwardForm, recordForward } from './programs.js';
import { readState, type StateSizes, stateInputs, stateNames, stateSizes } from './state.js';
import { MambaStream, readBatch, refuseMerging, type StreamOptions } from './stream.js';
import { loadMambaWeights, type MambaWeights } from './weights.js';

/**
 * Mamba (Gu and Dao 2023, arXiv 2312.00752) and Mamba-2 (Dao and Gu 2024, arXiv 2405.21060) as language models: the published
 * classes MambaForCausalLM and Mamba2ForCausalLM of transformers, MambaLMHeadModel of state-spaces/mamba. A checkpoint
 * may have a classifier of whole sequences too: `score` or `classifier`, a linear layer on the mean of all tokens.
 */
export class MambaModel {
  readonly config: MambaConfig | Mamba2Config;
  readonly #host: ModelHost;
  readonly #weights: MambaWeights;
  readonly #state: StateSizes;

  /** @internal Use `load`. */
  constructor(host: ModelHost, config: MambaConfig | Mamba2Config, weights: MambaWeights) {
    this.#host = host;
    this.config = config;
    this.#weights = weights;
    this.#state = stateSizes(config);
  }

  /** config.json and safetensors, with the keys and names of either publisher. */
  static load(directory: string, options: LoadOptions = {}): Promise<MambaModel> {
    return loadModel(directory, choose, options);
  }

  /** 'mamba' or 'mamba2' */
  get name(): string {
    return this.config.model;
  }

  get backend(): BackendInfo {
    return this.#host.info;
  }

  /** Classes of the checkpoint's classifier; undefined where it has none. */
  get labels(): number | undefined {
    return this.#weights.classifier?.labels;
  }

  get mergingTarget(): MergingTarget {
    return stackMerging(this.name, this.config.numLayers);
  }

  /**
   * One pass over whole sequences. What a series gives depends on its own tokens only, bit for bit: not on padding, batch
   * mates or threads; a NaN stays in its series. Errors: ERR_INVALID_ARGUMENT (also for an id outside the vocabulary),
   * ERR_INVALID_SHAPE, ERR_INVALID_DTYPE, ERR_DETACHED_BUFFER, ERR_UNSUPPORTED, ERR_DISPOSED.
   */
  async forward(
    inputs: MambaInputs,
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<MambaForward> {
    const { hiddenSize: width, numLayers } = this.config;
    const tokens = readTokens('forward', inputs, width, inputs.attentionMask);
    const form = {
      ...readForm(inputs, tokens, this.mergingTarget),
      state: inputs.state !== undefined,
      logits: readHeadLogits(inputs, this.#weights.classifier),
    };
    if (form.logits === 'classes') expectSeriesTokens(tokens);
    const given = {
      ...formInputs(tokens, form),
      ...(inputs.state && stateInputs('forward', inputs.state, this.#state, tokens.batch)),
      ...(form.logits === 'last' && lastInputs(tokens)),
    };
    const out = await this.#host.run(keyOf(form), (builder) => this.#record(builder, form), given, signal);
    return {
      ...this.#logits(out, tokens, form),
      state: readState(out, this.#state, tokens.batch),
      ...readOutputs(out, tokens, form, { numLayers, width }),
    };
  }

  /**
   * A stream of tokens, fed by synchronous calls. Merging is ERR_UNSUPPORTED: which pairs merge is only known once later
   * tokens are there.
   */
  stream(options: StreamOptions = {}): MambaStream {
    const { vocabSize, hiddenSize } = this.config;
    const { state } = options;
    const form = {
      ...{ padded: false, state: true, blocks: false, unmerge: true, merging: undefined },
      logits: readLogits('stream', options.logits ?? 'last'),
      features: readFlag('stream', 'lastHiddenState', options.lastHiddenState, false),
    };
    refuseMerging(options);
    return new MambaStream(
      {
        ...{ hiddenSize, vocabSize, sizes: this.#state, logits: form.logits },
        batch: readBatch(options.batch ?? state?.conv?.shape?.[1] ?? 1),
        open: (embeds) => {
          const own = { ...form, embeds };
          return this.#host.open(keyOf(own), (builder) => this.#record(builder, own), stateNames(this.#state));
        },
      },
      state,
    );
  }

  /** Runs that have begun are finished first. */
  dispose(): void {
    this.#host.dispose();
  }

  #record(builder: ProgramBuilder, form: ForwardForm): void {
    recordForward(builder, { ...this.config, state: this.#state }, this.#weights, form);
  }

  #logits(out: Outputs, tokens: BatchTokens, form: ForwardForm): Pick<MambaForward, 'logits'> {
    const { vocabSize } = this.config;
    const { classifier } = this.#weights;
    if (form.logits === 'all') return { logits: tokenRows(out, 'logits', tokens, form, vocabSize) };
    if (form.logits === 'last') return { logits: spreadLast(out.logits!.data as Float32Array, tokens, vocabSize) };
    return form.logits === 'classes' && classifier ? { logits: classLogits(out, tokens, form, classifier) } : {};
  }
}

export const mamba: ModelDefinition<MambaConfig, MambaWeights, MambaModel> = {
  name: 'mamba',
  architecture: 'MambaForCausalLM',
  variants: ['MambaForSequenceClassification'],
  pipelineClass: 'none',
  matches: (weights) => weights.has('backbone.layers.0.mixer.x_proj.weight'),
  readConfig: readMambaConfig,
  // Every tensor is taken with the shape the configuration asks for.
  checkConfig: () => {},
  loadWeights: loadMambaWeights,
  create: (host, config, weights) => new MambaModel(host, config, weights),
};

/** By the names of the tensors; the classes a configuration names must agree. */
function choose(files: OpenModel): MambaDefinition {
  return mamba2.matches(files.weights) ? only(mamba2)(files) : only(mamba)(files);
}

// biome-ignore lint/suspicious/noExplicitAny: the configuration is between a definition and itself
type MambaDefinition = ModelDefinition<any, MambaWeights, MambaModel>;

export const mamba2: ModelDefinition<Mamba2Config, MambaWeights, MambaModel> = {
  name: 'mamba2',
  architecture: 'Mamba2ForCausalLM',
  variants: ['Mamba2ForSequenceClassification'],
  pipelineClass: 'none',
  matches: (weights) => weights.has('backbone.layers.0.mixer.dt_bias'),
  readConfig: readMamba2Config,
  checkConfig: () => {},
  loadWeights: loadMamba2Weights,
  create: (host, config, weights) => new MambaModel(host, config, weights),
};
