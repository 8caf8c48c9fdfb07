import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TensorToWrite, writeSafetensors } from 'tidemerge/io';
import { randomArray } from './numbers.js';

/*
 * Models of the published shapes with random weights, in Hugging Face form. Speed does not depend on the values;
 * variances are those T5 is initialised with, so that activations stay in a normal range in any runtime.
 */

export interface T5Shape {
  readonly dModel: number;
  readonly dFf: number;
  readonly numLayers: number;
  readonly numHeads: number;
  readonly headDim: number;
}

/** The sizes in which Chronos-T5 and Chronos-Bolt are published. */
export const SHAPES = {
  tiny: { dModel: 256, dFf: 1024, numLayers: 4, numHeads: 4, headDim: 64 },
  mini: { dModel: 384, dFf: 1536, numLayers: 4, numHeads: 8, headDim: 64 },
  small: { dModel: 512, dFf: 2048, numLayers: 6, numHeads: 8, headDim: 64 },
  base: { dModel: 768, dFf: 3072, numLayers: 12, numHeads: 12, headDim: 64 },
} as const satisfies Record<string, T5Shape>;

export type Size = keyof typeof SHAPES;

const BUCKETS = 32;
const VOCABULARY = 4096;
const BOLT = { contextLength: 2048, patchLength: 16, predictionLength: 64 };
const QUANTILES = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];

/** Writes config.json and model.safetensors; returns the directory. */
export function writeChronosT5(directory: string, size: Size, contextLength = 512): string {
  const shape = SHAPES[size];
  const weights = new Weights();
  weights.matrix('shared.weight', VOCABULARY, shape.dModel, 1);
  weights.matrix('lm_head.weight', VOCABULARY, shape.dModel, shape.dModel ** -0.5);
  writeStacks(weights, shape);
  const config = {
    ...t5Config('T5ForConditionalGeneration', shape, VOCABULARY),
    tie_word_embeddings: false,
    chronos_config: {
      tokenizer_class: 'MeanScaleUniformBins',
      tokenizer_kwargs: { low_limit: -15, high_limit: 15 },
      n_tokens: VOCABULARY,
      n_special_tokens: 2,
      pad_token_id: 0,
      eos_token_id: 1,
      use_eos_token: true,
      model_type: 'seq2seq',
      context_length: contextLength,
      prediction_length: 64,
      num_samples: 20,
      temperature: 1,
      top_k: 50,
      top_p: 1,
    },
  };
  return write(directory, config, weights);
}

/** Writes config.json and model.safetensors; returns the directory. */
export function writeChronosBolt(directory: string, size: Size): string {
  const shape = SHAPES[size];
  const { dModel, dFf } = shape;
  const weights = new Weights();
  weights.matrix('shared.weight', 2, dModel, 1);
  weights.residualBlock('input_patch_embedding', 2 * BOLT.patchLength, dFf, dModel);
  weights.residualBlock('output_patch_embedding', dModel, dFf, QUANTILES.length * BOLT.predictionLength);
  writeStacks(weights, shape);
  const config = {
    ...t5Config('ChronosBoltModelForForecasting', shape, 2),
    reg_token_id: 1,
    chronos_pipeline_class: 'ChronosBoltPipeline',
    chronos_config: {
      context_length: BOLT.contextLength,
      input_patch_size: BOLT.patchLength,
      input_patch_stride: BOLT.patchLength,
      prediction_length: BOLT.predictionLength,
      quantiles: QUANTILES,
      use_reg_token: true,
    },
  };
  return write(directory, config, weights);
}

export class Weights {
  readonly tensors: TensorToWrite[] = [];
  #seed = 1;

