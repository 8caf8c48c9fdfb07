import type { SbtConfig } from './config.js';
import { matrixPlaces, type SbtMatrixPlace } from './matrices.js';

/*
 * What the paper counts (arXiv 2308.04637), as its published counters do it: with their peculiarities, because the
 * ratios they give are the ones that get cited. What a file and a run really cost is in cost-real.ts.
 * m: variables, w: time steps, d: width, f: feed-forward size, h: heads, k: kept share of the weights.
 */

export interface PaperCost {
  readonly parameters: number;
  /** Undefined for the dense model: the published count is of weights that happen to be 0 at the start. */
  readonly nonZero?: number;
  readonly bits: number;
  /** Multiply-adds of one sample. */
  readonly flops: number;
}

export interface PaperOptions {
  /** Classification: share of query, key and value activations that are not set to zero; 1: no such masks. Default 0.5. */
  readonly activationKeepRatio?: number;
  /** Kept share of the LayerNorm weights (norm 'time'), which then count 1 bit each; 1: an ordinary norm. Default 0.5. */
  readonly normKeepRatio?: number;
}

/** Rows of the learned position table of the published dense classifier, whatever the length of its samples. */
const TABLE_ROWS = 1024;

/** Entries of every matrix: of the projections, which the paper counts at every step, and of the others. */
function matrixSizes(config: SbtConfig): { projections: number[]; others: number[] } {
  const projection = /\.(query|key|value)$/;
  const places = matrixPlaces(config);
  const entries = ({ out, inner }: SbtMatrixPlace) => out * inner;
  return {
    projections: places.filter(({ name }) => projection.test(name)).map(entries),
    others: places.filter(({ name }) => !projection.test(name)).map(entries),
  };
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

/**
 * The dense model the paper compares with: the same sizes, biases everywhere, full attention; BatchNorm and a learned
 * position table for classification, LayerNorm over time and a fixed position code for the other tasks.
 */
export function densePaperCost(config: SbtConfig): PaperCost {
  const { task, windowLength: w, dModel: d, feedForwardSize: f, numLayers, numHeads: h, outputSize } = config;
  const classification = task === 'classification';
  const { projections, others } = matrixSizes(config);
  const biases = d + numLayers * (4 * d + f + d) + outputSize;
  const norms = numLayers * 4 * (classification ? d : w);
  const parameters = sum(projections) + sum(others) + biases + norms + (classification ? TABLE_ROWS * d : 0);
  // Every product of the projections at every step, of the other matrices once a window.
  const attention = w * d + h * (2 * w * w * (d / h) + w * w);
  const fixedCode = classification ? 0 : w * d;
  const timeNorms = classification ? 0 : 2 * 2 * w * d;
  const flops = sum(projections) * w + sum(others) + numLayers * (attention + timeNorms) + fixedCode;
  return { parameters, bits: 32 * parameters, flops };
}

/** The sparse binary model: one bit a weight, kept or not; masks, scales and biases are not counted. */
export function sparsePaperCost(config: SbtConfig, options: PaperOptions = {}): PaperCost {
  const { windowLength: w, dModel: d, numLayers, keepRatio: k, norm } = config;
  const { normKeepRatio = 0.5 } = options;
  const { projections, others } = matrixSizes(config);
  const weights = sum(projections) + sum(others);
  const normWeights = norm === 'none' ? 0 : 2 * numLayers * (norm === 'batch' ? d : w);
  const prunedNorm = norm === 'time' && normKeepRatio < 1;
  const keptNorms = prunedNorm ? 2 * numLayers * Math.floor(normKeepRatio * w) : normWeights;
  const timeNorms = norm === 'time' ? 2 * Math.floor((prunedNorm ? normKeepRatio : 2) * w * d) : 0;
  const code = config.positionCode === 'sinusoidal' ? w * d : 0;
  return {
    parameters: weights + normWeights,
    nonZero: sum([...projections, ...others].map((size) => Math.floor(k * size))) + keptNorms,
    bits: weights + normWeights * (prunedNorm ? 1 : 32),
    flops:
      // Of every matrix a whole number, the projections at every step.
      sum([...projections.map((size) => size * w), ...others].map((products) => Math.floor(k * products))) +
      numLayers * (attentionFlops(config, options) + timeNorms) +
      code,
  };
}

function attentionFlops(config: SbtConfig, { activationKeepRatio: a = 0.5 }: PaperOptions): number {
  const { windowLength: w, dModel: d, numHeads: h } = config;
  const headDim = d / h;
  if (config.attention === 'step-t') return w * d + h * (2 * (w - 1) * headDim + w);
  if (a === 1) return w * d + h * (2 * w * w * headDim + w * w);
  const q = Math.floor(a * w);
  return Math.floor(a * w * d) + 3 * w * d + h * (q * q * headDim + w * w + w * q * headDim);
}
