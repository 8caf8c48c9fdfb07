import { TidemergeError } from '../../errors.js';
import { checkSparseBinary } from '../../tensor/sparse-binary.js';
import type { SbtConfig } from './config.js';
import { linearsOf, matrixPlaces, type SbtMatrixPlace } from './matrices.js';
import type { SbtLinear, SbtNorm, SbtWeights } from './weights.js';

/**
 * Throws unless weights have the parts and sizes of the configuration, and numbers that can be computed with:
 * ERR_INVALID_SHAPE, ERR_INVALID_DTYPE or ERR_INVALID_ARGUMENT; `who` begins the messages.
 */
export function checkSbtWeights(who: string, config: SbtConfig, weights: SbtWeights): void {
  const { numLayers, numVariables, windowLength, dModel, norm, positionCode } = config;
  if (weights.layers.length !== numLayers) {
    throw new TidemergeError('ERR_INVALID_SHAPE', `${who}: expected ${numLayers} layers, got ${weights.layers.length}`);
  }
  const linears = linearsOf(weights);
  for (const [i, place] of matrixPlaces(config).entries()) checkLinear(who, config, place, linears[i]!);

  const masked = weights.layers.filter((layer) => layer.activationMasks).length;
  if (masked !== 0 && masked !== numLayers) {
    throw invalid(`${who}: activationMasks: expected them in all layers or in none, got ${masked} of ${numLayers}`);
  }
  for (const [i, layer] of weights.layers.entries()) {
    const name = `${who}: layers.${i}`;
    checkPresence(`${name}: norms`, norm !== 'none', layer.norms);
    for (const [j, part] of (layer.norms ?? []).entries()) checkNorm(`${name}: norms[${j}]`, config, part);
    for (const [part, bits] of Object.entries(layer.activationMasks ?? {})) {
      checkBits(`${name}: activationMasks.${part}`, bits, windowLength * dModel);
    }
  }
  checkPresence(`${who}: positions`, positionCode === 'table', weights.positions);
  if (weights.positions) checkNumbers(`${who}: positions`, weights.positions, windowLength * dModel);
  const { standardization } = weights;
  if (!standardization) return;
  checkNumbers(`${who}: standardization: mean`, standardization.mean, numVariables);
  checkNumbers(`${who}: standardization: scale`, standardization.scale, numVariables);
  const bad = standardization.scale.findIndex((value) => !(value > 0));
  if (bad < 0) return;
  throw invalid(
    `${who}: standardization: scale: expected numbers > 0, got ${standardization.scale[bad]} at variable ${bad}`,
  );
}

function checkLinear(who: string, config: SbtConfig, { name, out, inner }: SbtMatrixPlace, linear: SbtLinear): void {
  const { weight, bias } = linear;
  if (weight.kind !== config.weights) {
    throw invalid(`${who}: matrix ${name}: expected ${config.weights} weights, got ${weight.kind}`);
  }
  const shape = weight.kind === 'dense' ? weight.shape : weight.matrix.shape;
  if (shape[0] !== out || shape[1] !== inner) {
    const text = `${who}: matrix ${name}: expected shape [${out}, ${inner}], got [${shape}]`;
    throw new TidemergeError('ERR_INVALID_SHAPE', text);
  }
  if (weight.kind === 'dense') checkNumbers(`${who}: matrix ${name}`, weight.data, out * inner);
  else checkSparseBinary(`${who}: matrix ${name}`, weight.matrix);
  if (bias) checkNumbers(`${who}: bias of ${name}`, bias, out);
}

function checkNorm(who: string, { norm, dModel, windowLength }: SbtConfig, { scale, shift }: SbtNorm): void {
  const size = norm === 'batch' ? dModel : windowLength;
  checkNumbers(`${who}: scale`, scale, size);
  checkNumbers(`${who}: shift`, shift, size);
}

function checkPresence(who: string, expected: boolean, part: unknown): void {
  if ((part !== undefined) === expected) return;
  throw invalid(`${who}: expected ${expected ? 'some' : 'none'} by the configuration, got ${part ? 'some' : 'none'}`);
}

function checkNumbers(who: string, data: Float32Array, length: number): void {
  if (!(data instanceof Float32Array)) {
    throw new TidemergeError('ERR_INVALID_DTYPE', `${who}: expected a Float32Array, got ${typeof data}`);
  }
  if (data.length !== length) {
    throw new TidemergeError('ERR_INVALID_SHAPE', `${who}: expected ${length} numbers, got ${data.length}`);
  }
  const bad = data.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) throw invalid(`${who}: expected finite numbers, got ${data[bad]} at ${bad}`);
}

function checkBits(who: string, bits: Uint8Array, count: number): void {
  const bytes = Math.ceil(count / 8);
  if (!(bits instanceof Uint8Array) || bits.length !== bytes) {
    throw new TidemergeError('ERR_INVALID_SHAPE', `${who}: expected ${bytes} bytes, got ${bits?.length}`);
  }
  if (count % 8 !== 0 && bits[bytes - 1]! >> (count % 8) !== 0) {
    throw invalid(`${who}: expected zeros behind bit ${count}, got ones`);
  }
}

function invalid(message: string): TidemergeError {
  return new TidemergeError('ERR_INVALID_ARGUMENT', message);
}