  matrix(name: string, rows: number, columns: number, deviation: number): void {
    // Seeds far apart: the streams of two tensors do not overlap.
    const data = randomArray(rows * columns, Math.imul(this.#seed++, 0x6c078965), deviation);
    this.tensors.push({ name, dtype: 'F32', shape: [rows, columns], data });
  }

  vector(name: string, size: number, mean: number): void {
    const data = randomArray(size, Math.imul(this.#seed++, 0x6c078965), 0.05, mean);
    this.tensors.push({ name, dtype: 'F32', shape: [size], data });
  }

  shaped(name: string, shape: readonly number[], value: (i: number) => number): void {
    const size = shape.reduce((product, axis) => product * axis, 1);
    this.tensors.push({ name, dtype: 'F32', shape, data: Float32Array.from({ length: size }, (_, i) => value(i)) });
  }

  linear(prefix: string, rows: number, columns: number): void {
    this.matrix(`${prefix}.weight`, rows, columns, columns ** -0.5);
    this.vector(`${prefix}.bias`, rows, 0);
  }

  norm(prefix: string, size: number): void {
    this.vector(`${prefix}.weight`, size, 1);
    this.vector(`${prefix}.bias`, size, 0);
  }

  attention(prefix: string, { dModel, numHeads, headDim }: T5Shape): void {
    const inner = numHeads * headDim;
    this.matrix(`${prefix}.q.weight`, inner, dModel, (dModel * headDim) ** -0.5);
    this.matrix(`${prefix}.k.weight`, inner, dModel, dModel ** -0.5);
    this.matrix(`${prefix}.v.weight`, inner, dModel, dModel ** -0.5);
    this.matrix(`${prefix}.o.weight`, dModel, inner, inner ** -0.5);
  }

  feedForward(prefix: string, { dModel, dFf }: T5Shape): void {
    this.matrix(`${prefix}.wi.weight`, dFf, dModel, dModel ** -0.5);
    this.matrix(`${prefix}.wo.weight`, dModel, dFf, dFf ** -0.5);
  }

  residualBlock(prefix: string, input: number, hidden: number, output: number): void {
    this.linear(`${prefix}.hidden_layer`, hidden, input);
    this.linear(`${prefix}.output_layer`, output, hidden);
    this.linear(`${prefix}.residual_layer`, output, input);
  }
}

function writeStacks(weights: Weights, shape: T5Shape): void {
  for (const stack of ['encoder', 'decoder']) {
    for (let i = 0; i < shape.numLayers; i++) {
      const layer = `${stack}.block.${i}.layer`;
      const parts = stack === 'encoder' ? ['SelfAttention'] : ['SelfAttention', 'EncDecAttention'];
      for (const [p, part] of parts.entries()) {
        weights.vector(`${layer}.${p}.layer_norm.weight`, shape.dModel, 1);
        weights.attention(`${layer}.${p}.${part}`, shape);
      }
      weights.vector(`${layer}.${parts.length}.layer_norm.weight`, shape.dModel, 1);
      weights.feedForward(`${layer}.${parts.length}.DenseReluDense`, shape);
    }
    const bias = `${stack}.block.0.layer.0.SelfAttention.relative_attention_bias.weight`;
    weights.matrix(bias, BUCKETS, shape.numHeads, 0.5);
    weights.vector(`${stack}.final_layer_norm.weight`, shape.dModel, 1);
  }
}

function t5Config(architecture: string, shape: T5Shape, vocabulary: number) {
  return {
    architectures: [architecture],
    model_type: 't5',
    d_model: shape.dModel,
    d_kv: shape.headDim,
    d_ff: shape.dFf,
    num_heads: shape.numHeads,
    num_layers: shape.numLayers,
    num_decoder_layers: shape.numLayers,
    vocab_size: vocabulary,
    decoder_start_token_id: 0,
    pad_token_id: 0,
    eos_token_id: 1,
    dense_act_fn: 'relu',
    feed_forward_proj: 'relu',
    is_gated_act: false,
    is_encoder_decoder: true,
    // Readers that check types take no integers here.
    dropout_rate: 0.1,
    initializer_factor: 0.05,
    layer_norm_epsilon: 1e-6,
    relative_attention_num_buckets: BUCKETS,
    relative_attention_max_distance: 128,
    torch_dtype: 'float32',
  };
}

export function write(directory: string, config: object, { tensors }: Weights): string {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'config.json'), `${JSON.stringify(config, null, 2)}\n`);
  writeSafetensors(join(directory, 'model.safetensors'), tensors, { format: 'pt' });
  return directory;
}
