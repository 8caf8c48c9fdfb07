import type { ProgramBuilder } from '../../backend/program.js';
import { type MergingOptions, type MergingTarget, readMerging } from '../../merging/options.js';
import { readTrace, type SeriesTrace } from '../../merging/trace.js';
import { matrix, type Tensor } from '../../tensor/tensor.js';
import { type FloatTensor, floats, type IntegerTensor, integers } from '../../tensor/user-tensors.js';
import type {
  BackendInfo,
  EmbeddedBatch,
  RunOptions,
  SampledForecasts,
  SampleModel,
  SampleRequest,
  SamplingSettings,
  SeriesBatch,
} from '../forecast-model.js';
import { type LoadOptions, loadModel, type ModelDefinition, only } from '../load.js';
import { type MergedStates, mergedStates } from '../merged-states.js';
import type { Inputs, ModelHost, Outputs } from '../model-host.js';
import { denseTokens, maskedTokens, pickRows } from '../ragged.js';
import { embeddedBatch, embedInputs, seriesInputs } from '../series-inputs.js';
import { encoderMerging, runMerging } from '../t5/merging.js';
import { type ChronosT5Config, checkChronosT5Config, readChronosT5Config } from './config.js';
import { type Merging, recordDecode, recordEmbed, recordEncode, recordGenerate, recordKeys } from './programs.js';
import { MeanScaleUniformBins } from './tokenizer.js';
import { type ChronosT5Weights, loadChronosT5Weights } from './weights.js';

export interface EncodeInputs {
  /** [batch, length] */
  readonly inputIds: IntegerTensor;
  /** [batch, length]: 0 for tokens that do not exist. Default: all exist. */
  readonly attentionMask?: IntegerTensor | undefined;
  /** Give the output of every block too. */
  readonly hiddenStates?: boolean | undefined;
}

/**
 * The encoder's output [batch, length, dModel] after its final norm; rows whose mask is 0 are zero. Merged tokens are
 * cloned back to all tokens they stand for.
 */
export interface EncoderStates extends Tensor<Float32Array> {
  /** [layers, batch, length, dModel]: the output of every block, in front of the final norm. */
  readonly hiddenStates?: Tensor<Float32Array>;
  /** The tokens as merging left them: what a decoder looks at. Only with `merging`. */
  readonly merged?: MergedStates;
  /** By series; only with `trace`. */
  readonly trace?: readonly SeriesTrace[];
}

export interface DecodeInputs {
  /** [batch, steps], beginning with the start token */
  readonly decoderInputIds: IntegerTensor;
  /** [batch, length, dModel] */
  readonly encoderHiddenStates: FloatTensor;
  /** [batch, length]: which rows of the encoder may be looked at. Default: all. */
  readonly attentionMask?: IntegerTensor | undefined;
  /** [batch, length]: tokens that stand in each row, where attention should count them (proportional attention). */
  readonly sizes?: FloatTensor | undefined;
}

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}

export interface EncodeCallOptions extends CallOptions {
  readonly merging?: MergingOptions | false | undefined;
}

const MIDDLE = matrix(Float32Array.of(0.5));

/**
 * Chronos (Ansari et al. 2024): a T5 language model over bins of scaled values. Forecasts are sampled sequences.
 */
export class ChronosT5Model implements SampleModel {
  readonly kind = 'samples';
  readonly name = 'chronos-t5';
  readonly config: ChronosT5Config;
  readonly tokenizer: MeanScaleUniformBins;
  readonly #host: ModelHost;
  readonly #weights: ChronosT5Weights;

  /** @internal Use `load`. */
  constructor(host: ModelHost, config: ChronosT5Config, weights: ChronosT5Weights) {
    this.#host = host;
    this.config = config;
    this.#weights = weights;
    this.tokenizer = new MeanScaleUniformBins(config.tokenizer);
  }

