import type { Attributes } from '../backend/backend.js';
import { TidemergeError } from '../errors.js';
import { checkSparseBinary, denseFromSparseBinary, type SparseBinaryMatrix } from '../tensor/sparse-binary.js';
import { elementCount, matrix, type Tensor, type TensorData } from '../tensor/tensor.js';
import { type DirectOptions, directBackend } from './direct-backend.js';
import type { Activation } from './linear.js';
import { rmsAttributes } from './norm.js';
import type { SparseActivations } from './sparse-linear.js';

/*
 * Operators on tensors of the caller, computed at once on the calling thread: for experiments, for single layers, for
 * tests of an own implementation. Models use recorded programs instead, which keep weights packed and leave the event
 * loop free. All numbers are float32; the last dimension is the one operators work on unless they say otherwise.
 */

export type { SparseBinaryMatrix } from '../tensor/sparse-binary.js';
export type { DirectOptions } from './direct-backend.js';
export type FloatTensor = Tensor<Float32Array>;

/**
 * activation(x · weightᵀ + bias): x [..., in], weight [out, in], bias [out] → [..., out]. The weight is packed again at
 * every call.
 */
export function linear(
  x: FloatTensor,
  weight: FloatTensor,
  options: DirectOptions & { readonly bias?: FloatTensor | undefined; readonly activation?: Activation } = {},
): FloatTensor {
  const { bias, activation = 'none' } = options;
  expectRank('linear', 'weight', weight, 2);
  const inputs = [rowsOf('linear', 'x', x), rowsOf('linear', 'weight', weight), vectorOf('linear', 'bias', bias), null];
  return call('linear', inputs, { activation }, [...x.shape.slice(0, -1), weight.shape[0]!], options);
}

export interface SparseLinearOptions extends DirectOptions {
  readonly bias?: FloatTensor | undefined;
  readonly activation?: 'none' | 'relu';
  readonly activations?: SparseActivations;
}

/**
 * activation(x · (alpha · sign · mask)ᵀ + bias): x [..., in], a sparse binary weight [out, in], bias [out] → [..., out].
 * Equal to `linear` with the weight in full within summation error; with `activations: 'int8'` rows of x are rounded
 * first: each kept input then adds at most alpha · (largest magnitude of the row) / 254 to the error. The weight is
 * packed again at every call. Errors: ERR_INVALID_SHAPE, ERR_INVALID_DTYPE, ERR_INVALID_ARGUMENT.
 */
export function sparseLinear(
  x: FloatTensor,
  weight: SparseBinaryMatrix,
  options: SparseLinearOptions = {},
): FloatTensor {
  const op = 'sparse_linear';
  const { bias, activation = 'none', activations = 'float32' } = options;
  checkSparseBinary(`${op}: weight`, weight);
  const [out, inner] = weight.shape;
  const full = matrix(denseFromSparseBinary(weight), inner, out);
  const inputs = [rowsOf(op, 'x', x), full, vectorOf(op, 'bias', bias), null];
  return call(op, inputs, { activation, activations }, [...x.shape.slice(0, -1), out], options);
}

/** exp(x) / Σ exp(x) over the last dimension. */
export function softmax(x: FloatTensor, options: DirectOptions = {}): FloatTensor {
  return call('softmax', [rowsOf('softmax', 'x', x)], {}, x.shape, options);
}

export interface RmsNormOptions extends DirectOptions {
  /** Default 1e-6. */
  readonly epsilon?: number;
  /** Shape of x: the gate of Mamba-2. */
  readonly gate?: FloatTensor | undefined;
  /** true (default, as in the official function): rmsNorm(x) · silu(gate); false, as its models do: rmsNorm(x · silu(gate)). */
  readonly normBeforeGate?: boolean | undefined;
  /** Parts of equal width the last dimension is normalised in, each on its own. Default 1. */
  readonly groups?: number | undefined;
}

/** x / sqrt(mean(x²) + epsilon) · weight over the last dimension; weight [channels]. With a gate or groups, see there. */
export function rmsNorm(x: FloatTensor, weight: FloatTensor, options: RmsNormOptions = {}): FloatTensor {
  const op = 'rms_norm';
  const { gate, epsilon = 1e-6, groups, normBeforeGate = true } = options;
  const inputs = [rowsOf(op, 'x', x), vectorOf(op, 'weight', weight)];
  if (gate) {
    expectRank(op, 'gate', gate, x.shape.length);
    expectShape(op, 'gate', gate.shape, x.shape);
    inputs.push(rowsOf(op, 'gate', gate));
  }
  return call(op, inputs, rmsAttributes({ epsilon, groups, normBeforeGate }, x.shape.at(-1)), x.shape, options);
}

/** (x - mean(x)) / sqrt(var(x) + epsilon) · weight + bias over the last dimension; weight and bias [channels]. */
export function layerNorm(
  x: FloatTensor,
  weight: FloatTensor,
  options: DirectOptions & { readonly epsilon?: number; readonly bias?: FloatTensor | undefined } = {},
): FloatTensor {
  const op = 'layer_norm';
  const inputs = [rowsOf(op, 'x', x), vectorOf(op, 'weight', weight), vectorOf(op, 'bias', options.bias)];
  return call(op, inputs, { epsilon: options.epsilon ?? 1e-5 }, x.shape, options);
}

