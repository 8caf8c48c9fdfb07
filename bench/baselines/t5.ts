import { attention, type Heads } from './attention.js';
import { linear, type Panels } from './matmul.js';
import { rmsNormRows } from './norm.js';
import type { BaselineWeights } from './weights.js';

/*
 * T5 stacks in plain JavaScript: the encoder, and the decoder for a single first token, which is all Chronos-Bolt needs.
 */

interface EncoderBlock {
  readonly norm: Float32Array;
  readonly queryKeyValue: Panels;
  readonly output: Panels;
  readonly feedForward: FeedForward;
}

interface DecoderBlock {
  readonly norm: Float32Array;
  readonly value: Panels;
  readonly output: Panels;
  readonly crossNorm: Float32Array;
  readonly crossQuery: Panels;
  readonly crossKeyValue: Panels;
  readonly crossOutput: Panels;
  readonly feedForward: FeedForward;
}

interface FeedForward {
  readonly norm: Float32Array;
  readonly input: Panels;
  readonly output: Panels;
}

export class T5Encoder {
  readonly #blocks: EncoderBlock[];
  readonly #finalNorm: Float32Array;
  readonly #heads: Heads;
  readonly #epsilon: number;

  constructor(weights: BaselineWeights) {
    const { num_heads: numHeads, d_kv: headDim, num_layers, layer_norm_epsilon } = weights.config;
    this.#blocks = Array.from({ length: num_layers }, (_, i) => {
      const layer = `encoder.block.${i}.layer`;
      const [q, k, v, o] = ['q', 'k', 'v', 'o'].map((name) => `${layer}.0.SelfAttention.${name}.weight`);
      return {
        norm: weights.vector(`${layer}.0.layer_norm.weight`),
        queryKeyValue: weights.matrix(q!, k!, v!),
        output: weights.matrix(o!),
        feedForward: readFeedForward(weights, `${layer}.1`),
      };
    });
    this.#finalNorm = weights.vector('encoder.final_layer_norm.weight');
    const table = weights.vector('encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight');
    this.#heads = { numHeads, headDim, scale: 1, distanceBias: spread(table, numHeads) };
    this.#epsilon = layer_norm_epsilon;
  }

  /** One series: x [rows, dModel] → [rows, dModel]. */
  encode(x: Float32Array): Float32Array {
    const { numHeads, headDim } = this.#heads;
    const inner = numHeads * headDim;
    const rows = x.length / this.#finalNorm.length;
    let hidden = x;
    for (const block of this.#blocks) {
      const data = linear(rmsNormRows(hidden, block.norm, this.#epsilon), block.queryKeyValue);
      const part = (i: number) => ({ data, stride: 3 * inner, column: i * inner });
      const mixed = attention(part(0), rows, part(1), part(2), rows, this.#heads);
      hidden = linear(mixed, block.output, { residual: hidden });
      hidden = feedForward(hidden, block.feedForward, this.#epsilon);
    }
    return rmsNormRows(hidden, this.#finalNorm, this.#epsilon);
  }
}

export class T5FirstStep {
  readonly #blocks: DecoderBlock[];
  readonly #finalNorm: Float32Array;
  readonly #heads: Heads;
  readonly #epsilon: number;

  constructor(weights: BaselineWeights) {
    const { num_heads: numHeads, d_kv: headDim, num_decoder_layers, layer_norm_epsilon } = weights.config;
    this.#blocks = Array.from({ length: num_decoder_layers }, (_, i) => {
      const layer = `decoder.block.${i}.layer`;
      const [self, cross] = [`${layer}.0.SelfAttention`, `${layer}.1.EncDecAttention`];
      return {
        norm: weights.vector(`${layer}.0.layer_norm.weight`),
        value: weights.matrix(`${self}.v.weight`),
        output: weights.matrix(`${self}.o.weight`),
        crossNorm: weights.vector(`${layer}.1.layer_norm.weight`),
        crossQuery: weights.matrix(`${cross}.q.weight`),
        crossKeyValue: weights.matrix(`${cross}.k.weight`, `${cross}.v.weight`),
        crossOutput: weights.matrix(`${cross}.o.weight`),
        feedForward: readFeedForward(weights, `${layer}.2`),
      };
    });
    this.#finalNorm = weights.vector('decoder.final_layer_norm.weight');
    this.#heads = { numHeads, headDim, scale: 1 };
    this.#epsilon = layer_norm_epsilon;
  }

  /** The decoder's output for its first token: x [1, dModel], encoded [rows, dModel] → [1, dModel]. */
  decode(x: Float32Array, encoded: Float32Array): Float32Array {
    const { numHeads, headDim } = this.#heads;
    const inner = numHeads * headDim;
    const rows = encoded.length / x.length;
    let hidden = x;
    for (const block of this.#blocks) {
      // A single key takes the whole weight: self-attention is its value.
      const value = linear(rmsNormRows(hidden, block.norm, this.#epsilon), block.value);
      hidden = linear(value, block.output, { residual: hidden });
      const data = linear(encoded, block.crossKeyValue);
      const query = linear(rmsNormRows(hidden, block.crossNorm, this.#epsilon), block.crossQuery);
      const memory = (i: number) => ({ data, stride: 2 * inner, column: i * inner });
      const mixed = attention({ data: query, stride: inner, column: 0 }, 1, memory(0), memory(1), rows, this.#heads);
      hidden = linear(mixed, block.crossOutput, { residual: hidden });
      hidden = feedForward(hidden, block.feedForward, this.#epsilon);
    }
    return rmsNormRows(hidden, this.#finalNorm, this.#epsilon);
  }
}

function readFeedForward(weights: BaselineWeights, layer: string): FeedForward {
  return {
    norm: weights.vector(`${layer}.layer_norm.weight`),
    input: weights.matrix(`${layer}.DenseReluDense.wi.weight`),
    output: weights.matrix(`${layer}.DenseReluDense.wo.weight`),
  };
}

function feedForward(x: Float32Array, { norm, input, output }: FeedForward, epsilon: number): Float32Array {
  const inner = linear(rmsNormRows(x, norm, epsilon), input, { relu: true });
  return linear(inner, output, { residual: x });
}

/** Largest distance with a bias of its own. */
const REACH = 128;

/** The learnt bias by bucket [32, numHeads] as bias by distance [numHeads, 2 · REACH + 1] (Raffel et al. 2020). */
function spread(table: Float32Array, numHeads: number): Float32Array {
  const width = 2 * REACH + 1;
  const bias = new Float32Array(numHeads * width);
  for (let d = -REACH; d <= REACH; d++) {
    const distance = Math.abs(d);
    const logarithmic = 8 + Math.trunc(Math.fround((Math.log(distance / 8) / Math.log(REACH / 8)) * 8));
    const bucket = (d > 0 ? 16 : 0) + (distance < 8 ? distance : Math.min(15, logarithmic));
    for (let h = 0; h < numHeads; h++) bias[h * width + d + REACH] = table[bucket * numHeads + h]!;
  }
  return bias;
}
