import type { ProgramBuilder } from '../../backend/program.js';
import { type MergingOptions, type MergingTarget, readMerging } from '../../merging/options.js';
import { readTrace, type SeriesTrace } from '../../merging/trace.js';
import { matrix, type Tensor } from '../../tensor/tensor.js';
import { type FloatTensor, floats } from '../../tensor/user-tensors.js';
import type {
  BackendInfo,
  EmbeddedBatch,
  LevelForecasts,
  QuantileModel,
  RunOptions,
  SeriesBatch,
} from '../forecast-model.js';
import { type LoadOptions, loadModel, type ModelDefinition, only } from '../load.js';
import type { Inputs, ModelHost, Outputs } from '../model-host.js';
import { levelForecasts, MIDDLE, recordLevels, recordReduce } from '../quantile-programs.js';
import { embeddedBatch, embedInputs, seriesInputs } from '../series-inputs.js';
import { encoderMerging, runMerging } from '../t5/merging.js';
import { type ChronosBoltConfig, checkChronosBoltConfig, readChronosBoltConfig } from './config.js';
import { recordEmbed, recordForward, recordPaths, recordQuantiles } from './programs.js';
import { type ChronosBoltWeights, loadChronosBoltWeights } from './weights.js';

export interface ChronosBoltForward {
  /** [batch, levels, predictionLength] at the trained levels, in units of the series. */
  readonly quantiles: Tensor<Float32Array>;
  /** [batch]: mean of the observed values. */
  readonly loc: Tensor<Float32Array>;
  /** [batch]: their deviation. */
  readonly scale: Tensor<Float32Array>;
  /** [batch, patches (+ 1)]: 1 where a patch holds an observed value, and for the register token. */
  readonly patchMask: Tensor<Int32Array>;
  /** By series; only with `trace`. */
  readonly trace?: readonly SeriesTrace[];
}

export interface ForwardOptions {
  readonly signal?: AbortSignal | undefined;
  readonly merging?: MergingOptions | false | undefined;
}

const ONE = matrix(Int32Array.of(1));

/**
 * Chronos-Bolt (the published class ChronosBoltModelForForecasting): patches of a standardised series through a T5
 * encoder, one decoder step, quantiles of all steps at once.
 */
export class ChronosBoltModel implements QuantileModel {
  readonly kind = 'quantiles';
  readonly name = 'chronos-bolt';
  readonly config: ChronosBoltConfig;
  readonly #host: ModelHost;
  readonly #weights: ChronosBoltWeights;

  /** @internal Use `load`. */
  constructor(host: ModelHost, config: ChronosBoltConfig, weights: ChronosBoltWeights) {
    this.#host = host;
    this.config = config;
    this.#weights = weights;
  }

