import { TidemergeError } from '../../errors.js';
import type { ModelConfig } from '../../io/model-config.js';
import type { WeightScope } from '../../io/weight-scope.js';
import type { MergingTarget } from '../../merging/options.js';
import type { BackendInfo } from '../forecast-model.js';
import { type LoadOptions, loadModel, type ModelDefinition, only } from '../load.js';
import type { ModelHost, Outputs } from '../model-host.js';
import { stackMerging } from '../stack-merging.js';
import { type BatchTokens, readTokens } from '../token-batch.js';
import {
  classLogits,
  expectSeriesTokens,
  formInputs,
  keyOf,
  readForm,
  readHead,
  readOutputs,
  type TokenForward,
  type TokenForwardInputs,
  tokenRows,
} from '../token-forward.js';
import { type HyenaConfig, readHyenaConfig } from './config.js';
import { FilterBank } from './filter-bank.js';
import { longestSeries } from './forward.js';
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
   * One pass over whole sequences. What a series gives depends on its own tokens only: not on padding, batch mates or
   * threads. The first pass over a longer sequence than before evaluates the filters for it, which takes seconds for tens
   * of thousands of tokens. Errors: ERR_INVALID_ARGUMENT (also for an id outside the vocabulary, and more than
   * `config.maxLength` tokens), ERR_INVALID_SHAPE, ERR_INVALID_DTYPE, ERR_DETACHED_BUFFER, ERR_UNSUPPORTED, ERR_DISPOSED.
   */
  async forward(
    inputs: TokenForwardInputs,
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<TokenForward> {
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

  async #forward(inputs: TokenForwardInputs, signal: AbortSignal | undefined): Promise<TokenForward> {
    const { dModel: width, numLayers, maxLength } = this.config;
    const tokens = readTokens('forward', inputs, width, inputs.attentionMask);
    const head = readHead(inputs.head, this.#weights.classifier);
    const form = { ...readForm(inputs, tokens, this.mergingTarget), head };
    if (head === 'classifier') expectSeriesTokens(tokens);
    const longest = longestSeries(tokens, maxLength);
    signal?.throwIfAborted();
    await this.#filters.cover(longest, signal);
    // One and the same turn: another pass may replace the filters by longer ones.
    const out = await this.#host.run(
      `${keyOf(form)} ${this.#filters.length}`,
      (builder) => recordForward(builder, this.config, this.#weights, this.#filters.handles, form),
      formInputs(tokens, form),
      signal,
    );
    return { ...this.#logits(out, tokens, form), ...readOutputs(out, tokens, form, { numLayers, width }) };
  }

  #logits(out: Outputs, tokens: BatchTokens, form: HyenaForm): Pick<TokenForward, 'logits'> {
    const { classifier } = this.#weights;
    if (form.head === 'lm') return { logits: tokenRows(out, 'logits', tokens, form, this.config.vocabSize) };
    return form.head === 'classifier' && classifier ? { logits: classLogits(out, tokens, form, classifier) } : {};
  }
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
