import type { Backend } from '../backend/backend.js';
import { TidemergeError } from '../errors.js';
import { matrix, type Tensor } from '../tensor/tensor.js';
import { type FloatTensor, floats, type IntegerTensor, integers } from '../tensor/user-tensors.js';
import { type DirectOptions, directBackend } from './direct-backend.js';
import { offsetsOf, ragged, raggedFloats, rectangle } from './direct-ragged.js';

/*
 * What follows a merge, on tensors of the caller: a map gives every old place its new one.
 */

/** Places of every series: those in front of the first -1, which stands behind the length of a series. */
function lengthsOfMap(who: string, { data, shape }: Tensor<Int32Array>): Int32Array {
  const [batch, tokens] = shape as [number, number];
  return Int32Array.from({ length: batch }, (_, b) => {
    const own = data.subarray(b * tokens, (b + 1) * tokens);
    const length = own.indexOf(-1) === -1 ? tokens : own.indexOf(-1);
    const wrong = own.subarray(length).findIndex((place) => place !== -1);
    if (wrong === -1) return length;
    const got = `${own[length + wrong]} behind it in series ${b}`;
    throw new TidemergeError('ERR_INVALID_ARGUMENT', `${who}: map: expected nothing but -1 behind a -1, got ${got}`);
  });
}

/**
 * Clones merged tokens back: tokens [batch, remaining, channels] and map [batch, length] → [batch, length, channels],
 * zeros where the map has -1. ERR_INVALID_ARGUMENT for a place that is not among the tokens.
 */
export function unmergeTokens(
  tokens: FloatTensor,
  map: IntegerTensor,
  options: DirectOptions = {},
): Tensor<Float32Array> {
  const who = 'unmergeTokens';
  const { shape } = floats(who, 'tokens', tokens, [undefined, undefined, undefined]);
  const [batch, remaining, channels] = shape as [number, number, number];
  const places = integers(who, 'map', map, [batch, undefined]);
  const length = places.shape[1]!;
  const lengths = lengthsOfMap(who, places);
  const all = new Int32Array(batch).fill(remaining);
  const inputs = [
    raggedFloats(tokens, all, channels),
    offsetsOf(all),
    matrix(ragged(places.data, lengths, length)),
    offsetsOf(lengths),
  ];
  const [out] = directBackend(options).call('unmerge_tokens', inputs, {});
  const clones = new Float32Array(batch * length * channels);
  rectangle(out!.data as Float32Array, lengths, length, channels, clones);
  return { data: clones, shape: [batch, length, channels] };
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
  const who = 'composeMaps';
  const inner = integers(who, 'first', first, [undefined, undefined]);
  const [batch, tokens] = inner.shape as [number, number];
  const outer = integers(who, 'second', second, [batch, undefined]);
  const [before, between] = [lengthsOfMap(who, inner), lengthsOfMap(who, outer)];
  const inputs = [
    matrix(ragged(inner.data, before, tokens)),
    offsetsOf(before),
    matrix(ragged(outer.data, between, outer.shape[1]!)),
    offsetsOf(between),
  ];
  const [out] = directBackend(options).call('compose_maps', inputs, {});
  const map = rectangle(out!.data as Int32Array, before, tokens, 1, new Int32Array(batch * tokens).fill(-1));
  return { data: map, shape: [batch, tokens] };
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
  const sizes = options.sizes && floats(who, 'sizes', options.sizes, [batch, tokens]);
  return reduceAxis(directBackend(options), tensor, axis, { map: places, sizes, reduce });
}

/** Weights within the lengths; what lies behind them is padding. */
function weightsOf(sizes: FloatTensor, lengths: Int32Array) {
  const weights = raggedFloats(sizes, lengths, 1);
  const wrong = weights.data.find((size) => !(size > 0 && Number.isFinite(size)));
  if (wrong !== undefined) throw invalid('sizes', 'finite numbers above 0', wrong);
  return weights;
}

interface Reduction {
  readonly map: Tensor<Int32Array>;
  readonly sizes: FloatTensor | undefined;
  readonly reduce: string;
}

/** A series is a matrix [tokens, everything else] to the operator. */
function reduceAxis(
  backend: Backend,
  { data, shape }: FloatTensor,
  axis: number,
  { map, sizes, reduce }: Reduction,
): Tensor<Float32Array> {
  const [batch, tokens] = [shape[0]!, shape[axis]!];
  const [before, behind] = [product(shape.slice(1, axis)), product(shape.slice(axis + 1))];
  const width = before * behind;
  const lengths = lengthsOfMap('applyMap', map);
  const rows = swapped(data instanceof Float32Array ? data : new Float32Array(data), batch, before, tokens, behind);
  const inputs = [
    raggedFloats({ data: rows, shape: [batch, tokens] }, lengths, width),
    matrix(ragged(map.data, lengths, tokens)),
    offsetsOf(lengths),
    sizes ? weightsOf(sizes, lengths) : null,
  ];
  const [out] = backend.call('reduce_by_map', inputs, { reduce });
  const merged = lengths.map((length, b) =>
    map.data.subarray(b * tokens, b * tokens + length).reduce((most, place) => Math.max(most, place + 1), 0),
  );
  const most = merged.reduce((a, b) => Math.max(a, b), 0);
  const padded = rectangle(out!.data as Float32Array, merged, most, width, new Float32Array(batch * most * width));
  return {
    data: swapped(padded, batch, most, before, behind),
    shape: shape.map((size, i) => (i === axis ? most : size)),
  };
}

/** [batch, first, second, inner] → [batch, second, first, inner]. */
function swapped(data: Float32Array, batch: number, first: number, second: number, inner: number): Float32Array {
  if (first === 1 || second === 1) return data;
  const out = new Float32Array(data.length);
  for (let b = 0; b < batch; b++) {
    for (let i = 0; i < first; i++) {
      for (let j = 0; j < second; j++) {
        const from = ((b * first + i) * second + j) * inner;
        out.set(data.subarray(from, from + inner), ((b * second + j) * first + i) * inner);
      }
    }
  }
  return out;
}

function product(sizes: readonly number[]): number {
  return sizes.reduce((all, size) => all * size, 1);
}

function invalid(name: string, expected: string, got: unknown): TidemergeError {
  return new TidemergeError('ERR_INVALID_ARGUMENT', `applyMap: ${name}: expected ${expected}, got ${String(got)}`);
}
