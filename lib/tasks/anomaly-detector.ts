import type { DetectionProtocol } from '../analysis/anomaly/evaluate.js';
import { anomalyThreshold } from '../analysis/anomaly/threshold.js';
import { TidemergeError } from '../errors.js';
import { show } from '../io/quote.js';
import type { BackendInfo } from '../models/forecast-model.js';
import { type LoadOptions, loadModel, only } from '../models/load.js';
import { type SbtModel, sbtFor } from '../models/sbt/model.js';
import { storeThreshold } from '../models/sbt/store-threshold.js';
import { AnomalyStream } from './anomaly-stream.js';
import { resolveModel } from './embedded.js';
import { copyMultivariate, isOneSeries, type MultivariateInputs, type MultivariateSeries } from './multivariate.js';
import { TaskQueue } from './queue.js';
import { type ScoreOptions, scoreWindows, type WindowScores } from './window-scores.js';

export interface DetectOptions extends ScoreOptions {
  /** Scores above it are anomalies. Default: what `calibrate` found, or what the model was stored with. */
  readonly threshold?: number | undefined;
  /** Instead of a threshold: the quantile of the calibration scores that is to be the threshold, from 0 to 1. */
  readonly level?: number | undefined;
  /**
   * 'honest' (default): the threshold comes from normal data alone. 'paper': the quantile is that of calibration scores
   * and the scores of this call together, as published figures of such models are made; it has seen what it judges.
   */
  readonly protocol?: DetectionProtocol | undefined;
}

export interface Detection {
  /**
   * [length]: the squared error of the reconstructed newest step, mean over the (standardised) variables, of the window
   * that ends at each step. NaN for the first windowLength - 1 steps and where the window holds a missing value.
   */
  readonly score: Float64Array;
  /** [length]: 1 where the score is above the threshold. */
  readonly isAnomaly: Uint8Array;
  readonly threshold: number;
  readonly protocol: DetectionProtocol;
  /** Steps without a score because their window holds a missing value. */
  readonly missing: number;
}

export interface Calibration {
  readonly threshold: number;
  readonly level: number;
  /** Scores it is the quantile of. */
  readonly scores: number;
}

/**
 * Finds anomalies in series of several variables with a pretrained model: at every step the model reconstructs it from
 * the window that ends there, and a large error is an anomaly. Calls are run one after the other, first in, first out;
 * inputs are copied before a call returns. A score depends on its window alone.
 */
export class AnomalyDetector {
  readonly #model: SbtModel;
  readonly #queue = new TaskQueue('anomaly detector');
  #threshold: { readonly value: number; readonly level: number } | undefined;
  /** Of the normal data this object was calibrated with. */
  #reference: Float64Array[] = [];

  readonly #directory: string;

  private constructor(model: SbtModel, directory: string) {
    this.#model = model;
    this.#directory = directory;
    this.#threshold = model.config.threshold;
  }

  /** Loads a model directory. Errors as of `Forecaster.fromPretrained`; ERR_UNSUPPORTED for a model of another task. */
  static async fromPretrained(directory: string, options: LoadOptions = {}): Promise<AnomalyDetector> {
    const resolved = resolveModel(directory);
    return new AnomalyDetector(await loadModel(resolved, only(sbtFor('anomaly-detection')), options), resolved);
  }

  /** The threshold in use, if there is one. */
  get threshold(): number | undefined {
    return this.#threshold?.value;
  }

  get modelName(): string {
    return this.#model.name;
  }

  /** Variables of a series. */
  get numVariables(): number {
    return this.#model.config.numVariables;
  }

  /** Steps of a window, the newest one included. */
  get windowLength(): number {
    return this.#model.config.windowLength;
  }

  get backend(): BackendInfo {
    return this.#model.backend;
  }

