import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { serve } from '../../build-bench/serve.js';
import { openSafetensors } from '../../dist/io/index.js';
import { entry, writeGguf } from './gguf.mjs';

/*
 * llama.cpp through node-llama-cpp as a contender of the suite mamba: directory, dtype (float32), threads. The model is
 * written as GGUF with the same numbers; the decay, which is exp of what others keep, is taken here.
 */

const [directory, , count] = process.argv.slice(2);

/** The ids mean nothing, but llama.cpp wants a piece of text for each. */
function vocabulary(size) {
  const bytes = Array.from({ length: 256 }, (_, i) => `<0x${i.toString(16).toUpperCase().padStart(2, '0')}>`);
  const words = ['<unk>', '<s>', '</s>', ...bytes];
  for (let i = words.length; i < size; i++) words.push(`t${i}`);
  const types = Int32Array.from(words, (_, i) => (i === 0 ? 2 : i < 3 ? 3 : i < 259 ? 6 : 1));
  return [
    entry('tokenizer.ggml.model', 'string', 'llama'),
    entry('tokenizer.ggml.tokens', 'array', words),
    entry('tokenizer.ggml.scores', 'array', new Float32Array(size)),
    entry('tokenizer.ggml.token_type', 'array', types),
    entry('tokenizer.ggml.bos_token_id', 'uint32', 1),
    entry('tokenizer.ggml.eos_token_id', 'uint32', 2),
    entry('tokenizer.ggml.unknown_token_id', 'uint32', 0),
  ];
}

function sizes(config) {
  const numbers = {
    context_length: 2 ** 20,
    embedding_length: config.hidden_size,
    feed_forward_length: 0,
    'attention.head_count': 0,
    block_count: config.num_hidden_layers,
    'ssm.conv_kernel': config.conv_kernel,
    'ssm.inner_size': config.intermediate_size,
    'ssm.state_size': config.state_size,
    'ssm.time_step_rank': config.time_step_rank,
  };
  return [
    entry('general.architecture', 'string', 'mamba'),
    ...Object.entries(numbers).map(([key, value]) => entry(`mamba.${key}`, 'uint32', value)),
    entry('mamba.attention.layer_norm_rms_epsilon', 'float32', config.layer_norm_epsilon),
    entry('mamba.ssm.dt_b_c_rms', 'bool', false),
  ];
}

/** llama.cpp's names, and what is not the same number. */
const NAMES = [
  ['attn_norm.weight', 'norm.weight'],
  ['ssm_in.weight', 'mixer.in_proj.weight'],
  ['ssm_conv1d.weight', 'mixer.conv1d.weight', (data) => data, ([channels, , taps]) => [channels, taps]],
  ['ssm_conv1d.bias', 'mixer.conv1d.bias'],
  ['ssm_x.weight', 'mixer.x_proj.weight'],
  ['ssm_dt.weight', 'mixer.dt_proj.weight'],
  ['ssm_dt.bias', 'mixer.dt_proj.bias'],
  ['ssm_a', 'mixer.A_log', (data) => data.map((value) => -Math.exp(value))],
  ['ssm_d', 'mixer.D'],
  ['ssm_out.weight', 'mixer.out_proj.weight'],
];

function convert(path, config) {
  const store = openSafetensors(join(directory, 'model.safetensors'));
  const tensor = (name, source, change = (data) => data, shapeOf = (shape) => shape) => ({
    name,
    shape: shapeOf(store.info(source).shape),
    data: () => change(store.readFloat32(source)),
  });
  const tensors = [
    tensor('token_embd.weight', 'backbone.embeddings.weight'),
    tensor('output_norm.weight', 'backbone.norm_f.weight'),
  ];
  for (let i = 0; i < config.num_hidden_layers; i++) {
    for (const [name, source, ...how] of NAMES) {
      tensors.push(tensor(`blk.${i}.${name}`, `backbone.layers.${i}.${source}`, ...how));
    }
  }
  writeGguf(path, [...sizes(config), ...vocabulary(config.vocab_size)], tensors);
}

await serve(async () => {
  const { getLlama, LlamaLogLevel } = await import('node-llama-cpp');
  const config = JSON.parse(readFileSync(join(directory, 'config.json'), 'utf8'));
  const { ids, lengths, prompt, steps } = JSON.parse(readFileSync(join(directory, 'inputs.json'), 'utf8'));
  const path = join(directory, 'model.gguf');
  if (!existsSync(path)) convert(path, config);
  const threads = Number(count);
  // Anything but silence would be written between the answers.
  const logLevel = process.env.BENCH_DEBUG ? LlamaLogLevel.error : LlamaLogLevel.disabled;
  const llama = await getLlama({ gpu: false, build: 'never', maxThreads: threads, logLevel, skipDownload: true });
  const model = await llama.loadModel({ modelPath: path, gpuLayers: 0 });
  const open = async (contextSize) => {
    const own = { ideal: threads, min: threads };
    const context = await model.createContext({ contextSize, batchSize: 512, threads: own, sequences: 1 });
    return context.getSequence();
  };
  const sequence = await open(Math.max(...lengths) + 64);

  /** The last of the tokens gets a most likely next one, or with `logits` all logits. */
  async function evaluate(to, tokens, logits) {
    const next = logits ? { logits: true } : { token: true };
    const results = await to.controlledEvaluate([...tokens.slice(0, -1), [tokens.at(-1), { generateNext: next }]]);
    return results[tokens.length - 1].next;
  }

  const dense = ({ logits }) => {
    const all = new Float32Array(config.vocab_size);
    for (const [token, value] of logits) all[token] = value;
    return all;
  };
  const pass = (length, logits) => async () => {
    await sequence.clearHistory();
    return evaluate(sequence, ids.slice(0, length), logits);
  };
  // Of a state of constant size: what the context may hold is only counted.
  const stream = await open(2 ** 16);
  await evaluate(stream, ids.slice(0, prompt), false);
  let at = prompt;
  const workloads = { 'one token': () => evaluate(stream, [ids[at++ % ids.length]], false) };
  const outputs = {
    'one token': async () => {
      await sequence.clearHistory();
      await evaluate(sequence, ids.slice(0, prompt), false);
      for (const id of ids.slice(prompt, prompt + steps - 1)) await evaluate(sequence, [id], false);
      return dense(await evaluate(sequence, [ids[prompt + steps - 1]], true));
    },
  };
  for (const length of lengths) {
    workloads[`${length} tokens`] = pass(length, false);
    outputs[`${length} tokens`] = async () => dense(await pass(length, true)());
  }
  const manifest = new URL('../package.json', import.meta.resolve('node-llama-cpp'));
  const { version } = JSON.parse(readFileSync(manifest, 'utf8'));
  return { info: { version: `node-llama-cpp ${version}`, build: llama.buildType }, workloads, outputs };
});