  static load(directory: string, options: LoadOptions = {}): Promise<ChronosBoltModel> {
    return loadModel(directory, only(chronosBolt), options);
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

  get quantileLevels(): readonly number[] {
    return this.config.quantileLevels;
  }

  get dModel(): number {
    return this.config.t5.dModel;
  }

  get mergingTarget(): MergingTarget {
    return encoderMerging(this.name, this.config.t5);
  }

  tokenSpan(position: number, values: number): readonly [begin: number, end: number] | undefined {
    const { patchLength, patchStride, useRegToken } = this.config;
    if (useRegToken && position === this.tokenCount(values) - 1) return undefined;
    const begin = position * patchStride - ((patchLength - (values % patchLength)) % patchLength);
    return [Math.max(0, begin), begin + patchLength];
  }

  /** One pass, as the published forward: context float [batch, time], NaN where missing or padded. */
  async forward(
    { context }: { readonly context: FloatTensor },
    { signal, merging }: ForwardOptions = {},
  ): Promise<ChronosBoltForward> {
    const plan = readMerging(merging, this.mergingTarget);
    const { data, shape } = floats('forward', 'context', context, [undefined, undefined]);
    const [batch, time] = shape as [number, number];
    const { quantileLevels, predictionLength } = this.config;
    const length = this.tokenCount(time);
    const series = {
      values: new Float64Array(data),
      offsets: Int32Array.from({ length: batch + 1 }, (_, b) => b * time),
    };
    const inputs = { ...seriesInputs(series), one: ONE, length: matrix(Int32Array.of(length)) };
    const out = await this.#encode('forward', recordForward, inputs, { signal, merging: plan });
    const trace = readTrace(out);
    const { predictions, loc, scale, mask } = out as { [name: string]: { data: Float32Array } };
    return {
      quantiles: { data: predictions!.data, shape: [batch, quantileLevels.length, predictionLength] },
      loc: { data: loc!.data, shape: [batch] },
      scale: { data: scale!.data, shape: [batch] },
      patchMask: { data: Int32Array.from(mask!.data), shape: [batch, length] },
      ...(trace && { trace }),
    };
  }

  tokenCount(values: number): number {
    const { contextLength, patchLength, patchStride, useRegToken } = this.config;
    const padded = Math.ceil(Math.min(values, contextLength) / patchLength) * patchLength;
    const patches = padded === 0 ? 0 : Math.floor((padded - patchLength) / patchStride) + 1;
    return patches + (useRegToken ? 1 : 0);
  }

  async embed(batch: SeriesBatch, length: number, options: RunOptions = {}): Promise<EmbeddedBatch> {
    return embeddedBatch(await this.#encode('embed', recordEmbed, embedInputs(batch, length), options));
  }

  async quantiles(batch: SeriesBatch, levels: Float32Array, options: RunOptions = {}): Promise<LevelForecasts> {
    const inputs = { ...seriesInputs(batch), one: ONE, levels: matrix(levels), middle: MIDDLE };
    return levelForecasts(await this.#encode('quantiles', recordQuantiles, inputs, options));
  }

  async paths(batch: SeriesBatch, options: RunOptions = {}): Promise<Float32Array> {
    const out = await this.#encode('paths', recordPaths, { ...seriesInputs(batch), one: ONE }, options);
    return out.predictions!.data as Float32Array;
  }

  async levelsOfPaths(paths: Float32Array, levels: Float32Array, signal?: AbortSignal): Promise<LevelForecasts> {
    const columns = this.quantileLevels.length * this.predictionLength;
    const inputs = { predictions: matrix(paths, columns), levels: matrix(levels), middle: MIDDLE };
    return levelForecasts(await this.#run('levels', recordLevels, inputs, signal));
  }

  async reducePaths(paths: Float32Array, count: number, signal?: AbortSignal): Promise<Float32Array> {
    const inputs = { paths: matrix(paths, this.predictionLength), count: matrix(Int32Array.of(count)) };
    const out = await this.#run('reduce', recordReduce, inputs, signal);
    return out.quantiles!.data as Float32Array;
  }

  dispose(): void {
    this.#host.dispose();
  }

  /** A program with the encoder in it. */
  #encode(key: string, record: typeof recordForward, inputs: Inputs, options: RunOptions): Promise<Outputs> {
    const withMerging: Record = (builder, config, weights) => record(builder, config, weights, options.merging);
    return runMerging(key, options, (name) => this.#run(name, withMerging, inputs, options.signal));
  }

  #run(key: string, record: Record, inputs: Inputs, signal: AbortSignal | undefined) {
    return this.#host.run(key, (builder) => record(builder, this.config, this.#weights), inputs, signal);
  }
}

type Record = (builder: ProgramBuilder, config: ChronosBoltConfig, weights: ChronosBoltWeights) => void;

export const chronosBolt: ModelDefinition<ChronosBoltConfig, ChronosBoltWeights, ChronosBoltModel> = {
  name: 'chronos-bolt',
  architecture: 'ChronosBoltModelForForecasting',
  pipelineClass: 'ChronosBoltPipeline',
  matches: (weights) =>
    weights.has('input_patch_embedding.hidden_layer.weight') && weights.has('decoder.final_layer_norm.weight'),
  readConfig: readChronosBoltConfig,
  checkConfig: checkChronosBoltConfig,
  loadWeights: loadChronosBoltWeights,
  create: (host, config, weights) => new ChronosBoltModel(host, config, weights),
};
