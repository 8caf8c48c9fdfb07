import { Weights, write } from './random-model.js';

/*
 * Mamba folders of a given shape with random weights, in Hugging Face form. Decays, steps and skips are those of the
 * published initialisation: A = -1 … -states, steps from 0.001 to 0.1, skip 1.
 */

export interface MambaSizes {
  readonly vocabulary: number;
  readonly hiddenSize: number;
  readonly numLayers: number;
}

/** state-spaces/mamba-130m-hf without the rows that only pad its embedding. */
export const MAMBA_130M: MambaSizes = { vocabulary: 50_280, hiddenSize: 768, numLayers: 24 };

const D_STATE = 16;
const KERNEL = 4;

/** Writes config.json and model.safetensors; returns the directory. The embedding is the head too, as in the published ones. */
export function writeMamba(directory: string, sizes: MambaSizes): string {
  const { vocabulary, hiddenSize, numLayers } = sizes;
  const weights = new Weights();
  // The published deviation; with 1, logits of the tied head would be of the size of the root of the width.
  weights.matrix('backbone.embeddings.weight', vocabulary, hiddenSize, 0.02);
  for (let i = 0; i < numLayers; i++) writeLayer(weights, `backbone.layers.${i}`, hiddenSize);
  weights.vector('backbone.norm_f.weight', hiddenSize, 1);
  const config = {
    architectures: ['MambaForCausalLM'],
    model_type: 'mamba',
    vocab_size: vocabulary,
    hidden_size: hiddenSize,
    num_hidden_layers: numLayers,
    state_size: D_STATE,
    conv_kernel: KERNEL,
    expand: 2,
    intermediate_size: 2 * hiddenSize,
    time_step_rank: Math.ceil(hiddenSize / 16),
    hidden_act: 'silu',
    layer_norm_epsilon: 1e-5,
    residual_in_fp32: true,
    use_bias: false,
    use_conv_bias: true,
    tie_word_embeddings: true,
    bos_token_id: 0,
    eos_token_id: 0,
    pad_token_id: 0,
    torch_dtype: 'float32',
  };
  return write(directory, config, weights);
}

function writeLayer(weights: Weights, layer: string, hiddenSize: number): void {
  const inner = 2 * hiddenSize;
  const rank = Math.ceil(hiddenSize / 16);
  const mixer = `${layer}.mixer`;
  weights.vector(`${layer}.norm.weight`, hiddenSize, 1);
  weights.matrix(`${mixer}.in_proj.weight`, 2 * inner, hiddenSize, hiddenSize ** -0.5);
  weights.shaped(`${mixer}.conv1d.weight`, [inner, 1, KERNEL], (i) => [0.1, 0.2, 0.3, 0.6][i % KERNEL]!);
  weights.vector(`${mixer}.conv1d.bias`, inner, 0);
  weights.matrix(`${mixer}.x_proj.weight`, rank + 2 * D_STATE, inner, inner ** -0.5);
  weights.matrix(`${mixer}.dt_proj.weight`, inner, rank, rank ** -0.5);
  weights.shaped(`${mixer}.dt_proj.bias`, [inner], (c) => stepBias(c / (inner - 1)));
  weights.shaped(`${mixer}.A_log`, [inner, D_STATE], (i) => Math.log((i % D_STATE) + 1));
  weights.shaped(`${mixer}.D`, [inner], () => 1);
  weights.matrix(`${mixer}.out_proj.weight`, hiddenSize, inner, inner ** -0.5);
}

/** What softplus makes a step of: from 0.001 to 0.1 by equal factors. */
function stepBias(share: number): number {
  return Math.log(Math.expm1(0.001 * 100 ** share));
}

/** Ids in no order, the same in every run: [1, tokens]. */
export function randomIds(tokens: number, vocabulary: number): { data: Int32Array; shape: number[] } {
  const data = Int32Array.from({ length: tokens }, (_, i) => (Math.imul(i + 1, 0x9e3779b1) >>> 8) % vocabulary);
  return { data, shape: [1, tokens] };
}
