import type { ProgramBuilder } from '../../backend/program.js';
import type { MergingTarget } from '../../merging/options.js';
import { matrix } from '../../tensor/tensor.js';
import type {
  BackendInfo,
  EmbeddedBatch,
  LevelForecasts,
  QuantileModel,
  RunOptions,
  SeriesBatch,
} from '../forecast-model.js';
import type { ModelDefinition } from '../load.js';
import type { Inputs, ModelHost, Outputs } from '../model-host.js';
import { levelForecasts, MIDDLE, recordLevels, recordReduce } from '../quantile-programs.js';
import { embeddedBatch, embedInputs, seriesInputs } from '../series-inputs.js';
import { stackMerging } from '../stack-merging.js';
import { runMerging } from '../t5/merging.js';
import { checkMambaForecasterConfig, type MambaForecasterConfig, readMambaForecasterConfig } from './config.js';
import { type RecordForecaster, recordEmbed, recordPaths, recordQuantiles } from './programs.js';
import { loadMambaForecasterWeights, type MambaForecasterWeights } from './weights.js';

/**
 * A forecaster of this library's own form: points or patches of a standardised series, projected, through the blocks of Mamba
 * (Gu and Dao 2023), and a linear head on the last token that gives the quantiles of all steps at once.
 *
 * Input is that of Chronos-Bolt: missing values are 0 and say so in a channel of their own; a token without any
 * observed value is left out. A series without tokens gets what the head makes of zeros.
 */
export class MambaForecasterModel implements QuantileModel {
  readonly kind = 'quantiles';
  readonly name = 'mamba-forecaster';
  readonly config: MambaForecasterConfig;
  readonly #host: ModelHost;
  readonly #weights: MambaForecasterWeights;

  constructor(host: ModelHost, config: MambaForecasterConfig, weights: MambaForecasterWeights) {
    this.#host = host;
    this.config = config;
    this.#weights = weights;
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
    return this.config.hiddenSize;
  }

  get mergingTarget(): MergingTarget {
    return stackMerging(this.name, this.config.numLayers);
  }

  tokenSpan(position: number, values: number): readonly [begin: number, end: number] {
    const { patchLength } = this.config;
    const begin = (position - this.tokenCount(values)) * patchLength + values;
    return [Math.max(0, begin), begin + patchLength];
  }

  tokenCount(values: number): number {
    const { contextLength, patchLength } = this.config;
    return Math.ceil(Math.min(values, contextLength) / patchLength);
  }

  async embed(batch: SeriesBatch, length: number, options: RunOptions = {}): Promise<EmbeddedBatch> {
    return embeddedBatch(await this.#encode('embed', recordEmbed, embedInputs(batch, length), options));
  }

  async quantiles(batch: SeriesBatch, levels: Float32Array, options: RunOptions = {}): Promise<LevelForecasts> {
    const inputs = { ...seriesInputs(batch), levels: matrix(levels), middle: MIDDLE };
    return levelForecasts(await this.#encode('quantiles', recordQuantiles, inputs, options));
  }

  async paths(batch: SeriesBatch, options: RunOptions = {}): Promise<Float32Array> {
    const out = await this.#encode('paths', recordPaths, seriesInputs(batch), options);
    return out.predictions!.data as Float32Array;
  }

  async levelsOfPaths(paths: Float32Array, levels: Float32Array, signal?: AbortSignal): Promise<LevelForecasts> {
    const columns = this.quantileLevels.length * this.predictionLength;
    const inputs = { predictions: matrix(paths, columns), levels: matrix(levels), middle: MIDDLE };
    const record = (builder: ProgramBuilder) => recordLevels(builder, this.config, this.#weights);
    return levelForecasts(await this.#host.run('levels', record, inputs, signal));
  }

  async reducePaths(paths: Float32Array, count: number, signal?: AbortSignal): Promise<Float32Array> {
    const inputs = { paths: matrix(paths, this.predictionLength), count: matrix(Int32Array.of(count)) };
    const record = (builder: ProgramBuilder) => recordReduce(builder, this.config, this.#weights);
    const out = await this.#host.run('reduce', record, inputs, signal);
    return out.quantiles!.data as Float32Array;
  }

  dispose(): void {
    this.#host.dispose();
  }

  /** A program with the blocks in it. */
  #encode(key: string, record: RecordForecaster, inputs: Inputs, options: RunOptions): Promise<Outputs> {
    const own = (builder: ProgramBuilder) => record(builder, this.config, this.#weights, options.merging);
    return runMerging(key, options, (name) => this.#host.run(name, own, inputs, options.signal));
  }
}

export const mambaForecaster: ModelDefinition<MambaForecasterConfig, MambaForecasterWeights, MambaForecasterModel> = {
  name: 'mamba-forecaster',
  architecture: 'MambaForecaster',
  pipelineClass: 'none',
  matches: (weights) => weights.has('input_projection.weight') && weights.has('backbone.layers.0.mixer.x_proj.weight'),
  readConfig: readMambaForecasterConfig,
  checkConfig: checkMambaForecasterConfig,
  loadWeights: loadMambaForecasterWeights,
  create: (host, config, weights) => new MambaForecasterModel(host, config, weights),
};
