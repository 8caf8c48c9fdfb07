import { describe, expect, it } from 'vitest';
import { serializeSafetensors } from '../../../../lib/io/safetensors.js';
import { keptCount } from '../../../../lib/models/sbt/binarize.js';
import type { SbtConfig } from '../../../../lib/models/sbt/config.js';
import { costOf } from '../../../../lib/models/sbt/cost.js';
import { arrangeLinears, matrixPlaces } from '../../../../lib/models/sbt/matrices.js';
import { packSbt } from '../../../../lib/models/sbt/pack.js';
import { paperDefaults } from '../../../../lib/models/sbt/read-config.js';
import type { SbtActivationMasks, SbtMatrix, SbtWeights } from '../../../../lib/models/sbt/weights.js';

/*
 * Bytes of whole files, header, biases, norms and standardization included, for the eleven models of arXiv 2308.04637.
 * The dense file is the same structure in float32, with a bias everywhere and without the position table its paper counts.
 */

type Sizes = readonly [m: number, d: number, w: number, layers: number, heads: number, out: number];

const MODELS: readonly (readonly [name: string, bytes: number, task: SbtConfig['task'], sizes: Sizes])[] = [
  ['Heartbeat', 24538, 'classification', [61, 64, 405, 2, 2, 2]],
  ['SpokenArabicDigits', 23674, 'classification', [13, 64, 93, 2, 2, 10]],
  ['FaceDetection', 62790, 'classification', [144, 128, 62, 2, 2, 2]],
  ['InsectWingbeat', 258324, 'classification', [200, 256, 30, 3, 8, 10]],
  ['JapaneseVowels', 10696, 'classification', [12, 32, 29, 2, 2, 9]],
  ['SMD', 23614, 'anomaly-detection', [38, 76, 200, 2, 2, 38]],
  ['MSL', 39180, 'anomaly-detection', [55, 110, 50, 2, 2, 55]],
  ['SMAP', 13920, 'anomaly-detection', [25, 50, 50, 2, 2, 25]],
  ['ECL', 313938, 'forecasting', [321, 350, 200, 2, 2, 321]],
  ['Weather', 45008, 'forecasting', [12, 100, 200, 2, 2, 12]],
  ['ETTm1', 27766, 'forecasting', [7, 64, 200, 2, 2, 7]],
];

function configOf(task: SbtConfig['task'], [m, d, w, numLayers, numHeads, outputSize]: Sizes): SbtConfig {
  const defaults = paperDefaults(task, 'sparse-binary');
  const sizes = { numVariables: m, dModel: d, windowLength: w, numLayers, numHeads, outputSize };
  return { ...defaults, ...sizes, task, weights: 'sparse-binary' };
}

/** Weights of the right sizes; which entries are kept does not change a size. */
function blank(config: SbtConfig, masks?: (config: SbtConfig) => SbtActivationMasks): SbtWeights {
  const dense = config.weights === 'dense';
  const matrix = (out: number, inner: number): SbtMatrix => {
    const shape = [out, inner] as const;
    if (dense) return { kind: 'dense', shape, data: new Float32Array(out * inner) };
    const kept = keptCount(out * inner, config.keepRatio);
    const signs = new Uint8Array(Math.ceil(kept / 8));
    return { kind: 'sparse-binary', matrix: { shape, mask: firstBits(out * inner, kept), signs, alpha: 1 } };
  };
  const linears = matrixPlaces(config).map(({ name, out, inner }) => ({
    weight: matrix(out, inner),
    bias: dense || /query|key|value|output/.test(name) ? new Float32Array(out) : undefined,
  }));
  const size = config.norm === 'batch' ? config.dModel : config.windowLength;
  const norm = { scale: new Float32Array(size), shift: new Float32Array(size) };
  const { embedding, layers, decoder } = arrangeLinears(linears);
  const variables = new Float32Array(config.numVariables).fill(1);
  return {
    embedding,
    layers: layers.map((layer) => ({
      ...layer,
      norms: config.norm === 'none' ? undefined : ([norm, norm] as const),
      activationMasks: masks?.(config),
    })),
    decoder,
    standardization: { mean: variables, scale: variables },
  };
}

function firstBits(count: number, ones: number): Uint8Array {
  const bits = new Uint8Array(Math.ceil(count / 8));
  for (let i = 0; i < ones; i++) bits[i >> 3]! |= 1 << (i & 7);
  return bits;
}

function fileBytes(config: SbtConfig, weights: SbtWeights): number {
  const { tensors, metadata } = packSbt(config, weights);
  return serializeSafetensors(tensors, metadata).length;
}

/** Of the float32 numbers alone: no header, no standardization. */
function numberBytes(config: SbtConfig, weights: SbtWeights): number {
  const { tensors } = packSbt(config, { ...weights, standardization: undefined });
  return tensors.reduce((sum, { data }) => sum + data.byteLength, 0);
}

/** Half of the positions, with no structure that a file could use. */
function scattered({ windowLength, dModel }: SbtConfig): SbtActivationMasks {
  const bits = firstBits(windowLength * dModel, (windowLength * dModel) >> 1);
  return { query: bits, key: bits, value: bits };
}

/** Half of the channels, the same at every step. */
function channels({ windowLength, dModel }: SbtConfig): SbtActivationMasks {
  const bits = new Uint8Array(Math.ceil((windowLength * dModel) / 8));
  for (let i = 0; i < windowLength * dModel; i++) if (i % dModel < dModel / 2) bits[i >> 3]! |= 1 << (i & 7);
  return { query: bits, key: bits, value: bits };
}

describe('file sizes', () => {
  it.each(MODELS)('%s: %i bytes', (name, bytes, task, sizes) => {
    const config = configOf(task, sizes);
    const dense = { ...config, weights: 'dense', keepRatio: 1 } as const;
    const denseBytes = numberBytes(dense, blank(dense));
    const classification = task === 'classification';

    const packed = fileBytes(config, blank(config, classification ? channels : undefined));
    expect(packed).toBe(bytes);
    const { honest } = costOf(config);
    expect(honest.denseBytes).toBe(denseBytes);
    expect(honest.packedBytes).toBe(numberBytes(config, blank(config, classification ? scattered : undefined)));
    expect(denseBytes / packed).toBeGreaterThan(name === 'SMD' ? 22 : 14);

    // A mask without structure costs a bit per step and channel: three of 405 steps take half of what all matrices take.
    if (!classification) return;
    const unstructured = fileBytes(config, blank(config, scattered));
    expect(denseBytes / unstructured).toBeGreaterThan(name === 'Heartbeat' ? 12 : 14);
  });
});
