import { TidemergeError } from '../errors.js';
import { type MergingOptions, readMerging } from '../merging/options.js';
import type { ForecastModel, PointModel, SampleModel } from '../models/forecast-model.js';
import type { LoadOptions } from '../models/load.js';
import { loadForecastModel } from '../models/registry.js';
import type { Pass } from './batching.js';
import { embedSeries } from './embed.js';
import { resolveModel } from './embedded.js';
import { horizonWarnings, levelWarnings } from './forecast-warnings.js';
import {
  type Embeddings,
  type LevelForecasts,
  type PointForecasts,
  QuantileForecasts,
  type SampleForecasts,
} from './forecasts.js';
import { copySeries, type SeriesInputs } from './inputs.js';
import { levelBlocks, pathBlocks, sampleBlocks } from './long-horizon.js';
import type { MultivariateInputs } from './multivariate.js';
import {
  type BatchOptions,
  type CallDefaults,
  type ForecastOptions,
  type ForecastRequest,
  type QuantileOptions,
  readBatchOptions,
  readForecastOptions,
  readPointOptions,
  readQuantileLevels,
} from './options.js';
import { outcome, runModel } from './passes.js';
import { copyContexts, predictPoints } from './point-forecasts.js';
import { TaskQueue } from './queue.js';
import { StepTable } from './step-table.js';
import { Traces } from './traces.js';

export interface ForecasterOptions extends LoadOptions {
  /** Token merging in every call that does not say otherwise. Default: none. */
  readonly merging?: MergingOptions | false | undefined;
}

/**
 * Forecasts series with a pretrained model. Calls are run one after the other, first in, first out, off the JavaScript
 * thread; inputs are copied before a call returns.
 *
 * A result depends on the series, the options and the instruction set alone: never on other series of the batch, their
 * order, the batch size or the number of threads.
 */
export class Forecaster {
  readonly #model: ForecastModel | PointModel;
  readonly #defaults: CallDefaults;
  readonly #queue = new TaskQueue('forecaster');

  private constructor(model: ForecastModel | PointModel, defaults: CallDefaults) {
    this.#model = model;
    this.#defaults = defaults;
  }

  /**
   * Loads a model: a directory in Hugging Face form (config.json, model.safetensors), or the name of one that comes with
   * the package. Errors: ERR_MODEL_NOT_FOUND (with a hint how to get a hub model), ERR_BAD_MODEL, ERR_BAD_SAFETENSORS,
   * ERR_UNSUPPORTED, ERR_ADDON_NOT_FOUND, ERR_INVALID_ISA, ERR_UNSUPPORTED_ISA, ERR_INVALID_ARGUMENT.
   */
  static async fromPretrained(directoryOrEmbeddedName: string, options: ForecasterOptions = {}): Promise<Forecaster> {
    const model = await loadForecastModel(resolveModel(directoryOrEmbeddedName), options);
    try {
      if (model.kind === 'points') {
        if (options.merging) throw unsupported('merging', model);
        return new Forecaster(model, { merging: undefined });
      }
      return new Forecaster(model, { merging: readMerging(options.merging, model.mergingTarget) });
    } catch (error) {
      model.dispose();
      throw error;
    }
  }

  /**
   * What one pass of the model gives: 'quantiles' at trained levels, 'samples', or 'points', the next step of several
   * variables.
   */
  get kind(): 'quantiles' | 'samples' | 'points' {
    return this.#model.kind;
  }

  /** 'chronos-bolt', 'chronos-t5', 'mamba-forecaster', 'sparse-binary-transformer' */
  get modelName(): string {
    return this.#model.name;
  }

  /** Values of a series the model looks at: the last ones. */
  get contextLength(): number {
    return this.#model.contextLength;
  }

  /** The horizon the model was trained for. */
  get predictionLength(): number {
    return this.#model.predictionLength;
  }

  /** What computes: name, instruction set and threads. */
  get backend(): ForecastModel['backend'] {
    return this.#model.backend;
  }

