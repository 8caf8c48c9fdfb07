import type { ProgramBuilder } from '../../backend/program.js';
import { type MergingTarget, readMerging } from '../../merging/options.js';
import { readTrace } from '../../merging/trace.js';
import { elementCount, matrix, type Tensor } from '../../tensor/tensor.js';
import { mergedPlaces, rectangle } from '../chronos-t5/merged-states.js';
import type { BackendInfo } from '../forecast-model.js';
import { type LoadOptions, loadModel, type ModelDefinition, only } from '../load.js';
import { type Mamba2Config, readMamba2Config } from '../mamba2/config.js';
import { loadMamba2Weights } from '../mamba2/weights.js';
import type { OpenModel } from '../model-files.js';
import type { ModelHost, Outputs } from '../model-host.js';
import { poolScores } from '../pooled-scores.js';
import { type MambaConfig, readMambaConfig } from './config.js';
import {
  expectSeriesTokens,
  type ForwardInputs,
  lastInputs,
  type MambaForward,
  readFlag,
  readHead,
  readLogits,
  spreadLast,
} from './forward.js';
import { stackMerging } from './merging.js';
import { type ForwardForm, recordForward } from './programs.js';
import { readState, type StateSizes, stateInputs, stateNames, stateSizes } from './state.js';
import { MambaStream, readBatch, refuseMerging, type StreamOptions } from './stream.js';
import { type BatchTokens, readTokens } from './tokens.js';
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
    const { name, isa, threads } = this.#host.backend;
    return { name, isa, threads };
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
    inputs: ForwardInputs,
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<MambaForward> {
    const tokens = readTokens('forward', inputs, this.config.hiddenSize, inputs.attentionMask);
    const form = this.#form(inputs, tokens);
    const { batch, length, index } = tokens;
    if (form.logits === 'classes') expectSeriesTokens(tokens);
    const state = inputs.state && stateInputs('forward', inputs.state, this.#state, batch);
    const given = {
      ...tokens.inputs,
      ...state,
      ...(form.padded && { length: matrix(Int32Array.of(length)) }),
      ...(form.logits === 'last' && lastInputs(tokens)),
    };
    const out = await this.#host.run(keyOf(form), (builder) => this.#record(builder, form), given, signal);
    const trace = readTrace(out);
    return {
      ...this.#logits(out, tokens, form),
      ...(form.features && { lastHiddenState: this.#rows(out, 'features', tokens, form, this.config.hiddenSize) }),
      ...(form.blocks && { hiddenStates: this.#blocks(out, tokens) }),
      state: readState(out, this.#state, batch),
      ...(form.merging && { merged: mergedPlaces(out, index, length) }),
      ...(trace && { trace }),
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

  #form(inputs: ForwardInputs, { embeds, index }: BatchTokens): ForwardForm {
    const flag = (name: keyof ForwardInputs, otherwise: boolean) => readFlag('forward', name, inputs[name], otherwise);
    const merging = readMerging(inputs.merging, this.mergingTarget);
    const unmerge = flag('unmerge', true) || merging === undefined;
    return {
      embeds,
      padded: index.rows !== undefined,
      state: inputs.state !== undefined,
      logits: readHead(inputs, this.#weights.classifier),
      features: flag('lastHiddenState', false),
      blocks: flag('hiddenStates', false),
      unmerge,
      merging,
    };
  }

  #logits(out: Outputs, tokens: BatchTokens, form: ForwardForm): { logits?: Tensor<Float32Array> } {
    const { vocabSize } = this.config;
    const { classifier } = this.#weights;
    if (form.logits === 'none') return {};
    if (form.logits === 'classes' && classifier) {
      const offsets = form.merging ? (out.mergedOffsets!.data as Int32Array) : tokens.index.offsets;
      const sizes = out.sizes?.data as Float32Array | undefined;
      return { logits: poolScores(out.scores!.data as Float32Array, offsets, sizes, classifier) };
    }
    if (form.logits === 'all') return { logits: this.#rows(out, 'logits', tokens, form, vocabSize) };
    return { logits: spreadLast(out.logits!.data as Float32Array, tokens, vocabSize) };
  }

  #rows(out: Outputs, name: string, { batch, length }: BatchTokens, form: ForwardForm, width: number) {
    const data = out[name]!.data as Float32Array;
    if (form.unmerge) return { data, shape: [batch, length, width] };
    return rectangle(data, out.mergedOffsets!.data as Int32Array, width);
  }

  #blocks(out: Outputs, { batch, length }: BatchTokens): Tensor<Float32Array> {
    const { numLayers, hiddenSize } = this.config;
    const shape = [numLayers + 1, batch, length, hiddenSize];
    const data = new Float32Array(elementCount(shape));
    for (let i = 0; i <= numLayers; i++) {
      data.set(out[i < numLayers ? `block.${i}` : 'normed']!.data, (i * data.length) / (numLayers + 1));
    }
    return { data, shape };
  }
}

/** Equal for equal programs. */
function keyOf({ merging, ...flags }: ForwardForm): string {
  return `${JSON.stringify(flags)} ${merging?.key}`;
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
