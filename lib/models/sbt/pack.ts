import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { TidemergeError } from '../../errors.js';
import { writeFileAtomic } from '../../io/atomic-file.js';
import { reason } from '../../io/bounded-file.js';
import type { TensorToWrite } from '../../io/safetensors-writer.js';
import { writeSafetensors } from '../../io/safetensors-writer.js';
import { countKept, type SparseBinaryMatrix } from '../../tensor/sparse-binary.js';
import { packActivationMasks } from './activation-masks.js';
import { keptCount } from './binarize.js';
import { checkSbtWeights } from './check-weights.js';
import type { SbtConfig } from './config.js';
import { FORMAT_VERSION, type FormatFields } from './format.js';
import { linearsOf, matrixPlaces } from './matrices.js';
import { sbtConfigObject } from './read-config.js';
import type { SbtLinear, SbtWeights } from './weights.js';

export interface PackedSbt {
  readonly tensors: readonly TensorToWrite[];
  readonly metadata: FormatFields;
}

/**
 * The tensors of model.safetensors: sparse binary matrices as bit masks, signs and scales, all matrices of a kind in one
 * tensor, because a name in the header costs as much as a small mask; dense ones under names of their own. Described
 * byte by byte in docs/reference/sparse-binary-format.md. Throws what `checkSbtWeights` throws, and ERR_INVALID_ARGUMENT
 * for a matrix that keeps more than the configuration's share.
 */
export function packSbt(config: SbtConfig, weights: SbtWeights): PackedSbt {
  checkSbtWeights('packSbt', config, weights);
  const linears = linearsOf(weights);
  const masks = packActivationMasks(
    config,
    weights.layers.flatMap((layer) => layer.activationMasks ?? []),
  );
  const norms = weights.layers.flatMap((layer) => layer.norms ?? []).flatMap(({ scale, shift }) => [scale, shift]);
  const { positions, standardization } = weights;
  const tensors = [
    ...(config.weights === 'dense' ? packDense(config, linears) : packSparse(config, linears)),
    ...(norms.length > 0 ? [floats('norms', [config.numLayers, 2, 2, norms[0]!.length], norms)] : []),
    ...(masks.tensor ? [masks.tensor] : []),
    ...(positions ? [floats('positions', [config.windowLength, config.dModel], [positions])] : []),
    ...(standardization
      ? [floats('standardization', [2, config.numVariables], [standardization.mean, standardization.scale])]
      : []),
  ];
  const metadata: FormatFields = {
    'sbt.version': FORMAT_VERSION,
    'sbt.matrices': config.weights === 'dense' ? 'dense' : 'mask-signs',
    'sbt.signs': 'bits',
    'sbt.activation_masks': masks.layout,
  };
  return { tensors, metadata };
}

/** Writes config.json and model.safetensors into a folder, which is made if need be; each file appears complete. */
export function writeSbtModel(directory: string, config: SbtConfig, weights: SbtWeights): void {
  const { tensors, metadata } = packSbt(config, weights);
  try {
    mkdirSync(directory, { recursive: true });
  } catch (error) {
    throw new TidemergeError('ERR_FILE_ACCESS', `${directory}: cannot be made: ${reason(error)}`, { cause: error });
  }
  writeSafetensors(join(directory, 'model.safetensors'), tensors, metadata);
  const json = `${JSON.stringify(sbtConfigObject(config), null, 2)}\n`;
  writeFileAtomic(join(directory, 'config.json'), [new TextEncoder().encode(json)]);
}

function packSparse(config: SbtConfig, linears: readonly SbtLinear[]): TensorToWrite[] {
  const matrices = linears.map(({ weight }) => (weight as { matrix: SparseBinaryMatrix }).matrix);
  const zeros = matrices.map(({ mask }, i) => {
    const { name, out, inner } = matrixPlaces(config)[i]!;
    const [expected, kept] = [keptCount(out * inner, config.keepRatio), countKept(mask)];
    if (kept <= expected) return expected - kept;
    const text = `packSbt: matrix ${name}: expected at most ${expected} kept entries by keepRatio, got ${kept}`;
    throw new TidemergeError('ERR_INVALID_ARGUMENT', text);
  });
  const biases = linears.flatMap(({ bias }) => (bias ? [bias] : []));
  const biased = Uint8Array.from(linears, ({ bias }) => (bias ? 1 : 0));
  const scales = [Float32Array.from(matrices, ({ alpha }) => alpha)];
  return [
    bytes(
      'mask',
      matrices.map(({ mask }) => mask),
    ),
    bytes(
      'signs',
      matrices.map(({ signs }) => signs),
    ),
    floats('alpha', [matrices.length], scales),
    ...(biases.length > 0 ? [bytes('biased', [biased]), floats('bias', undefined, biases)] : []),
    ...(zeros.some((count) => count > 0)
      ? [{ name: 'zero_weights', dtype: 'I32', shape: [zeros.length], data: Int32Array.from(zeros) } as const]
      : []),
  ];
}

function packDense(config: SbtConfig, linears: readonly SbtLinear[]): TensorToWrite[] {
  return matrixPlaces(config).flatMap(({ name, out, inner }, i) => {
    const { weight, bias } = linears[i]!;
    const { data } = weight as { data: Float32Array };
    return [floats(`${name}.weight`, [out, inner], [data]), ...(bias ? [floats(`${name}.bias`, [out], [bias])] : [])];
  });
}

function floats(name: string, shape: readonly number[] | undefined, parts: readonly Float32Array[]): TensorToWrite {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const data = new Float32Array(length);
  concatenate(data, parts);
  return { name, dtype: 'F32', shape: shape ?? [length], data };
}

function bytes(name: string, parts: readonly Uint8Array[]): TensorToWrite {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const data = new Uint8Array(length);
  concatenate(data, parts);
  return { name, dtype: 'U8', shape: [length], data };
}

function concatenate<A extends Float32Array | Uint8Array>(target: A, parts: readonly A[]): void {
  let at = 0;
  for (const part of parts) {
    target.set(part, at);
    at += part.length;
  }
}