  /**
   * Quantiles of every series and step. Two things are forecast all the same, with a warning: levels outside those a
   * model was trained for, for which its outermost ones stand in, and steps beyond the model's horizon, which is then
   * run block by block.
   */
  async predictQuantiles(inputs: SeriesInputs, options: QuantileOptions = {}): Promise<QuantileForecasts> {
    const model = this.#univariate('predictQuantiles');
    const set = copySeries(inputs, model.contextLength);
    const request = readForecastOptions(options, model, set.count, this.#defaults);
    const levels = readQuantileLevels(options);
    const run = async (): Promise<QuantileForecasts> => {
      const { horizon } = request;
      const quantiles = new StepTable(set.count, 1, horizon, levels.length);
      const median = new StepTable(set.count, 1, horizon, 1);
      const mean = model.kind === 'samples' ? new StepTable(set.count, 1, horizon, 1) : undefined;
      const traces = new Traces(model, request, set.count);
      const unobserved = await runModel(model, set, request, async (pass) => {
        const wanted = Float32Array.from(levels);
        const traced = traces.of(request, pass);
        const blocks =
          model.kind === 'samples'
            ? sampleBlocks(model, pass, traced, await passKeys(model, pass, request), wanted)
            : levelBlocks(model, pass, traced, wanted);
        for await (const { at, count, forecast } of blocks) {
          const stride = forecast.median!.length / pass.indices.length;
          quantiles.put(forecast.quantiles!, stride, pass.indices, at, count);
          median.put(forecast.median!, stride, pass.indices, at, count);
          if ('mean' in forecast) mean?.put(forecast.mean!, stride, pass.indices, at, count);
        }
      });
      const warnings = [...horizonWarnings(model, request), ...levelWarnings(model, levels)];
      return new QuantileForecasts({
        ...outcome(set, unobserved, warnings, [quantiles, median, ...(mean ? [mean] : [])]),
        ...traces.result,
        quantiles: quantiles.data,
        shape: [set.count, horizon, levels.length],
        quantileLevels: levels,
        median: median.data,
        mean: mean?.data,
      });
    };
    return this.#queue.run(run, request.signal);
  }

  /**
   * What the model itself gives: sampled paths, quantiles at the levels it was trained for, or the next step of every
   * variable. A model of the last kind takes series of several variables, each of at least contextLength steps, the last
   * of which are complete.
   */
  async predict(
    inputs: SeriesInputs | MultivariateInputs,
    options: ForecastOptions = {},
  ): Promise<SampleForecasts | LevelForecasts | PointForecasts> {
    const points = this.#model;
    if (points.kind === 'points') return this.#predictPoints(points, inputs as MultivariateInputs, options);
    const model = points;
    const set = copySeries(inputs as SeriesInputs, model.contextLength);
    const request = readForecastOptions(options, model, set.count, this.#defaults);
    return this.#queue.run(async () => {
      const inner = model.kind === 'samples' ? request.numSamples : model.quantileLevels.length;
      const table = new StepTable(set.count, inner, request.horizon, 1);
      const traces = new Traces(model, request, set.count);
      const unobserved = await runModel(model, set, request, async (pass) => {
        const traced = traces.of(request, pass);
        const blocks =
          model.kind === 'samples'
            ? sampleBlocks(model, pass, traced, await passKeys(model, pass, request), undefined)
            : pathBlocks(model, pass, traced);
        for await (const { at, count, forecast } of blocks) {
          const data = forecast instanceof Float32Array ? forecast : forecast.samples!;
          table.put(data, data.length / (pass.indices.length * inner), pass.indices, at, count);
        }
      });
      const result = {
        ...outcome(set, unobserved, horizonWarnings(model, request), [table]),
        ...traces.result,
        data: table.data,
        shape: [set.count, inner, request.horizon] as const,
      };
      if (model.kind === 'samples') return { kind: model.kind, ...result };
      return { kind: model.kind, ...result, quantileLevels: model.quantileLevels };
    }, request.signal);
  }

  /** The encoder's output for every token of every series, for use as features. */
  async embed(inputs: SeriesInputs, options: BatchOptions = {}): Promise<Embeddings> {
    const model = this.#univariate('embed');
    const set = copySeries(inputs, model.contextLength);
    const request = readBatchOptions(options, model, this.#defaults);
    return this.#queue.run(() => embedSeries(model, set, request), request.signal);
  }

  /** Lets the running call finish, rejects waiting and later ones with ERR_DISPOSED, and releases the model. */
  async dispose(): Promise<void> {
    await this.#queue.close();
    this.#model.dispose();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  #univariate(what: string): ForecastModel {
    if (this.#model.kind === 'points') throw unsupported(what, this.#model);
    return this.#model;
  }

  async #predictPoints(
    model: PointModel,
    inputs: MultivariateInputs,
    options: ForecastOptions,
  ): Promise<PointForecasts> {
    const request = readPointOptions(options);
    if (options.merging) throw unsupported('merging', model);
    const batch = copyContexts(inputs, model, request.throwErrors);
    return this.#queue.run(() => predictPoints(model, batch, request), request.signal);
  }
}

function unsupported(what: string, { name }: PointModel): TidemergeError {
  return new TidemergeError('ERR_UNSUPPORTED', `${what}: ${name} gives one value for the next step: use predict`);
}

/** The random stream of every series of a pass: by its id, or by its values. */
async function passKeys(model: SampleModel, pass: Pass, { keys, signal }: ForecastRequest): Promise<Int32Array> {
  if (!keys) return model.keys(pass, signal);
  const own = new Int32Array(2 * pass.indices.length);
  for (const [b, i] of pass.indices.entries()) own.set(keys.subarray(2 * i, 2 * i + 2), 2 * b);
  return own;
}
