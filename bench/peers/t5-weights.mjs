import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openSafetensors } from '../../dist/io/index.js';

/** A model directory as the graphs of other runtimes want it. */
export class T5Weights {
  #store;

  constructor(directory) {
    this.config = JSON.parse(readFileSync(join(directory, 'config.json'), 'utf8'));
    this.inputs = JSON.parse(readFileSync(join(directory, 'bench-inputs.json'), 'utf8'));
    this.#store = openSafetensors(join(directory, 'model.safetensors'));
  }

  /** { data, shape } as published. */
  tensor(name) {
    return { data: this.#store.readFloat32(name), shape: this.#store.info(name).shape };
  }

  /** A matrix [out, in] as [in, out], the right factor of x · W. */
  transposed(name) {
    const {
      data,
      shape: [out, inner],
    } = this.tensor(name);
    const turned = new Float32Array(data.length);
    for (let i = 0; i < out; i++) for (let j = 0; j < inner; j++) turned[j * out + i] = data[i * inner + j];
    return { data: turned, shape: [inner, out] };
  }

  /** Relative position bias of a whole sequence [1, heads, length, length]. */
  encoderBias(length) {
    const { num_heads: heads } = this.config;
    const bias = new Float32Array(heads * length * length);
    const table = this.#biasTable('encoder');
    for (let i = 0; i < length; i++) {
      for (let j = 0; j < length; j++) {
        const bucket = bothDirections(j - i);
        for (let h = 0; h < heads; h++) bias[(h * length + i) * length + j] = table[bucket * heads + h];
      }
    }
    return { data: bias, shape: [1, heads, length, length] };
  }

  /** Bias of the newest query towards all keys so far [1, heads, 1, keys]. */
  decoderBias(keys) {
    const { num_heads: heads } = this.config;
    const bias = new Float32Array(heads * keys);
    const table = this.#biasTable('decoder');
    for (let j = 0; j < keys; j++) {
      const bucket = past(keys - 1 - j);
      for (let h = 0; h < heads; h++) bias[h * keys + j] = table[bucket * heads + h];
    }
    return { data: bias, shape: [1, heads, 1, keys] };
  }

  #biasTable(stack) {
    return this.tensor(`${stack}.block.0.layer.0.SelfAttention.relative_attention_bias.weight`).data;
  }
}

/* The buckets of T5 with its usual 32 buckets up to distance 128. */
const MAX_DISTANCE = 128;
const logarithmic = (distance, exact) =>
  Math.min(
    exact + Math.trunc(Math.fround((Math.log(distance / exact) / Math.log(MAX_DISTANCE / exact)) * exact)),
    2 * exact - 1,
  );
const past = (distance) => (distance < 16 ? distance : logarithmic(distance, 16));
const bothDirections = (d) => (d > 0 ? 16 : 0) + (Math.abs(d) < 8 ? Math.abs(d) : logarithmic(Math.abs(d), 8));
