import { TidemergeError } from '../../errors.js';
import { quote } from '../../io/quote.js';
import type { WeightScope } from '../../io/weight-scope.js';
import { checkSparseBinary, countKept } from '../../tensor/sparse-binary.js';
import { readActivationMasks } from './activation-masks.js';
import { keptCount } from './binarize.js';
import type { SbtConfig } from './config.js';
import { readFormat } from './format.js';
import { arrangeLinears, matrixPlaces, type SbtMatrixPlace } from './matrices.js';
import { asBadModel, badTensor, bytesOf, finite, positive } from './model-checks.js';
import type { SbtLinear, SbtMatrix, SbtNorm, SbtWeights } from './weights.js';

/**
 * Reads a file that `writeSbtModel` wrote and believes nothing: sizes, bits behind an end, how many entries a mask keeps,
 * scales, numbers that are none. ERR_BAD_MODEL names file, tensor and matrix; ERR_UNSUPPORTED a version or field of the
 * format that this library does not know.
 */
export function readSbtWeights(config: SbtConfig, scope: WeightScope): SbtWeights {
  const format = readFormat(scope);
  const matrices = config.weights === 'dense' ? 'dense' : 'mask-signs';
  if (format['sbt.matrices'] !== matrices) {
    const text = `${scope.source}: metadata "sbt.matrices": expected "${matrices}" by the configuration`;
    throw new TidemergeError('ERR_BAD_MODEL', `${text}, got "${format['sbt.matrices']}"`);
  }
  const linears = config.weights === 'dense' ? readDense(config, scope) : readSparse(config, scope);
  const { embedding, layers, decoder } = arrangeLinears(linears);
  const norms = readNorms(config, scope);
  const masks = readActivationMasks(config, scope, format['sbt.activation_masks']);
  const weights: SbtWeights = {
    embedding,
    layers: layers.map((layer, i) => ({ ...layer, norms: norms?.[i], activationMasks: masks?.[i] })),
    decoder,
    positions: readPositions(config, scope),
    standardization: readStandardization(config, scope),
  };
  const [unknown] = scope.unused();
  if (unknown !== undefined) throw badTensor(scope, unknown, 'expected no tensor of this name');
  return weights;
}

function readDense(config: SbtConfig, root: WeightScope): SbtLinear[] {
  return matrixPlaces(config).map(({ name, out, inner }) => {
    const scope = root.scope(name);
    const shape = [out, inner] as const;
    const weight = { kind: 'dense', shape, data: finite(scope, scope.take('weight', shape)) } as const;
    const bias = scope.takeOptional('bias', [out]);
    return { weight, bias: bias && finite(scope, bias) };
  });
}

function readSparse(config: SbtConfig, scope: WeightScope): SbtLinear[] {
  const places = matrixPlaces(config);
  const masks = new Slices(scope, 'mask');
  const signs = new Slices(scope, 'signs');
  const alphas = positive(scope, scope.take('alpha', [places.length]));
  const zeros = readZeroWeights(scope, places.length);
  const weights = places.map(({ name, out, inner }, i): SbtMatrix => {
    const mask = masks.next(name, Math.ceil((out * inner) / 8));
    const [kept, expected] = [countKept(mask), keptCount(out * inner, config.keepRatio) - (zeros[i] ?? 0)];
    if (kept !== expected) {
      const text = `matrix ${name}: expected ${expected} ones by keep_ratio ${config.keepRatio}, got ${kept}`;
      throw badTensor(scope, 'mask', text);
    }
    const matrix = {
      shape: [out, inner] as const,
      mask,
      signs: signs.next(name, Math.ceil(kept / 8)),
      alpha: alphas[i]!,
    };
    asBadModel(() => checkSparseBinary(`${scope.source}: matrix ${name}`, matrix));
    return { kind: 'sparse-binary', matrix };
  });
  masks.end();
  signs.end();
  const biases = readBiases(scope, places);
  return weights.map((weight, i) => ({ weight, bias: biases[i] }));
}

