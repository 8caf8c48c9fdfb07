import { TidemergeError } from '../../errors.js';
import type { ModelConfig } from '../../io/model-config.js';
import type { WeightScope } from '../../io/weight-scope.js';
import { type MergingTarget, readMerging } from '../../merging/options.js';
import { readTrace } from '../../merging/trace.js';
import { elementCount, matrix, type Tensor } from '../../tensor/tensor.js';
import { mergedPlaces, rectangle } from '../chronos-t5/merged-states.js';
import type { BackendInfo } from '../forecast-model.js';
import { type LoadOptions, loadModel, type ModelDefinition, only } from '../load.js';
import { readFlag } from '../mamba/forward.js';
import { stackMerging } from '../mamba/merging.js';
import { type BatchTokens, readTokens } from '../mamba/tokens.js';
import type { ModelHost, Outputs } from '../model-host.js';
import { poolScores } from '../pooled-scores.js';
import { type HyenaConfig, readHyenaConfig } from './config.js';
import { FilterBank } from './filter-bank.js';
import { type HyenaForward, type HyenaInputs, longestSeries, readHead } from './forward.js';
import { type HyenaForm, recordForward } from './programs.js';
import { findBackbone, type HyenaWeights, loadHyenaWeights } from './weights.js';

/**
 * HyenaDNA (Nguyen et al. 2023, arXiv 2306.15794): the published classes HyenaDNAForCausalLM and
 * HyenaDNAForSequenceClassification of LongSafari/hyenadna-*-hf and HyenaDNAModel of HazyResearch/hyena-dna. Tokens come
 * from `encodeDna`.
 */
export class HyenaModel {
  readonly name = 'hyena';
  readonly config: HyenaConfig;
  readonly #host: ModelHost;
  readonly #weights: HyenaWeights;
  readonly #filters: FilterBank;
  #running = 0;
  #disposed = false;

  /** @internal Use `load`. */
  constructor(host: ModelHost, config: HyenaConfig, weights: HyenaWeights) {
    this.#host = host;
    this.config = config;
    this.#weights = weights;
    const blocks = weights.blocks.map(({ filter }) => filter);
    this.#filters = new FilterBank(host.backend, blocks, config.filter, config.maxLength);
  }

