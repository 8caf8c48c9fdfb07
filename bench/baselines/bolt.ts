import { linear, type Panels } from './matmul.js';
import { T5Encoder, T5FirstStep } from './t5.js';
import type { BaselineWeights } from './weights.js';

interface ResidualBlock {
  readonly hidden: { readonly weight: Panels; readonly bias: Float32Array };
  readonly output: { readonly weight: Panels; readonly bias: Float32Array };
  readonly residual: { readonly weight: Panels; readonly bias: Float32Array };
}

/** A Chronos-Bolt forecast in plain JavaScript, for one series without missing values whose length fills its patches. */
export class BoltBaseline {
  readonly #patch: number;
  readonly #context: number;
  readonly #tokens: Float32Array;
  readonly #dModel: number;
  readonly #input: ResidualBlock;
  readonly #output: ResidualBlock;
  readonly #encoder: T5Encoder;
  readonly #decoder: T5FirstStep;

  constructor(weights: BaselineWeights) {
    const { d_model, chronos_config } = weights.config;
    this.#dModel = d_model;
    this.#patch = chronos_config.input_patch_size;
    this.#context = chronos_config.context_length;
    this.#tokens = weights.vector('shared.weight');
    this.#input = readBlock(weights, 'input_patch_embedding');
    this.#output = readBlock(weights, 'output_patch_embedding');
    this.#encoder = new T5Encoder(weights);
    this.#decoder = new T5FirstStep(weights);
  }

  /** The trained quantiles of the next steps: [levels, predictionLength]. */
  forecast(series: Float32Array): Float32Array {
    const { patches, loc, scale } = standardise(series.subarray(-this.#context), this.#patch);
    const embedded = residualBlock(patches, this.#input);
    const dModel = this.#dModel;
    const rows = new Float32Array(embedded.length + dModel);
    rows.set(embedded);
    rows.set(this.#tokens.subarray(dModel), embedded.length); // the register token
    const state = this.#decoder.decode(this.#tokens.subarray(0, dModel), this.#encoder.encode(rows));
    return residualBlock(state, this.#output).map((value) => value * scale + loc);
  }
}

/** [patches, 2 · patch]: values of zero mean and unit deviation, then a 1 for every value observed. */
function standardise(series: Float32Array, patch: number) {
  let sum = 0;
  for (const value of series) sum += value;
  const loc = sum / series.length;
  let squares = 0;
  for (const value of series) squares += (value - loc) ** 2;
  const scale = Math.sqrt(squares / series.length);
  const patches = new Float32Array(2 * series.length);
  for (const [i, value] of series.entries()) {
    const at = Math.floor(i / patch) * 2 * patch + (i % patch);
    patches[at] = (value - loc) / scale;
    patches[at + patch] = 1;
  }
  return { patches, loc, scale };
}

function readBlock(weights: BaselineWeights, prefix: string): ResidualBlock {
  const layer = (name: string) => ({
    weight: weights.matrix(`${prefix}.${name}.weight`),
    bias: weights.vector(`${prefix}.${name}.bias`),
  });
  return { hidden: layer('hidden_layer'), output: layer('output_layer'), residual: layer('residual_layer') };
}

function residualBlock(x: Float32Array, { hidden, output, residual }: ResidualBlock): Float32Array {
  const inner = linear(x, hidden.weight, { bias: hidden.bias, relu: true });
  const straight = linear(x, residual.weight, { bias: residual.bias });
  return linear(inner, output.weight, { bias: output.bias, residual: straight });
}
