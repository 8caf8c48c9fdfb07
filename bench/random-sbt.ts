import {
  binarize,
  denseFromSparseBinary,
  PAPER_DATASETS,
  type SbtConfig,
  type SbtLinear,
  type SbtModel,
  type SbtWeights,
} from './internals.js';
import { randomArray } from './numbers.js';

/** Random weights of a sparse binary transformer. */
export function randomSbtWeights(config: SbtConfig): SbtWeights {
  const { numVariables: m, dModel: d, feedForwardSize: f, windowLength: w, outputSize, numLayers, norm } = config;
  let seed = 1;
  const linear = (out: number, inner: number, bias = false): SbtLinear => {
    const values = { data: randomArray(out * inner, seed++, inner ** -0.5), shape: [out, inner] };
    const scores = { data: randomArray(out * inner, seed++), shape: [out, inner] };
    const matrix = binarize(values, scores, { keepRatio: config.keepRatio });
    return {
      weight: { kind: 'sparse-binary', matrix },
      bias: bias ? randomArray(out, seed++, 0.1) : undefined,
    };
  };
  const size = norm === 'time' ? w : d;
  const one = () => ({ scale: randomArray(size, seed++, 0.1, 1), shift: randomArray(size, seed++, 0.1) });
  return {
    embedding: linear(d, m),
    layers: Array.from({ length: numLayers }, () => ({
      query: linear(d, d, true),
      key: linear(d, d, true),
      value: linear(d, d, true),
      output: linear(d, d, true),
      expand: linear(f, d),
      contract: linear(d, f),
      norms: norm === 'none' ? undefined : ([one(), one()] as const),
    })),
    decoder: linear(outputSize, d),
  };
}

/** The same numbers as dense matrices. */
export function denseOf(weights: SbtWeights): SbtWeights {
  const dense = ({ weight, bias }: SbtLinear): SbtLinear =>
    weight.kind === 'dense'
      ? { weight, bias }
      : { weight: { kind: 'dense', shape: weight.matrix.shape, data: denseFromSparseBinary(weight.matrix) }, bias };
  return {
    ...weights,
    embedding: dense(weights.embedding),
    layers: weights.layers.map((layer) => ({
      ...layer,
      query: dense(layer.query),
      key: dense(layer.key),
      value: dense(layer.value),
      output: dense(layer.output),
      expand: dense(layer.expand),
      contract: dense(layer.contract),
    })),
    decoder: dense(weights.decoder),
  };
}

/** A workload of contenders: the data set whose model it is, and windows a call. */
export const nameOf = (dataset: string, windows: number) => `${dataset} x ${windows}`;

export function datasetOf(workload: string): { readonly config: SbtConfig; readonly windows: number } {
  const [dataset, windows] = workload.split(' x ');
  return { config: PAPER_DATASETS.find(({ name }) => name === dataset)!.config, windows: Number(windows) };
}

/** A dense model of the same structure, with full attention as the paper's dense models have it. */
export function denseConfig(config: SbtConfig): SbtConfig {
  return { ...config, weights: 'dense', keepRatio: 1, attention: 'full' };
}

/** Inputs: [windows, windowLength, variables]. */
export function randomWindows({ windowLength, numVariables }: SbtConfig, windows: number) {
  const data = randomArray(windows * windowLength * numVariables, 7);
  return { data, shape: [windows, windowLength, numVariables] };
}

/** What the newest steps of those windows, or their classes, came to. */
export async function outputOf(model: SbtModel, x: ReturnType<typeof randomWindows>): Promise<Float32Array> {
  const result = await model.forward({ x });
  return result.kind === 'classes' ? result.logits.data : result.newest.data;
}
