import { Weights, write } from './random-model.js';

/*
 * HyenaDNA folders of a published shape with random weights, in Hugging Face form.
 */

export interface HyenaSizes {
  readonly dModel: number;
  readonly dInner: number;
  readonly numLayers: number;
  readonly maxLength: number;
}

/** LongSafari/hyenadna-medium-160k-seqlen-hf. */
export const HYENA_MEDIUM: HyenaSizes = { dModel: 256, dInner: 1024, numLayers: 8, maxLength: 160_002 };

const FILTER = { embDim: 5, order: 64 };

/** Writes config.json and model.safetensors; returns the directory. */
export function writeHyena(directory: string, sizes: HyenaSizes): string {
  const { dModel, dInner, numLayers, maxLength } = sizes;
  const weights = new Weights();
  weights.matrix('hyena.backbone.embeddings.word_embeddings.weight', 16, dModel, 1);
  weights.norm('hyena.backbone.ln_f', dModel);
  for (let i = 0; i < numLayers; i++) writeLayer(weights, `hyena.backbone.layers.${i}`, sizes);
  const config = {
    architectures: ['HyenaDNAForCausalLM'],
    model_type: 'hyenadna',
    d_model: dModel,
    d_inner: dInner,
    n_layer: numLayers,
    vocab_size: 12,
    pad_vocab_size_multiple: 8,
    max_seq_len: maxLength,
    emb_dim: FILTER.embDim,
    filter_order: FILTER.order,
    num_inner_mlps: 2,
    activation_freq: 10,
    hyena_order: 2,
    short_filter_order: 3,
    layer_norm_epsilon: 1e-5,
  };
  return write(directory, config, weights);
}

function writeLayer(weights: Weights, layer: string, { dModel, dInner, maxLength }: HyenaSizes): void {
  const { embDim, order } = FILTER;
  weights.norm(`${layer}.norm1`, dModel);
  weights.norm(`${layer}.norm2`, dModel);
  weights.linear(`${layer}.mlp.fc1`, dInner, dModel);
  weights.linear(`${layer}.mlp.fc2`, dModel, dInner);
  const mixer = `${layer}.mixer`;
  weights.linear(`${mixer}.in_proj`, 3 * dModel, dModel);
  weights.linear(`${mixer}.out_proj`, dModel, dModel);
  weights.vector(`${mixer}.short_filter.bias`, 3 * dModel, 0);
  weights.shaped(`${mixer}.short_filter.weight`, [3 * dModel, 1, 3], (i) => (i % 3 === 2 ? 1 : 0.2));
  const filter = `${mixer}.filter_fn`;
  weights.vector(`${filter}.bias`, dModel, 0);
  for (const [i, width] of [embDim, order, order].entries()) {
    weights.linear(`${filter}.implicit_filter.${2 * i}`, order, width);
  }
  weights.matrix(`${filter}.implicit_filter.6.weight`, dModel, order, order ** -0.5);
  weights.shaped(`${filter}.implicit_filter.1.freq`, [1, order], () => 10);
  weights.shaped(`${filter}.pos_emb.t`, [1, maxLength, 1], (i) => i / (maxLength - 1));
  weights.shaped(`${filter}.pos_emb.z`, [1, maxLength, embDim], (i) =>
    position(Math.floor(i / embDim), i % embDim, maxLength),
  );
  // Decays from 1 % after one and a half lengths to 1 % after 0.3.
  weights.shaped(`${filter}.modulation.deltas`, [1, 1, dModel], (c) => -3.07 - (12.28 * c) / (dModel - 1));
}

/** Time, and a cosine and a sine for each of two bands. */
function position(t: number, column: number, length: number): number {
  if (column === 0) return t / (length - 1);
  const angle = (2 * Math.PI * t * (column % 2 === 1 ? 1e-4 : 1)) / length;
  return column <= 2 ? Math.cos(angle) : -Math.sin(angle);
}

/** Letters in no order; the same in every run. */
export function randomLetters(tokens: number): { data: Int32Array; shape: number[] } {
  const data = Int32Array.from({ length: tokens }, (_, i) => 7 + ((Math.imul(i, 0x9e3779b1) >>> 13) & 3));
  return { data, shape: [1, tokens] };
}
