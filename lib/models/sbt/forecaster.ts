import type { BackendInfo, PointModel } from '../forecast-model.js';
import type { ModelDefinition } from '../load.js';
import { type SbtModel, type sbt, sbtFor } from './model.js';
import { blankWindows } from './windows.js';

/** A forecasting model as forecasters know models. */
export class SbtForecaster implements PointModel {
  readonly kind = 'points';
  readonly predictionLength = 1;
  readonly #model: SbtModel;

  constructor(model: SbtModel) {
    this.#model = model;
  }

  get name(): string {
    return this.#model.name;
  }

  get backend(): BackendInfo {
    return this.#model.backend;
  }

  get contextLength(): number {
    return this.#model.config.windowLength - 1;
  }

  get numVariables(): number {
    return this.#model.config.numVariables;
  }

  async nextStep(values: Float64Array, signal?: AbortSignal): Promise<Float32Array> {
    const { numVariables, windowLength } = this.#model.config;
    const batch = values.length / numVariables / this.contextLength;
    // One row more, for the step that is to be forecast: a blank.
    const samples = new Float32Array(values.length + numVariables);
    samples.set(this.#model.standardize(values));
    return this.#model.restore(await this.#model.newest(samples, blankWindows(batch, windowLength), signal));
  }

  dispose(): void {
    this.#model.dispose();
  }
}

const forecasting = sbtFor('forecasting');

export const sbtForecaster: ModelDefinition<
  Parameters<typeof sbt.create>[1],
  Parameters<typeof sbt.create>[2],
  SbtForecaster
> = { ...forecasting, create: (...parts) => new SbtForecaster(forecasting.create(...parts)) };