  /** config.json and safetensors, with the keys and names of either publisher. */
  static load(directory: string, options: LoadOptions = {}): Promise<HyenaModel> {
    return loadModel(directory, only(hyena), options);
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
   * One pass over whole sequences. What a series gives depends on its own tokens only: not on padding, batch mates or
   * threads. The first pass over a longer sequence than before evaluates the filters for it, which takes seconds for tens
   * of thousands of tokens. Errors: ERR_INVALID_ARGUMENT (also for an id outside the vocabulary, and more than
   * `config.maxLength` tokens), ERR_INVALID_SHAPE, ERR_INVALID_DTYPE, ERR_DETACHED_BUFFER, ERR_UNSUPPORTED, ERR_DISPOSED.
   */
  async forward(
    inputs: HyenaInputs,
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<HyenaForward> {
    if (this.#disposed) throw new TidemergeError('ERR_DISPOSED', 'model: used after dispose()');
    this.#running++;
    try {
      return await this.#forward(inputs, signal);
    } finally {
      this.#running--;
      if (this.#disposed && this.#running === 0) this.#release();
    }
  }

  /** Always an ERR_UNSUPPORTED. */
  stream(): never {
    const reason = 'its long convolution needs all tokens so far at every step: there is no state of constant size';
    throw new TidemergeError('ERR_UNSUPPORTED', `stream: ${this.name}: ${reason}`);
  }

  /** Runs that have begun are finished first. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    if (this.#running === 0) this.#release();
  }

  #release(): void {
    this.#host.dispose();
    this.#filters.dispose();
  }

  async #forward(inputs: HyenaInputs, signal: AbortSignal | undefined): Promise<HyenaForward> {
    const { dModel, maxLength } = this.config;
    const tokens = readTokens('forward', inputs, dModel, inputs.attentionMask);
    const form = this.#form(inputs, tokens);
    const longest = longestSeries(tokens, form.head === 'classifier' ? 1 : 0, maxLength);
    signal?.throwIfAborted();
    await this.#filters.cover(longest, signal);
    const given = { ...tokens.inputs, ...(form.padded && { length: matrix(Int32Array.of(tokens.length)) }) };
    // One and the same turn: another pass may replace the filters by longer ones.
    const out = await this.#host.run(
      `${keyOf(form)} ${this.#filters.length}`,
      (builder) => recordForward(builder, this.config, this.#weights, this.#filters.handles, form),
      given,
      signal,
    );
    const trace = readTrace(out);
    return {
      ...this.#logits(out, tokens, form),
      ...(form.features && { lastHiddenState: this.#rows(out, 'features', tokens, form, dModel) }),
      ...(form.blocks && { hiddenStates: this.#blocks(out, tokens) }),
      ...(form.merging && { merged: mergedPlaces(out, tokens.index, tokens.length) }),
      ...(trace && { trace }),
    };
  }

  #form(inputs: HyenaInputs, { embeds, index }: BatchTokens): HyenaForm {
    const flag = (name: keyof HyenaInputs, otherwise: boolean) => readFlag('forward', name, inputs[name], otherwise);
    const merging = readMerging(inputs.merging, this.mergingTarget);
    return {
      embeds,
      padded: index.rows !== undefined,
      head: readHead(inputs.head, this.#weights.classifier),
      features: flag('lastHiddenState', false),
      blocks: flag('hiddenStates', false),
      // Without merging, places of padding stay where they are, whatever is asked.
      unmerge: flag('unmerge', true) || merging === undefined,
      merging,
    };
  }

  #logits(out: Outputs, tokens: BatchTokens, form: HyenaForm): { logits?: Tensor<Float32Array> } {
    const { classifier } = this.#weights;
    if (form.head === 'lm') return { logits: this.#rows(out, 'logits', tokens, form, this.config.vocabSize) };
    if (form.head === 'none' || !classifier) return {};
    const offsets = form.merging ? (out.mergedOffsets!.data as Int32Array) : tokens.index.offsets;
    const sizes = out.sizes?.data as Float32Array | undefined;
    return { logits: poolScores(out.scores!.data as Float32Array, offsets, sizes, classifier) };
  }

  #rows(out: Outputs, name: string, { batch, length }: BatchTokens, form: HyenaForm, width: number) {
    const data = out[name]!.data as Float32Array;
    if (form.unmerge) return { data, shape: [batch, length, width] };
    return rectangle(data, out.mergedOffsets!.data as Int32Array, width);
  }

  #blocks(out: Outputs, { batch, length }: BatchTokens): Tensor<Float32Array> {
    const { numLayers, dModel } = this.config;
    const shape = [numLayers + 1, batch, length, dModel];
    const data = new Float32Array(elementCount(shape));
    for (let i = 0; i <= numLayers; i++) {
      data.set(out[i < numLayers ? `block.${i}` : 'normed']!.data, (i * data.length) / (numLayers + 1));
    }
    return { data, shape };
  }
}

/** Equal for equal programs. */
function keyOf({ merging, ...flags }: HyenaForm): string {
  return `${JSON.stringify(flags)} ${merging?.key}`;
}

/** Compares what no shape shows with the names of the tensors. */
function checkHyenaConfig(config: ModelConfig, { numLayers }: HyenaConfig, weights: WeightScope): void {
  const backbone = findBackbone(weights);
  let found = 0;
  while (backbone?.has(`layers.${found}.norm1.weight`)) found++;
  if (found !== numLayers) throw config.error('n_layer', `${found}, the number of layers of the tensors`);
}

export const hyena: ModelDefinition<HyenaConfig, HyenaWeights, HyenaModel> = {
  name: 'hyena',
  architecture: 'HyenaDNAForCausalLM',
  variants: ['HyenaDNAForSequenceClassification', 'HyenaDNAModel'],
  pipelineClass: 'none',
  matches: (weights) => findBackbone(weights) !== undefined,
  readConfig: readHyenaConfig,
  checkConfig: checkHyenaConfig,
  loadWeights: loadHyenaWeights,
  create: (host, config, weights) => new HyenaModel(host, config, weights),
};
