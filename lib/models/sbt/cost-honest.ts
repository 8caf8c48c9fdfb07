import { keptCount } from './binarize.js';
import type { SbtConfig } from './config.js';
import { matrixPlaces } from './matrices.js';

/*
 * What a sparse binary transformer takes in a file and in a run, as this library has it: nothing left out that a decoder
 * needs, every product at every step it is made. What the paper counts is in cost-paper.ts.
 */

/** Multiply-adds: with every entry of a matrix, and with the kept ones alone (kernels over lists of inputs do only these). */
export interface MultiplyAdds {
  readonly allEntries: number;
  readonly keptEntries: number;
}

export interface HonestCost {
  /** Bytes of the file, as the caller measured it. */
  readonly fileBytes?: number;
  /**
   * What the weights take in this library's format, header and standardization apart: mask, signs and scale of every
   * matrix, biases, norms and position table in float32, and the masks of the activations (a bit per step and channel, one
   * set for all layers) where a classifier has them.
   */
  readonly packedBytes: number;
  /** The same structure with dense float32 matrices and a bias to each. */
  readonly denseBytes: number;
  readonly multiplyAdds: {
    /** One sample, every step of every layer. */
    readonly full: MultiplyAdds;
    /** One sample as it is computed here: nothing for steps that no output depends on. */
    readonly executed: MultiplyAdds;
    /**
     * One more step of a long series, windows at every step: for models whose past steps are the same in every window,
     * that is with step-t attention, no position code and no norm over time.
     */
    readonly streaming?: MultiplyAdds;
  };
}

/** @param masked whether query, key and value activations are masked. */
export function honestCost(config: SbtConfig, masked: boolean, fileBytes?: number): HonestCost {
  const { attention, norm, positionCode } = config;
  const streams = attention === 'step-t' && norm !== 'time' && positionCode === 'none';
  const both = (count: (entries: Entries) => number): MultiplyAdds => ({
    allEntries: count((size) => size),
    keptEntries: count((size) => (config.weights === 'dense' ? size : keptCount(size, config.keepRatio))),
  });
  return {
    ...(fileBytes !== undefined && { fileBytes }),
    packedBytes: packedBytes(config, masked),
    denseBytes: denseBytes(config),
    multiplyAdds: {
      full: both((entries) => fullProducts(config, entries)),
      executed: both((entries) =>
        streams ? sharedProducts(config, entries, config.windowLength) : executedProducts(config, entries),
      ),
      ...(streams && { streaming: both((entries) => sharedProducts(config, entries, 1)) }),
    },
  };
}

/** Of a matrix of that size, the entries that are multiplied with. */
type Entries = (size: number) => number;

function products({ numVariables, dModel, feedForwardSize, outputSize }: SbtConfig, entries: Entries) {
  return {
    embedding: entries(numVariables * dModel),
    /** Query, key, value and output projections are equally large. */
    square: entries(dModel * dModel),
    feedForward: 2 * entries(dModel * feedForwardSize),
    decoder: entries(dModel * outputSize),
  };
}

function fullProducts(config: SbtConfig, entries: Entries): number {
  const { windowLength: w, dModel, numLayers } = config;
  const { embedding, square, feedForward, decoder } = products(config, entries);
  return w * embedding + numLayers * (w * (4 * square + feedForward) + 2 * w * w * dModel) + decoder;
}

function executedProducts(config: SbtConfig, entries: Entries): number {
  const { task, attention, norm, windowLength: w, dModel, numLayers } = config;
  if (task === 'classification') return fullProducts(config, entries);
  const { embedding, square, feedForward, decoder } = products(config, entries);
  if (attention === 'step-t') {
    const last = norm === 'time' ? w - 1 : 0;
    return w * embedding + stepProducts(config, entries, w - 1, last) + decoder;
  }
  const layer = w * (4 * square + feedForward) + 2 * w * w * dModel;
  if (norm === 'time') return w * embedding + numLayers * layer + decoder;
  const last = 2 * w * square + 2 * square + feedForward + 2 * w * dModel;
  return w * embedding + (numLayers - 1) * layer + last + decoder;
}

/**
 * The layers of step-t attention. The newest step goes through query, transposed key, value and output and asks the past
 * steps themselves once a head; a past one, its own value, goes through value, output and feed-forward network.
 * @param past past steps in all layers but the last
 * @param last those in the last one: a norm over time needs them
 */
function stepProducts(config: SbtConfig, entries: Entries, past: number, last = 0): number {
  const { windowLength: w, dModel, numLayers, numHeads } = config;
  const { square, feedForward } = products(config, entries);
  const newest = 4 * square + feedForward + 2 * (w - 1) * dModel * numHeads;
  return numLayers * newest + ((numLayers - 1) * past + last) * (2 * square + feedForward);
}

/** One newest step, and so many steps as past ones of all windows they stand in. */
function sharedProducts(config: SbtConfig, entries: Entries, rows: number): number {
  const { embedding, decoder } = products(config, entries);
  return rows * embedding + stepProducts(config, entries, rows) + decoder;
}

/** Entries of every matrix. */
function sizes(config: SbtConfig): number[] {
  return matrixPlaces(config).map(({ out, inner }) => out * inner);
}

/** Scales and shifts of the norms (running statistics are folded in), and the position table. */
function denseParts({ norm, positionCode, windowLength, dModel, numLayers }: SbtConfig): number {
  const normWidth = { none: 0, batch: dModel, time: windowLength }[norm];
  return numLayers * 4 * normWidth + (positionCode === 'table' ? windowLength * dModel : 0);
}

function packedBytes(config: SbtConfig, masked: boolean): number {
  if (config.weights === 'dense') return denseBytes(config);
  const { windowLength, dModel, numLayers, keepRatio } = config;
  // Mask, signs, scale, and a byte that tells whether there is a bias.
  const matrices = sizes(config).map((size) => Math.ceil(size / 8) + Math.ceil(keptCount(size, keepRatio) / 8) + 5);
  const activationMasks = masked ? 3 * Math.ceil((windowLength * dModel) / 8) : 0;
  const numbers = numLayers * 4 * dModel + denseParts(config);
  return matrices.reduce((sum, bytes) => sum + bytes, 4 * numbers + activationMasks);
}

function denseBytes(config: SbtConfig): number {
  const { dModel, feedForwardSize, numLayers, outputSize } = config;
  const biases = dModel + numLayers * (5 * dModel + feedForwardSize) + outputSize;
  return 4 * sizes(config).reduce((sum, size) => sum + size, biases + denseParts(config));
}
