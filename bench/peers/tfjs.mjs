import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { serve } from '../../build-bench/serve.js';
import { T5Weights } from './t5-weights.mjs';

/*
 * TensorFlow.js with its WebAssembly backend as a contender, the encoder alone: directory, threads. In Node that backend
 * has SIMD but one thread.
 */

const [directory] = process.argv.slice(2);

await serve(async () => {
  const tf = await import('@tensorflow/tfjs-core');
  const wasm = await import('@tensorflow/tfjs-backend-wasm');
  await import('@tensorflow/tfjs-backend-cpu'); // runs the few kernels the other lacks
  const entry = createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm');
  wasm.setWasmPaths(`${join(dirname(entry), '/')}`);
  await tf.setBackend('wasm');
  await tf.ready();

  const weights = new T5Weights(directory);
  const { config, inputs } = weights;
  const { num_heads: heads, d_kv: headDim, layer_norm_epsilon: epsilon } = config;
  const rows = inputs.inputIds.length;
  const tensor = ({ data, shape }) => tf.tensor(data, shape, 'float32');
  const matrix = (name) => tensor(weights.transposed(`${name}.weight`));
  const vector = (name) => tensor(weights.tensor(`${name}.weight`));
  const table = vector('shared');
  const bias = tf.reshape(tensor(weights.encoderBias(rows)), [heads, rows, rows]);
  const finalNorm = vector('encoder.final_layer_norm');
  const blocks = Array.from({ length: config.num_layers }, (_, i) => {
    const layer = `encoder.block.${i}.layer`;
    const [q, k, v, o] = ['q', 'k', 'v', 'o'].map((name) => matrix(`${layer}.0.SelfAttention.${name}`));
    const [wi, wo] = ['wi', 'wo'].map((name) => matrix(`${layer}.1.DenseReluDense.${name}`));
    return { q, k, v, o, wi, wo, norm: vector(`${layer}.0.layer_norm`), ffNorm: vector(`${layer}.1.layer_norm`) };
  });
  const ids = tf.tensor1d(Int32Array.from(inputs.inputIds), 'int32');

  const product = (x, weight) => tf.matMul(x, weight);
  const norm = (x, weight) => {
    const root = tf.rsqrt(tf.add(tf.mean(tf.square(x), -1, true), epsilon));
    return tf.mul(tf.mul(x, root), weight);
  };
  const headsOf = (x, weight) => tf.transpose(tf.reshape(product(x, weight), [rows, heads, headDim]), [1, 0, 2]);
  const forward = () =>
    tf.tidy(() => {
      let x = tf.gather(table, ids);
      for (const b of blocks) {
        const y = norm(x, b.norm);
        const scores = tf.add(tf.matMul(headsOf(y, b.q), headsOf(y, b.k), false, true), bias);
        const mixed = tf.transpose(tf.matMul(tf.softmax(scores), headsOf(y, b.v)), [1, 0, 2]);
        x = tf.add(x, product(tf.reshape(mixed, [rows, heads * headDim]), b.o));
        x = tf.add(x, product(tf.relu(product(norm(x, b.ffNorm), b.wi)), b.wo));
      }
      return norm(x, finalNorm);
    });
  const encoder = async () => {
    const states = forward();
    const data = await states.data();
    states.dispose();
    return data;
  };
  return {
    info: { version: `tfjs ${tf.version_core}, wasm, ${wasm.getThreadsCount()} thread` },
    workloads: { encoder },
    outputs: { encoder },
  };
});