  /** The scores alone, of one series or of several. A series shorter than a window has none: all NaN. */
  score(inputs: MultivariateSeries, options?: ScoreOptions): Promise<Float64Array>;
  score(inputs: readonly MultivariateSeries[], options?: ScoreOptions): Promise<Float64Array[]>;
  async score(inputs: MultivariateInputs, options: ScoreOptions = {}): Promise<Float64Array | Float64Array[]> {
    const scored = (await this.#scores(inputs, options)).map(({ score }) => score);
    return isOneSeries(inputs) ? scored[0]! : scored;
  }

  /**
   * Scores and flags, of one series or of several. ERR_INVALID_ARGUMENT where there is no threshold: neither given nor
   * stored with the model nor calibrated.
   */
  detect(inputs: MultivariateSeries, options?: DetectOptions): Promise<Detection>;
  detect(inputs: readonly MultivariateSeries[], options?: DetectOptions): Promise<Detection[]>;
  async detect(inputs: MultivariateInputs, options: DetectOptions = {}): Promise<Detection | Detection[]> {
    const decide = this.#decision(options);
    const { protocol = 'honest' } = options;
    const scored = await this.#scores(inputs, options);
    const threshold = decide(scored.map(({ score }) => score));
    const detections = scored.map(({ score, missing }) => {
      const isAnomaly = Uint8Array.from(score, (value) => Number(value > threshold));
      return { score, isAnomaly, threshold, protocol, missing };
    });
    return isOneSeries(inputs) ? detections[0]! : detections;
  }

  /** Takes the quantile of the scores of normal data as the threshold from now on; it replaces an earlier one. */
  async calibrate(
    normalInputs: MultivariateInputs,
    { level = 0.99, ...options }: ScoreOptions & Pick<DetectOptions, 'level'> = {},
  ): Promise<Calibration> {
    checkLevel(level);
    const scores = (await this.#scores(normalInputs, options)).map(({ score }) =>
      score.filter((x) => !Number.isNaN(x)),
    );
    const count = scores.reduce((sum, list) => sum + list.length, 0);
    if (count === 0) {
      const expected = `a whole window of ${this.windowLength} steps without a missing value`;
      throw new TidemergeError('ERR_BAD_DATA', `calibrate: expected ${expected}, got none`);
    }
    const value = anomalyThreshold(scores, { level });
    this.#reference = scores;
    this.#threshold = { value, level };
    return { threshold: value, level, scores: count };
  }

  /**
   * Stores the threshold in the model's config.json, where it is found when the model is loaded again. ERR_INVALID_ARGUMENT
   * where there is none, ERR_UNSUPPORTED for a training checkpoint, ERR_FILE_ACCESS.
   */
  saveThreshold(): void {
    if (!this.#threshold) {
      throw new TidemergeError('ERR_INVALID_ARGUMENT', 'saveThreshold: expected calibrate() first, got no threshold');
    }
    storeThreshold(this.#directory, this.#threshold);
  }

  /**
   * Detection sample by sample. What is computed of past steps is kept where that changes nothing but rounding: in Step-T
   * models without a position code and without norms over time. `cached: true` makes it ERR_UNSUPPORTED where it cannot be, false
   * computes the whole window with every sample. Streams end with the detector.
   */
  stream({ cached }: { readonly cached?: boolean | undefined } = {}): AnomalyStream {
    const why = this.#model.notCached;
    if (cached && why) throw new TidemergeError('ERR_UNSUPPORTED', `stream: cached: ${this.modelName}: ${why}`);
    return new AnomalyStream(this.#model, cached ?? !why);
  }

  /** Lets the running call finish, rejects waiting and later ones with ERR_DISPOSED, and releases the model. */
  async dispose(): Promise<void> {
    await this.#queue.close();
    this.#model.dispose();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  #scores(inputs: MultivariateInputs, options: ScoreOptions): Promise<WindowScores[]> {
    const list = copyMultivariate(inputs, this.numVariables);
    return this.#queue.run(async () => {
      const scored: WindowScores[] = [];
      for (const series of list) scored.push(await scoreWindows(this.#model, series, options));
      return scored;
    }, options.signal);
  }

  /** How the threshold of a call follows from its scores; throws what can be said before they are computed. */
  #decision({ threshold, level, protocol = 'honest' }: DetectOptions): (scores: Float64Array[]) => number {
    if (protocol !== 'honest' && protocol !== 'paper') throw invalid('protocol', "'honest' or 'paper'", protocol);
    if (threshold !== undefined) {
      if (!Number.isFinite(threshold)) throw invalid('threshold', 'a finite number', threshold);
      if (level !== undefined) throw invalid('level', 'none beside a threshold', level);
      if (protocol === 'paper') throw invalid('threshold', 'none with protocol paper', threshold);
      return () => threshold;
    }
    if (level !== undefined) checkLevel(level);
    const stored = this.#threshold;
    if (protocol === 'paper') {
      const wanted = level ?? stored?.level ?? 0.99;
      return (scores) => anomalyThreshold([...this.#reference, ...scores], { level: wanted });
    }
    if (stored && (level === undefined || level === stored.level)) return () => stored.value;
    if (level !== undefined && this.#reference.length > 0) {
      const value = anomalyThreshold(this.#reference, { level });
      return () => value;
    }
    throw new TidemergeError(
      'ERR_INVALID_ARGUMENT',
      `detect: expected a threshold, or calibrate() with normal data first, got neither${stored ? ` (the stored one is of level ${stored.level})` : ''}`,
    );
  }
}

function checkLevel(level: number): void {
  if (!(level >= 0 && level <= 1)) throw invalid('level', 'a number from 0 to 1', level);
}

function invalid(name: string, expected: string, got: unknown): TidemergeError {
  return new TidemergeError('ERR_INVALID_ARGUMENT', `${name}: expected ${expected}, got ${show(got)}`);
}
