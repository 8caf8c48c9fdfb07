import type { Backend } from '../backend/backend.js';
import { TidemergeError } from '../errors.js';
import { matrix, type Tensor, type TensorData } from '../tensor/tensor.js';
import { type FloatTensor, floats, type IntegerTensor, integers } from '../tensor/user-tensors.js';
import { type DirectOptions, directBackend } from './direct-backend.js';

/*
 * What follows a merge, on tensors of the caller: a map gives every old place its new one.
 */

/**
 * Clones merged tokens back: tokens [batch, remaining, channels] and map [batch, length] → [batch, length, channels].
 * ERR_INVALID_ARGUMENT for a place that is not among the tokens.
 */
export function unmergeTokens(
  tokens: FloatTensor,
  map: IntegerTensor,
  options: DirectOptions = {},
): Tensor<Float32Array> {
  const { shape } = floats('unmergeTokens', 'tokens', tokens, [undefined, undefined, undefined]);
  const [batch, remaining, channels] = shape as [number, number, number];
  const places = integers('unmergeTokens', 'map', map, [batch, undefined]);
  const length = places.shape[1]!;
  const inputs = [
    floatRows(tokens, batch * remaining, channels),
    uniform(batch, remaining),
    matrix(places.data),
    uniform(batch, length),
  ];
  const [out] = directBackend(options).call('unmerge_tokens', inputs, {});
  return { data: out!.data as Float32Array, shape: [batch, length, channels] };
}

/**
 * The map of two merges in a row: first [batch, tokens] of the first, second [batch, remaining] of the one behind it →
 * [batch, tokens].
 */
export function composeMaps(
  first: IntegerTensor,
  second: IntegerTensor,
  options: DirectOptions = {},
): Tensor<Int32Array> {
  const outer = integers('composeMaps', 'first', first, [undefined, undefined]);
  const [batch, tokens] = outer.shape as [number, number];
  const inner = integers('composeMaps', 'second', second, [batch, undefined]);
  const inputs = [matrix(outer.data), uniform(batch, tokens), matrix(inner.data), uniform(batch, inner.shape[1]!)];
  const [out] = directBackend(options).call('compose_maps', inputs, {});
  return { data: out!.data as Int32Array, shape: [batch, tokens] };
}

export interface ApplyMapOptions extends DirectOptions {
  /** The axis of the tensor that stands for tokens: 1, or another one, or counted from the end below 0. */
  readonly axis: number;
  readonly reduce: 'mean' | 'sum' | 'first';
  /** [batch, tokens]: weights of a mean. */
  readonly sizes?: FloatTensor | undefined;
}

/**
 * Brings what belongs to old tokens to the new ones along one axis: a mask, time stamps, or a position bias, which is
 * merged along both of its axes, one after the other. tensor [batch, …, tokens, …] and map [batch, tokens] → the same
 * with as many places on that axis as the longest series has; zeros behind the end of a shorter one.
 */
export function applyMap(tensor: FloatTensor, map: IntegerTensor, options: ApplyMapOptions): Tensor<Float32Array> {
  const who = 'applyMap';
  const places = integers(who, 'map', map, [undefined, undefined]);
  const [batch, tokens] = places.shape as [number, number];
  const { shape } = floats(
    who,
    'tensor',
    tensor,
    Array.from({ length: tensor?.shape?.length ?? 0 }, () => undefined),
  );
  const axis = options.axis < 0 ? options.axis + shape.length : options.axis;
  if (!(Number.isSafeInteger(axis) && axis >= 1 && axis < shape.length)) {
    throw invalid('axis', `an axis of [${shape.join(', ')}] behind the first`, options.axis);
  }
  if (shape[0] !== batch || shape[axis] !== tokens) {
    const expected = `${batch} series and ${tokens} tokens on axis ${axis}, as in the map`;
    throw new TidemergeError('ERR_INVALID_SHAPE', `${who}: tensor: expected ${expected}, got [${shape.join(', ')}]`);
  }
  const { reduce } = options;
  if (!['mean', 'sum', 'first'].includes(reduce)) throw invalid('reduce', "'mean', 'sum' or 'first'", reduce);
  const sizes = options.sizes ? floats(who, 'sizes', options.sizes, [batch, tokens]) : undefined;
  return reduceAxis(directBackend(options), tensor, axis, { places: places.data, sizes, reduce });
}

/** A series is a matrix [tokens, everything else] to the operator, one series after the other. */
function reduceAxis(
  backend: Backend,
  { data, shape }: FloatTensor,
  axis: number,
  { places, sizes, reduce }: { places: Int32Array; sizes: FloatTensor | undefined; reduce: string },
): Tensor<Float32Array> {
  const [batch, tokens] = [shape[0]!, shape[axis]!];
  const before = product(shape.slice(1, axis));
  const behind = product(shape.slice(axis + 1));
  const width = before * behind;
  const rows = new Float32Array(data.length);
  const move = (count: number, visit: (grid: number, row: number) => void) => {
    for (let i = 0; i < before; i++) {
      for (let t = 0; t < count; t++) {
        for (let j = 0; j < behind; j++) visit((i * count + t) * behind + j, t * width + i * behind + j);
      }
    }
  };
  for (let b = 0; b < batch; b++) {
    move(tokens, (grid, row) => {
      rows[b * tokens * width + row] = data[b * tokens * width + grid]!;
    });
  }
  const lengths = Array.from({ length: batch }, (_, b) =>
    places.subarray(b * tokens, (b + 1) * tokens).reduce((most, place) => Math.max(most, place + 1), 0),
  );
  const weights = sizes ? floatRows(sizes, batch * tokens, 1) : null;
  const inputs = [matrix(rows, width, batch * tokens), matrix(places), uniform(batch, tokens), weights];
  const [out] = backend.call('reduce_by_map', inputs, { reduce });
  const most = Math.max(0, ...lengths);
  const result = new Float32Array(batch * most * width);
  let begin = 0;
  for (const [b, length] of lengths.entries()) {
    for (let i = 0; i < before; i++) {
      for (let t = 0; t < length; t++) {
        const from = (begin + t) * width + i * behind;
        result.set(out!.data.subarray(from, from + behind) as Float32Array, ((b * before + i) * most + t) * behind);
      }
    }
    begin += length;
  }
  return { data: result, shape: shape.map((size, i) => (i === axis ? most : size)) };
}

/** @internal A float tensor as rows for the operator. */
export function floatRows({ data }: FloatTensor, rows: number, cols: number): TensorData {
  return matrix(data instanceof Float32Array ? data : new Float32Array(data), cols, rows);
}

/** @internal Offsets of a rectangular batch. */
export function uniform(batch: number, length: number): TensorData {
  return matrix(Int32Array.from({ length: batch + 1 }, (_, b) => b * length));
}

function product(sizes: readonly number[]): number {
  return sizes.reduce((all, size) => all * size, 1);
}

function invalid(name: string, expected: string, got: unknown): TidemergeError {
  return new TidemergeError('ERR_INVALID_ARGUMENT', `applyMap: ${name}: expected ${expected}, got ${String(got)}`);
}
