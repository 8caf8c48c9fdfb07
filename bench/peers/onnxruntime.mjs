import { serve } from '../../build-bench/serve.js';
import { crossModel, encoderModel, stepModel } from './onnx-model.mjs';
import { T5Weights } from './t5-weights.mjs';

/*
 * onnxruntime-node as a contender: directory, 'replicated' or 'shared' memory of the cross-attention, threads. Tokens
 * are the most likely ones, which is less work than to draw them.
 */

const [directory, memory, threads] = process.argv.slice(2);

await serve(async () => {
  const ort = (await import('onnxruntime-node')).default;
  const weights = new T5Weights(directory);
  const { inputs, config } = weights;
  const length = inputs.inputIds.length;
  const options = { intraOpNumThreads: Number(threads), interOpNumThreads: 1, graphOptimizationLevel: 'all' };
  const open = (bytes) => ort.InferenceSession.create(bytes, { ...options, logSeverityLevel: 3 });
  const shared = memory === 'shared';
  const encoder = await open(encoderModel(weights, length));
  const cross = await open(crossModel(weights, length));
  const step = await open(stepModel(weights, length, { shared }));
  const layers = config.num_decoder_layers;
  const integers = (values, shape) => new ort.Tensor('int64', BigInt64Array.from(values, BigInt), shape);
  const floats = ({ data, shape }) => new ort.Tensor('float32', data, shape);
  const ids = integers(inputs.inputIds, [1, length]);
  const biases = Array.from({ length: inputs.steps }, (_, t) => floats(weights.decoderBias(t + 1)));

  const encode = async () => (await encoder.run({ ids })).states;

  /** `next` gets a step's logits and its number, and gives the next tokens, or undefined to end. */
  async function decode(paths, first, next) {
    const feeds = await cross.run({ states: await encode(), repeats: integers([shared ? 1 : paths, 1, 1, 1], [4]) });
    const empty = new ort.Tensor('float32', new Float32Array(0), [paths, config.num_heads, 0, config.d_kv]);
    for (let i = 0; i < layers; i++) feeds[`sk${i}`] = feeds[`sv${i}`] = empty;
    let tokens = first;
    for (let t = 0; tokens; t++) {
      const out = await step.run({ ...feeds, token: integers(tokens, [paths, 1]), bias: biases[t] });
      for (let i = 0; i < layers; i++) {
        feeds[`sk${i}`] = out[`nk${i}`];
        feeds[`sv${i}`] = out[`nv${i}`];
      }
      tokens = next(out.logits.data, t);
    }
  }

  const forecast = (paths) => {
    const likeliest = (logits, t) => {
      if (t + 1 === inputs.steps) return undefined;
      const width = config.vocab_size;
      return Array.from({ length: paths }, (_, path) => {
        let best = path * width;
        for (let i = best + 1; i < (path + 1) * width; i++) if (logits[i] > logits[best]) best = i;
        return best - path * width;
      });
    };
    return decode(paths, new Array(paths).fill(config.decoder_start_token_id), likeliest);
  };

  const logits = async () => {
    const { decoderIds } = inputs;
    const all = new Float32Array(decoderIds.length * config.vocab_size);
    await decode(1, [decoderIds[0]], (row, t) => {
      all.set(row, t * config.vocab_size);
      return t + 1 < decoderIds.length ? [decoderIds[t + 1]] : undefined;
    });
    return all;
  };
  const workloads = { 'forecast of 20 paths': () => forecast(20), 'forecast of 1 path': () => forecast(1) };
  return {
    info: { version: `onnxruntime-node ${ort.env.versions.node ?? ort.env.versions.common}` },
    // The encoder is the same in both forms, and so is a single path.
    workloads: shared
      ? { 'forecast of 20 paths': workloads['forecast of 20 paths'] }
      : { encoder: encode, ...workloads },
    outputs: { encoder: async () => (await encode()).data, logits },
  };
});
