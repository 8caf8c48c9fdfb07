import { FLOAT, Graph, INT64 } from './onnx-graph.mjs';

/*
 * T5 as ONNX graphs, written directly: the encoder, the keys and values of the cross-attention, one decoding step with a
 * key/value cache. Everything a runtime could be spared is spared: position biases are constants or given, lengths of
 * the encoder are fixed, keys of the cross-attention are transposed once.
 */

/** The parts of T5 on one graph. */
class T5Graph extends Graph {
  constructor(weights) {
    super();
    this.weights = weights;
    const { num_heads, d_kv, d_model, layer_norm_epsilon } = weights.config;
    Object.assign(this, { heads: num_heads, headDim: d_kv, dModel: d_model });
    this.two = this.scalar(2);
    this.epsilon = this.scalar(layer_norm_epsilon);
    this.split = this.integers(0, 0, num_heads, d_kv);
    this.join = this.integers(0, 0, num_heads * d_kv);
  }

  embed(ids) {
    return this.apply('Gather', [this.constant(this.weights.tensor('shared.weight')), ids]);
  }

  norm(x, name) {
    const squares = this.apply('Pow', [x, this.two]);
    const mean = this.apply('ReduceMean', [squares], { axes: [-1], keepdims: 1 });
    const root = this.apply('Sqrt', [this.apply('Add', [mean, this.epsilon])]);
    const scaled = this.apply('Div', [x, root]);
    return this.apply('Mul', [scaled, this.constant(this.weights.tensor(`${name}.weight`))]);
  }

  linear(x, name) {
    return this.apply('MatMul', [x, this.constant(this.weights.transposed(`${name}.weight`))]);
  }

  /** [batch, rows, heads · headDim] → dimensions in the order asked for, of batch 0, rows 1, heads 2, headDim 3. */
  headsOf(x, name, order) {
    return this.apply('Transpose', [this.apply('Reshape', [this.linear(x, name), this.split])], { perm: order });
  }

  /** x + output(softmax(q · k + bias) · v): q [b, h, queries, d], k [b, h, d, keys], v [b, h, keys, d]. */
  mix(x, { q, k, v, bias, back = [0, 2, 1, 3] }, name) {
    const products = this.apply('MatMul', [q, k]);
    const scores = bias === undefined ? products : this.apply('Add', [products, bias]);
    const mixed = this.apply('MatMul', [this.apply('Softmax', [scores], { axis: -1 }), v]);
    const joined = this.apply('Reshape', [this.apply('Transpose', [mixed], { perm: back }), this.join]);
    return this.apply('Add', [x, this.linear(joined, `${name}.o`)]);
  }

  feedForward(x, layer) {
    const inner = this.linear(this.norm(x, `${layer}.layer_norm`), `${layer}.DenseReluDense.wi`);
    return this.apply('Add', [x, this.linear(this.apply('Relu', [inner]), `${layer}.DenseReluDense.wo`)]);
  }
}

const ROWS = [0, 2, 1, 3]; // [batch, heads, rows, headDim]
const TURNED = [0, 2, 3, 1]; // [batch, heads, headDim, rows]

/** ids int64 [1, length] → states [1, length, dModel] */
export function encoderModel(weights, length) {
  const g = new T5Graph(weights);
  let x = g.embed(g.input('ids', INT64, [1, length]));
  const bias = g.constant(weights.encoderBias(length));
  for (let i = 0; i < weights.config.num_layers; i++) {
    const layer = `encoder.block.${i}.layer`;
    const name = `${layer}.0.SelfAttention`;
    const y = g.norm(x, `${layer}.0.layer_norm`);
    const parts = { q: g.headsOf(y, `${name}.q`, ROWS), k: g.headsOf(y, `${name}.k`, TURNED) };
    x = g.mix(x, { ...parts, v: g.headsOf(y, `${name}.v`, ROWS), bias }, name);
    x = g.feedForward(x, `${layer}.1`);
  }
  g.output('states', g.norm(x, 'encoder.final_layer_norm'), [1, length, g.dModel]);
  return g.model();
}

/**
 * states [1, length, dModel], repeats int64 [4] → ck{i} [batch, heads, headDim, length] and cv{i} [batch, heads, length,
 * headDim] of every layer. `repeats` [batch, 1, 1, 1] copies them for every path, as exported models do.
 */
export function crossModel(weights, length) {
  const g = new T5Graph(weights);
  const states = g.input('states', FLOAT, [1, length, g.dModel]);
  const repeats = g.input('repeats', INT64, [4]);
  for (let i = 0; i < weights.config.num_decoder_layers; i++) {
    const name = `decoder.block.${i}.layer.1.EncDecAttention`;
    const copies = (part, order) => g.apply('Tile', [g.headsOf(states, `${name}.${part}`, order), repeats]);
    g.output(`ck${i}`, copies('k', TURNED), ['batch', g.heads, g.headDim, length]);
    g.output(`cv${i}`, copies('v', ROWS), ['batch', g.heads, length, g.headDim]);
  }
  return g.model();
}

/**
 * token int64 [paths, 1], bias [1, heads, 1, past + 1], sk{i} and sv{i} [paths, heads, past, headDim], ck{i} and cv{i} →
 * logits [paths, 1, vocabulary] and the caches with the new step, nk{i} and nv{i}. With `shared` all paths read one
 * cross-attention memory as queries of one sequence; otherwise each has its own copy.
 */
export function stepModel(weights, length, { shared }) {
  const g = new T5Graph(weights);
  let x = g.embed(g.input('token', INT64, ['paths', 1]));
  const bias = g.input('bias', FLOAT, [1, g.heads, 1, 'keys']);
  const batch = shared ? 1 : 'paths';
  for (let i = 0; i < weights.config.num_decoder_layers; i++) {
    const layer = `decoder.block.${i}.layer`;
    const self = `${layer}.0.SelfAttention`;
    const y = g.norm(x, `${layer}.0.layer_norm`);
    const grown = (part) => {
      const past = g.input(`s${part}${i}`, FLOAT, ['paths', g.heads, 'past', g.headDim]);
      const all = g.apply('Concat', [past, g.headsOf(y, `${self}.${part}`, ROWS)], { axis: 2 });
      g.output(`n${part}${i}`, all, ['paths', g.heads, 'keys', g.headDim]);
      return all;
    };
    const k = g.apply('Transpose', [grown('k')], { perm: [0, 1, 3, 2] });
    x = g.mix(x, { q: g.headsOf(y, `${self}.q`, ROWS), k, v: grown('v'), bias }, self);
    const cross = `${layer}.1.EncDecAttention`;
    const memory = {
      k: g.input(`ck${i}`, FLOAT, [batch, g.heads, g.headDim, length]),
      v: g.input(`cv${i}`, FLOAT, [batch, g.heads, length, g.headDim]),
    };
    const z = g.norm(x, `${layer}.1.layer_norm`);
    // [paths, 1, heads, headDim] as [1, heads, paths, headDim], and back
    const order = shared ? { q: [1, 2, 0, 3], back: [2, 0, 1, 3] } : { q: ROWS, back: ROWS };
    x = g.mix(x, { ...memory, q: g.headsOf(z, `${cross}.q`, order.q), back: order.back }, cross);
    x = g.feedForward(x, `${layer}.2`);
  }
  const logits = g.linear(g.norm(x, 'decoder.final_layer_norm'), 'lm_head');
  g.output('logits', logits, ['paths', 1, weights.config.vocab_size]);
  return g.model();
}
