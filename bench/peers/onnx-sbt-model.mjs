import { FLOAT, Graph } from './onnx-graph.mjs';

/*
 * The dense transformer that a sparse binary one stands for, as an ONNX graph: full attention over windows of a fixed
 * number. What nothing reads is not computed: where the newest step is asked for and no norm mixes the steps, the last
 * layer has one row.
 */

/** Parts of the model on a graph; x is [windows, steps, dModel]. */
class SbtGraph extends Graph {
  constructor({ config, weights, positions }) {
    super();
    Object.assign(this, { config, weights, positions });
    const { dModel, numHeads } = config;
    this.split = this.integers(0, 0, numHeads, dModel / numHeads);
    this.join = this.integers(0, 0, dModel);
    this.scale = this.scalar((dModel / numHeads) ** -0.5);
  }

  vector(data, shape = [data.length]) {
    return this.constant({ data, shape });
  }

  linear(x, { weight: { data, shape }, bias }, factor = 1) {
    const [out, inner] = shape;
    const turned = new Float32Array(data.length);
    for (let i = 0; i < out; i++) for (let j = 0; j < inner; j++) turned[j * out + i] = factor * data[i * inner + j];
    const product = this.apply('MatMul', [x, this.constant({ data: turned, shape: [inner, out] })]);
    return bias ? this.apply('Add', [product, this.vector(bias)]) : product;
  }

  headsOf(x, linear, perm) {
    return this.apply('Transpose', [this.apply('Reshape', [this.linear(x, linear), this.split])], { perm });
  }

  /** `rows` ask `x`. */
  attend(rows, x, layer) {
    const q = this.apply('Mul', [this.headsOf(rows, layer.query, [0, 2, 1, 3]), this.scale]);
    const scores = this.apply('MatMul', [q, this.headsOf(x, layer.key, [0, 2, 3, 1])]);
    const shares = this.apply('Softmax', [scores], { axis: -1 });
    const mixed = this.apply('MatMul', [shares, this.headsOf(x, layer.value, [0, 2, 1, 3])]);
    const joined = this.apply('Reshape', [this.apply('Transpose', [mixed], { perm: [0, 2, 1, 3] }), this.join]);
    return this.apply('Add', [rows, this.linear(joined, layer.output)]);
  }

  norm(x, norm) {
    if (!norm) return x;
    const [scale, shift] = [this.vector(norm.scale), this.vector(norm.shift)];
    if (this.config.norm === 'batch') return this.apply('Add', [this.apply('Mul', [x, scale]), shift]);
    const turn = (y) => this.apply('Transpose', [y], { perm: [0, 2, 1] });
    return turn(
      this.apply('LayerNormalization', [turn(x), scale, shift], { axis: -1, epsilon: this.config.normEpsilon }),
    );
  }

  layer(rows, x, layer) {
    const attended = this.norm(this.attend(rows, x, layer), layer.norms?.[0]);
    const inner = this.apply('Relu', [this.linear(attended, layer.expand)]);
    return this.norm(this.apply('Add', [attended, this.linear(inner, layer.contract)]), layer.norms?.[1]);
  }

  /** The newest step of every window, [windows, 1, dModel]. */
  newest(x) {
    const { windowLength: w } = this.config;
    return this.apply('Slice', [x, this.integers(w - 1), this.integers(w), this.integers(1)]);
  }
}

/**
 * x [windows, windowLength, variables] → y [windows, 1, outputs].
 * @param model config, weights (dense) and positions [windowLength, dModel]
 */
export function sbtModel(model, windows) {
  const { task, norm, windowLength, numVariables, dModel, outputSize } = model.config;
  const g = new SbtGraph(model);
  const samples = g.input('x', FLOAT, [windows, windowLength, numVariables]);
  const embedded = g.linear(samples, model.weights.embedding, Math.sqrt(dModel));
  let x = g.apply('Add', [embedded, g.vector(model.positions, [windowLength, dModel])]);
  const whole = task === 'classification' || norm === 'time';
  const { layers } = model.weights;
  for (const [l, layer] of layers.entries()) x = g.layer(!whole && l + 1 === layers.length ? g.newest(x) : x, x, layer);
  if (task === 'classification') x = g.apply('ReduceMean', [g.apply('Relu', [x])], { axes: [1], keepdims: 1 });
  else x = g.apply('Relu', [whole ? g.newest(x) : x]);
  g.output('y', g.linear(x, model.weights.decoder), [windows, 1, outputSize]);
  return g.model();
}