  static load(directory: string, options: LoadOptions = {}): Promise<ChronosT5Model> {
    return loadModel(directory, only(chronosT5), options);
  }

  get backend(): BackendInfo {
    return this.#host.info;
  }

  get contextLength(): number {
    return this.config.contextLength;
  }

  get predictionLength(): number {
    return this.config.predictionLength;
  }

  get dModel(): number {
    return this.config.t5.dModel;
  }

  get numSamples(): number {
    return this.config.numSamples;
  }

  get sampling(): SamplingSettings {
    return this.config.sampling;
  }

  get mergingTarget(): MergingTarget {
    return encoderMerging(this.name, this.config.t5);
  }

  tokenSpan(position: number, values: number): readonly [begin: number, end: number] | undefined {
    return position < values ? [position, position + 1] : undefined;
  }

  async encode(
    { inputIds, attentionMask, hiddenStates = false }: EncodeInputs,
    { signal, merging: mergingOptions }: EncodeCallOptions = {},
  ): Promise<EncoderStates> {
    const merging = readMerging(mergingOptions, this.mergingTarget);
    const ids = integers('encode', 'inputIds', inputIds, [undefined, undefined]);
    const mask = attentionMask && integers('encode', 'attentionMask', attentionMask, ids.shape);
    const [batch, length] = ids.shape as [number, number];
    const tokens = maskedTokens(batch, length, mask?.data);
    const inputs = {
      ids: matrix(pickRows(ids.data, 1, tokens.rows)),
      offsets: matrix(tokens.offsets),
      positions: matrix(tokens.positions),
      length: matrix(Int32Array.of(length)),
    };
    const record: Record = (builder, config, weights) =>
      recordEncode(builder, config, weights, { blocks: hiddenStates, merging });
    const out = await this.#run(`encode ${hiddenStates} ${merging?.key}`, record, inputs, signal);
    const shape = [batch, length, this.dModel];
    const trace = readTrace(out);
    const states = {
      data: out.states!.data as Float32Array,
      shape,
      ...(merging && { merged: mergedStates(out, tokens, length, this.dModel) }),
      ...(trace && { trace }),
    };
    if (!hiddenStates) return states;
    const { numLayers } = this.config.t5;
    const blocks = new Float32Array(numLayers * states.data.length);
    for (let i = 0; i < numLayers; i++) blocks.set(out[`block.${i}`]!.data, i * states.data.length);
    return { ...states, hiddenStates: { data: blocks, shape: [numLayers, ...shape] } };
  }

  /** Teacher forcing: the logits [batch, steps, vocabulary] behind every prefix of decoderInputIds. */
  async decode(
    { decoderInputIds, encoderHiddenStates, attentionMask, sizes }: DecodeInputs,
    options: CallOptions = {},
  ): Promise<Tensor<Float32Array>> {
    const ids = integers('decode', 'decoderInputIds', decoderInputIds, [undefined, undefined]);
    const [batch, steps] = ids.shape as [number, number];
    const encoded = floats('decode', 'encoderHiddenStates', encoderHiddenStates, [batch, undefined, this.dModel]);
    const length = encoded.shape[1] as number;
    const mask = attentionMask && integers('decode', 'attentionMask', attentionMask, [batch, length]);
    const memory = maskedTokens(batch, length, mask?.data);
    const targets = denseTokens(batch, steps);
    const states = encoded.data instanceof Float32Array ? encoded.data : new Float32Array(encoded.data);
    const inputs = {
      ids: matrix(ids.data),
      offsets: matrix(targets.offsets),
      positions: matrix(targets.positions),
      encoded: matrix(pickRows(states, this.dModel, memory.rows), this.dModel),
      encodedOffsets: matrix(memory.offsets),
    };
    const counts = sizes && floats('decode', 'sizes', sizes, [batch, length]);
    const own = counts && { encodedSizes: matrix(pickRows(Float32Array.from(counts.data), 1, memory.rows)) };
    const record: Record = (builder, config, weights) =>
      recordDecode(builder, config, weights, { sized: own !== undefined });
    const out = await this.#run(`decode ${own !== undefined}`, record, { ...inputs, ...own }, options.signal);
    return { data: out.logits!.data as Float32Array, shape: [batch, steps, this.config.t5.vocabSize] };
  }