export const relu = elementwise('relu');
/** x · Φ(x) with the error function. */
export const gelu = elementwise('gelu');
/** The tanh approximation of gelu. */
export const geluTanh = elementwise('gelu_tanh');
/** x · sigmoid(x) */
export const silu = elementwise('silu');

function elementwise(kind: Activation): (x: FloatTensor, options?: DirectOptions) => FloatTensor {
  return (x, options = {}) => call('activation', [rowsOf(kind, 'x', x)], { kind }, x.shape, options);
}

export interface AttentionOptions extends DirectOptions {
  readonly numHeads: number;
  /** Factor of the logits; by default (channels / numHeads)^-0.5. */
  readonly scale?: number;
  /** A query sees the keys up to its own place. */
  readonly causal?: boolean;
}

/**
 * Multi-head attention: query [batch, queries, channels], key and value [batch, keys, channels], the channels of head
 * h beginning at h · channels / numHeads → [batch, queries, channels].
 */
export function attention(
  query: FloatTensor,
  key: FloatTensor,
  value: FloatTensor,
  options: AttentionOptions,
): FloatTensor {
  const op = 'attention';
  for (const [name, tensor] of Object.entries({ query, key, value })) expectRank(op, name, tensor, 3);
  const [batch, queries, channels] = query.shape as [number, number, number];
  const keys = key.shape[1]!;
  for (const [name, { shape }] of Object.entries({ key, value })) expectShape(op, name, shape, [batch, keys, channels]);
  const headDim = channels / options.numHeads;
  if (!(Number.isInteger(headDim) && headDim > 0)) {
    throw new TidemergeError(
      'ERR_INVALID_ARGUMENT',
      `${op}: numHeads: expected a divisor of ${channels} channels, got ${options.numHeads}`,
    );
  }
  const columns = { queryColumn: 0, keyColumn: 0, valueColumn: 0, packedKeys: false };
  const { numHeads, scale = headDim ** -0.5, causal = false } = options;
  const inputs = [query, key, value].map((tensor, i) => rowsOf(op, ['query', 'key', 'value'][i]!, tensor));
  const offsets = [uniform(batch, queries), uniform(batch, keys)];
  const attributes = { numHeads, headDim, scale, causal, ...columns };
  return call(op, [...inputs, ...offsets], attributes, query.shape, options);
}

function call(
  op: string,
  inputs: (TensorData | null)[],
  attributes: Attributes,
  shape: readonly number[],
  options: DirectOptions,
): FloatTensor {
  const [result] = directBackend(options).call(op, inputs, attributes);
  return { data: result!.data as Float32Array, shape: [...shape] };
}

/** All dimensions but the last one as rows. */
function rowsOf(op: string, name: string, tensor: FloatTensor): TensorData {
  const { data, shape } = checked(op, name, tensor);
  const cols = shape.at(-1) ?? 1;
  return matrix(data, cols, elementCount(shape.slice(0, -1)));
}

function vectorOf(op: string, name: string, tensor: FloatTensor | undefined): TensorData | null {
  if (!tensor) return null;
  expectRank(op, name, tensor, 1);
  return matrix(checked(op, name, tensor).data);
}

function uniform(batch: number, length: number): TensorData {
  return matrix(Int32Array.from({ length: batch + 1 }, (_, b) => b * length));
}

function checked(op: string, name: string, tensor: FloatTensor): FloatTensor {
  const { data, shape } = tensor;
  if (!(data instanceof Float32Array)) {
    throw new TidemergeError('ERR_INVALID_DTYPE', `${op}: ${name}: expected a Float32Array`);
  }
  if (!shape.every((size) => Number.isSafeInteger(size) && size >= 0) || elementCount(shape) !== data.length) {
    const got = `${data.length} numbers for [${shape.join(', ')}]`;
    throw new TidemergeError(
      'ERR_INVALID_SHAPE',
      `${op}: ${name}: expected as many numbers as the shape says, got ${got}`,
    );
  }
  return tensor;
}

function expectRank(op: string, name: string, { shape }: FloatTensor, rank: number): void {
  if (shape.length !== rank) {
    const got = `[${shape.join(', ')}]`;
    throw new TidemergeError('ERR_INVALID_SHAPE', `${op}: ${name}: expected ${rank} dimensions, got ${got}`);
  }
}

function expectShape(op: string, name: string, shape: readonly number[], expected: readonly number[]): void {
  if (shape.some((size, i) => size !== expected[i])) {
    const text = (sizes: readonly number[]) => `[${sizes.join(', ')}]`;
    throw new TidemergeError(
      'ERR_INVALID_SHAPE',
      `${op}: ${name}: expected shape ${text(expected)}, got ${text(shape)}`,
    );
  }
}