/** Kept entries that are no entries of the matrix because their weight was exactly 0, by matrix. */
function readZeroWeights(scope: WeightScope, count: number): Int32Array {
  const weight = scope.takeOptional('zero_weights', [count]);
  if (!weight) return new Int32Array(count);
  const { data } = weight.loadRaw();
  if (data instanceof Int32Array && data.every((zeros) => zeros >= 0)) return data;
  throw badTensor(scope, 'zero_weights', `expected I32 numbers >= 0, got others or ${weight.dtype}`);
}

function readBiases(scope: WeightScope, places: readonly SbtMatrixPlace[]): (Float32Array | undefined)[] {
  const biased = scope.takeOptional('biased', [places.length]);
  if (!biased) return [];
  const flags = bytesOf(scope, biased);
  const bad = flags.findIndex((flag) => flag > 1);
  if (bad >= 0) throw badTensor(scope, 'biased', `expected 0 or 1, got ${flags[bad]} at ${bad}`);
  const sizes = places.map(({ out }, i) => (flags[i] === 1 ? out : 0));
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const bias = finite(scope, scope.take('bias', [total]));
  let at = 0;
  return sizes.map((size) => {
    const begin = at;
    at += size;
    return size === 0 ? undefined : bias.slice(begin, at);
  });
}

function readNorms(config: SbtConfig, scope: WeightScope): (readonly [SbtNorm, SbtNorm])[] | undefined {
  const { norm, numLayers, dModel, windowLength } = config;
  if (norm === 'none') return undefined;
  const size = norm === 'batch' ? dModel : windowLength;
  const data = finite(scope, scope.take('norms', [numLayers, 2, 2, size]));
  const part = (i: number) => data.slice(i * size, (i + 1) * size);
  const one = (i: number): SbtNorm => ({ scale: part(2 * i), shift: part(2 * i + 1) });
  return Array.from({ length: numLayers }, (_, layer) => [one(2 * layer), one(2 * layer + 1)] as const);
}

function readPositions({ positionCode, windowLength, dModel }: SbtConfig, scope: WeightScope) {
  return positionCode === 'table' ? finite(scope, scope.take('positions', [windowLength, dModel])) : undefined;
}

function readStandardization({ numVariables }: SbtConfig, scope: WeightScope): SbtWeights['standardization'] {
  const weight = scope.takeOptional('standardization', [2, numVariables]);
  if (!weight) return undefined;
  const data = finite(scope, weight);
  const [mean, scale] = [data.slice(0, numVariables), data.slice(numVariables)];
  const bad = scale.findIndex((value) => value <= 0);
  if (bad < 0) return { mean, scale };
  throw badTensor(scope, weight.name, `scale: expected numbers > 0, got ${scale[bad]} at variable ${bad}`);
}

/** Hands out the bytes of a tensor matrix by matrix. */
class Slices {
  readonly #scope: WeightScope;
  readonly #name: string;
  readonly #data: Uint8Array;
  #at = 0;

  constructor(scope: WeightScope, name: string) {
    this.#scope = scope;
    this.#name = name;
    this.#data = bytesOf(scope, scope.take(name, scope.info(name)?.shape.slice(0, 1) ?? []));
  }

  next(matrix: string, length: number): Uint8Array {
    const begin = this.#at;
    this.#at += length;
    if (this.#at <= this.#data.length) return this.#data.slice(begin, this.#at);
    const text = `matrix ${quote(matrix)}: expected bytes ${begin} to ${this.#at}, got ${this.#data.length} bytes in all`;
    throw badTensor(this.#scope, this.#name, text);
  }

  end(): void {
    if (this.#at === this.#data.length) return;
    throw badTensor(this.#scope, this.#name, `expected ${this.#at} bytes, got ${this.#data.length}`);
  }
}