  tokenCount(values: number): number {
    return Math.min(values, this.contextLength) + (this.config.tokenizer.useEosToken ? 1 : 0);
  }

  /** Keys and values of every decoder layer, for every step. */
  bytesPerPath(horizon: number): number {
    const { numDecoderLayers, numHeads, headDim } = this.config.t5;
    return 2 * Float32Array.BYTES_PER_ELEMENT * numDecoderLayers * numHeads * headDim * horizon;
  }

  async embed(batch: SeriesBatch, length: number, options: RunOptions = {}): Promise<EmbeddedBatch> {
    return embeddedBatch(await this.#encode('embed', recordEmbed, embedInputs(batch, length), options));
  }

  async keys(batch: SeriesBatch, signal?: AbortSignal): Promise<Int32Array> {
    const out = await this.#run('keys', recordKeys, seriesInputs(batch), signal);
    return out.keys!.data as Int32Array;
  }

  async sample(batch: SeriesBatch, request: SampleRequest, options: RunOptions = {}): Promise<SampledForecasts> {
    const { temperature, topK, topP, levels } = request;
    const statistics = levels !== undefined;
    const inputs = {
      ...seriesInputs(batch),
      keys: matrix(request.keys, 2),
      seed: matrix(request.seed),
      horizon: matrix(Int32Array.of(request.horizon)),
      numSamples: matrix(Int32Array.of(request.numSamples)),
      ...(levels && { levels: matrix(levels), middle: MIDDLE }),
    };
    const record: EncodeRecord = (builder, config, weights, merging) =>
      recordGenerate(builder, config, weights, { temperature, topK, topP }, { statistics, merging });
    const out = await this.#encode(`generate ${temperature} ${topK} ${topP} ${statistics}`, record, inputs, options);
    const read = (name: string) => out[name]!.data as Float32Array;
    const lowerMedian = read('lowerMedian');
    return statistics
      ? { lowerMedian, quantiles: read('quantiles'), mean: read('mean'), median: read('median') }
      : { lowerMedian, samples: read('samples') };
  }

  dispose(): void {
    this.#host.dispose();
  }

  /** A program of series with the encoder in it. */
  #encode(key: string, record: EncodeRecord, inputs: Inputs, options: RunOptions): Promise<Outputs> {
    const withMerging: Record = (builder, config, weights) => record(builder, config, weights, options.merging);
    return runMerging(key, options, (name) => this.#run(name, withMerging, inputs, options.signal));
  }

  #run(key: string, record: Record, inputs: Inputs, signal: AbortSignal | undefined) {
    return this.#host.run(key, (builder) => record(builder, this.config, this.#weights), inputs, signal);
  }
}

type Record = (builder: ProgramBuilder, config: ChronosT5Config, weights: ChronosT5Weights) => void;
type EncodeRecord = (...args: [...Parameters<Record>, merging: Merging]) => void;

export const chronosT5: ModelDefinition<ChronosT5Config, ChronosT5Weights, ChronosT5Model> = {
  name: 'chronos-t5',
  architecture: 'T5ForConditionalGeneration',
  pipelineClass: 'ChronosPipeline',
  matches: (weights) =>
    weights.has('encoder.block.0.layer.0.SelfAttention.q.weight') &&
    weights.has('decoder.block.0.layer.1.EncDecAttention.q.weight') &&
    !weights.has('input_patch_embedding.hidden_layer.weight'),
  readConfig: readChronosT5Config,
  checkConfig: checkChronosT5Config,
  loadWeights: loadChronosT5Weights,
  create: (host, config, weights) => new ChronosT5Model(host, config, weights),
};
