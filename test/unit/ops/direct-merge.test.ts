import { describe, expect, it } from 'vitest';
import type { ErrorCode } from '../../../lib/errors.js';
import {
  applyMap,
  composeMaps,
  type MergedBatch,
  type MergeOptions,
  mergeTokens,
  type Tensor,
  unmergeTokens,
} from '../../../lib/ops/index.js';
import { Random } from '../../parity/random.js';

type Floats = Tensor<Float32Array>;
const tensor = (shape: number[], ...data: number[]): Floats => ({ data: Float32Array.from(data), shape });
const random = new Random(5);
const noise = (...shape: number[]): Floats => ({
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random.normal()),
  shape,
});
/** A walk: neighbours are alike. */
function walk(tokens: number, channels: number): Floats {
  const { data } = noise(1, tokens, channels);
  for (let i = channels; i < data.length; i++) data[i] = data[i - channels]! + 0.4 * data[i]!;
  return { data, shape: [1, tokens, channels] };
}
const list = (values: ArrayLike<number>) => Array.from(values);

describe.each(['js', 'native'] as const)('merging on %s', (backend) => {
  const merge = (x: Floats, options: MergeOptions) => mergeTokens(x, { backend, ...options });

  it('merges the most similar pair into the later place', () => {
    // Pairs (0, 1) at a right angle, (2, 3) alike; the fifth token is the newest of an odd number.
    const x = tensor([1, 5, 2], 1, 0, 0, 1, 2, 0, 4, 0, 7, 7);
    const m = merge(x, { r: 1, links: true });
    expect(m.tokens).toEqual(tensor([1, 4, 2], 1, 0, 0, 1, 3, 0, 7, 7));
    expect(list(m.sizes.data)).toEqual([1, 1, 2, 1]);
    expect(list(m.map.data)).toEqual([0, 1, 2, 2, 3]);
    expect([list(m.lengths.data), list(m.removed.data)]).toEqual([[4], [1]]);
    expect(list(m.links!.best.data)).toEqual([0, 1]);
    expect([list(m.links!.source.data), list(m.links!.target.data)]).toEqual([[1], [1]]);
    expect(unmergeTokens(m.tokens, m.map, { backend })).toEqual(tensor([1, 5, 2], 1, 0, 0, 1, 3, 0, 3, 0, 7, 7));
  });

  it('weighs by size, or not', () => {
    const x = tensor([1, 2, 1], 1, 5);
    const sizes = tensor([1, 2], 3, 1);
    expect(list(merge(x, { r: 1, sizes }).tokens.data)).toEqual([2]);
    expect(list(merge(x, { r: 1, sizes, weighted: false }).tokens.data)).toEqual([3]);
    expect(list(merge(x, { r: 1, sizes, weighted: false }).sizes.data)).toEqual([4]);
  });

  it('gives ragged results for a threshold per sample and common counts otherwise', () => {
    // The first series has two equal pairs, the second none above 0.5.
    const x = tensor([2, 4, 2], 1, 0, 1, 0, 0, 1, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1);
    const own = merge(x, { threshold: 0.5 });
    expect(list(own.lengths.data)).toEqual([2, 4]);
    expect(own.tokens).toEqual(tensor([2, 4, 2], 1, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 1, 1, 0, 0, 1));
    expect(list(own.mask.data)).toEqual([1, 1, 0, 0, 1, 1, 1, 1]);
    const common = merge(x, { threshold: 0.5, dynamic: 'batch' });
    expect(list(common.removed.data)).toEqual([1, 1]);
    const masked = merge(x, { r: 2, mask: { data: Uint8Array.of(1, 1, 1, 1, 1, 1, 0, 1), shape: [2, 4] } });
    expect(list(masked.removed.data)).toEqual([1, 1]);
  });

  it('caps r at half and says so', () => {
    expect(list(merge(noise(2, 9, 3), { r: 100 }).removed.data)).toEqual([4, 4]);
    expect(list(merge(noise(2, 9, 3), { ratio: 1 }).removed.data)).toEqual([4, 4]);
    expect(list(merge(noise(1, 9, 3), { r: 4, minTokens: 7 }).removed.data)).toEqual([2]);
  });

  it('has defined results at the edges', () => {
    expect(merge(noise(0, 6, 3), { r: 2 }).tokens.shape).toEqual([0, 0, 3]);
    expect(merge(noise(2, 1, 3), { r: 2 }).tokens.shape).toEqual([2, 1, 3]);
    expect(merge(noise(2, 0, 3), { threshold: 0 }).tokens.shape).toEqual([2, 0, 3]);
    const same = merge(noise(2, 6, 3), { r: 0 });
    expect([list(same.removed.data), list(same.map.data)]).toEqual([
      [0, 0],
      [0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5],
    ]);
  });

  it.each([Number.NaN, Infinity])('leaves a token with %d alone', (value) => {
    const x = walk(8, 4);
    x.data[2 * 4 + 1] = value;
    const m = merge(x, { r: 4, k: 'global' });
    expect(list(m.removed.data)).toEqual([3]);
    const place = m.map.data[2]!;
    expect(m.sizes.data[place]).toBe(1);
    expect(list(m.tokens.data.subarray(place * 4, place * 4 + 4))).toEqual(list(x.data.subarray(8, 12)));
  });

  it('compares numbers whose squares leave the range of float', () => {
    const x = tensor([1, 4, 2], 1e30, 0, 2e30, 0, 1e-30, 1e-30, 3e30, 0);
    const m = merge(x, { r: 1, k: 2, links: true });
    expect([list(m.links!.source.data), list(m.links!.target.data)]).toEqual([[0], [0]]);
    expect(m.tokens.data[0]).toBeCloseTo(1.5e30, -24);
  });

  it('finds in a full neighbourhood what global merging finds', () => {
    for (const tokens of [2, 7, 40, 301]) {
      const x = noise(2, tokens, 12);
      expect(merge(x, { r: tokens >> 2, k: tokens >> 1 })).toEqual(merge(x, { r: tokens >> 2, k: 'global' }));
    }
  });

  it('keeps length, total size and order through layers, in contiguous groups for k = 1', () => {
    let x = walk(61, 6);
    let sizes: Floats | undefined;
    let map: Tensor<Int32Array> | undefined;
    for (const r of [16, 9, 9]) {
      const m = merge(x, { r, ...(sizes && { sizes }) });
      map = map ? composeMaps(map, m.map, { backend }) : m.map;
      x = m.tokens;
      sizes = m.sizes;
    }
    expect(x.shape).toEqual([1, 27, 6]);
    expect(sizes!.data.reduce((a, b) => a + b)).toBe(61);
    expect(unmergeTokens(x, map!, { backend }).shape).toEqual([1, 61, 6]);
    const steps = list(map!.data).map((place, i) => place - (i === 0 ? 0 : map!.data[i - 1]!));
    expect(steps.every((step) => step === 0 || step === 1)).toBe(true);
    // Every size is the number of places that point at the token.
    for (const [place, size] of sizes!.data.entries()) {
      expect(map!.data.filter((other) => other === place).length).toBe(size);
    }
  });

  it('permutes with the batch', () => {
    const x = noise(3, 22, 5);
    const order = [2, 0, 1];
    const moved = {
      data: Float32Array.from(order.flatMap((b) => list(x.data.subarray(b * 110, (b + 1) * 110)))),
      shape: x.shape,
    };
    const [a, b] = [merge(x, { r: 6, k: 3 }), merge(moved, { r: 6, k: 3 })];
    const rows = (t: Tensor, width: number, at: number) => list(t.data.subarray(at * width, (at + 1) * width));
    for (const [to, from] of order.entries()) {
      expect(rows(b.tokens, 16 * 5, to)).toEqual(rows(a.tokens, 16 * 5, from));
      expect(rows(b.map, 22, to)).toEqual(rows(a.map, 22, from));
    }
  });

  it.each([
    ['strict', { threshold: 0.6, causal: 'strict' as const }],
    ['strict, cut by minTokens', { threshold: 0.2, causal: 'strict' as const, minTokens: 40 }],
  ])('%s: a changed future changes nothing before it', (_, options) => {
    const x = walk(48, 4);
    const before = merge(x, options);
    for (let change = 1; change < 48; change += 5) {
      const other = { data: x.data.slice(), shape: x.shape };
      for (let i = change * 4; i < other.data.length; i++) other.data[i] = random.normal();
      const after = merge(other, options);
      // Tokens whose members all lie in front of the pair of the change.
      const pair = change - (change % 2);
      for (let p = 0; p < pair; p++) {
        const place = before.map.data[p]!;
        expect(after.map.data[p]).toBe(place);
        const row = (t: Floats) => list(t.data.subarray(place * 4, (place + 1) * 4));
        expect(row(after.tokens)).toEqual(row(before.tokens));
      }
    }
  });

  it('brings a position bias to merged tokens along both axes', () => {
    const bias = noise(2, 3, 10, 10);
    const x = noise(2, 10, 4);
    const sizes = { data: Float32Array.from({ length: 20 }, (_, i) => 1 + (i % 3)), shape: [2, 10] };
    const { map } = merge(x, { r: 4, k: 2, sizes });
    const once = applyMap(bias, map, { backend, axis: 2, reduce: 'mean', sizes });
    const twice = applyMap(once, map, { backend, axis: -1, reduce: 'mean', sizes });
    expect(twice.shape).toEqual([2, 3, 6, 6]);
    for (let b = 0; b < 2; b++) {
      for (let i = 0; i < 6; i++) {
        let [sum, weight] = [0, 0];
        for (let p = 0; p < 10; p++) {
          for (let q = 0; q < 10; q++) {
            if (map.data[b * 10 + p] !== i || map.data[b * 10 + q] !== 2) continue;
            const share = sizes.data[b * 10 + p]! * sizes.data[b * 10 + q]!;
            sum += share * bias.data[(b * 3 + 1) * 100 + p * 10 + q]!;
            weight += share;
          }
        }
        // Two means of at most a handful of numbers below 4, each within two roundings a number.
        expect(Math.abs(twice.data[(b * 3 + 1) * 36 + i * 6 + 2]! - sum / weight)).toBeLessThan(16 * 4 * 2 ** -24);
      }
    }
    const first = applyMap(
      tensor([1, 4], 5, 6, 7, 8),
      { data: Int32Array.of(0, 1, 1, 2), shape: [1, 4] },
      { backend, axis: 1, reduce: 'first' },
    );
    expect(first).toEqual(tensor([1, 3], 5, 6, 8));
  });

  it('chains ragged results', () => {
    const x = noise(3, 21, 4);
    let chain: MergedBatch | undefined;
    const alone = [0, 1, 2].map((b) => ({ data: x.data.slice(b * 84, (b + 1) * 84), shape: [1, 21, 4] }));
    const ends: (MergedBatch | undefined)[] = [undefined, undefined, undefined];
    for (const threshold of [0.5, 0.2, 0.1]) {
      const before = chain;
      chain = merge(chain?.tokens ?? x, { threshold, sizes: chain?.sizes, mask: chain?.mask, lengths: chain?.lengths });
      if (before) expect(composeMaps(before.map, chain.map, { backend }).shape).toEqual([3, 21]);
      for (const [b, end] of ends.entries())
        ends[b] = merge(end?.tokens ?? alone[b]!, { threshold, sizes: end?.sizes });
    }
    for (const [b, end] of ends.entries()) {
      const length = end!.lengths.data[0]!;
      expect(chain!.lengths.data[b]).toBe(length);
      const width = chain!.tokens.shape[1]!;
      const own = chain!.tokens.data.subarray(b * width * 4, (b * width + length) * 4);
      expect(list(own)).toEqual(list(end!.tokens.data));
      expect(list(chain!.sizes.data.subarray(b * width, b * width + length))).toEqual(list(end!.sizes.data));
    }
    // Sizes are padded with zeros behind a length, which weigh nothing.
    const first = merge(x, { threshold: 0.5 });
    const next = merge(first.tokens, { threshold: 0.2, sizes: first.sizes, lengths: first.lengths });
    const again = applyMap(first.tokens, next.map, { backend, axis: 1, reduce: 'mean', sizes: first.sizes });
    for (const [i, value] of next.tokens.data.entries())
      expect(Math.abs(again.data[i]! - value)).toBeLessThan(2 ** -20);
    // A map with -1 behind a length goes back to zeros there, and along an axis.
    const back = unmergeTokens(chain!.tokens, chain!.map, { backend });
    expect(back.shape[1]).toBe(chain!.map.shape[1]);
    const places = {
      data: Float32Array.from(chain!.map.data, (place) => (place < 0 ? 9 : 1)),
      shape: [...chain!.map.shape],
    };
    const counts = applyMap(places, chain!.map, { backend, axis: 1, reduce: 'sum' });
    for (let b = 0; b < 3; b++) {
      const own = list(counts.data.subarray(b * counts.shape[1]!, (b + 1) * counts.shape[1]!));
      expect(own.reduce((a, c) => a + c, 0)).toBe(
        chain!.map.data.subarray(b * chain!.map.shape[1]!, (b + 1) * chain!.map.shape[1]!).filter((p) => p >= 0).length,
      );
    }
  });

  it.each([
    ['r and the same pairs', { r: 12, causal: true }],
    ['a threshold', { threshold: 0.4, causal: true }],
  ] as const)('causal with %s: other values behind change nothing before', (_, options) => {
    const x = walk(48, 4);
    const before = merge(x, options);
    for (const change of [9, 24, 37]) {
      // Longer by a power of two: other tokens, the same cosines, and therefore the same pairs.
      const other = { data: x.data.map((value, i) => (i < change * 4 ? value : 4 * value)), shape: x.shape };
      const after = merge(other, options);
      expect(after.map).toEqual(before.map);
      const places = [...before.map.data.subarray(0, change - (change % 2))];
      for (const place of new Set(places)) {
        const row = (t: Floats) => list(t.data.subarray(place * 4, (place + 1) * 4));
        expect(row(after.tokens)).toEqual(row(before.tokens));
      }
      expect(after.tokens).not.toEqual(before.tokens);
    }
  });

  const x = noise(1, 8, 3);
  const bad: [string, MergeOptions, ErrorCode][] = [
    ['no amount', {}, 'ERR_INVALID_ARGUMENT'],
    ['r with threshold', { r: 1, threshold: 0.5 }, 'ERR_INVALID_ARGUMENT'],
    ['a negative r', { r: -1 }, 'ERR_INVALID_ARGUMENT'],
    ['half a token', { r: 0.5 }, 'ERR_INVALID_ARGUMENT'],
    ['a ratio above 1', { ratio: 1.5 }, 'ERR_INVALID_ARGUMENT'],
    ['a NaN threshold', { threshold: Number.NaN }, 'ERR_INVALID_ARGUMENT'],
    ['k = 0', { r: 1, k: 0 }, 'ERR_INVALID_ARGUMENT'],
    ['causal with k > 1', { r: 1, k: 2, causal: true }, 'ERR_INVALID_ARGUMENT'],
    ['strict with r', { r: 1, causal: 'strict' }, 'ERR_INVALID_ARGUMENT'],
    ['strict with a common count', { threshold: 0, causal: 'strict', dynamic: 'batch' }, 'ERR_INVALID_ARGUMENT'],
    ['dynamic with r', { r: 1, dynamic: 'batch' }, 'ERR_INVALID_ARGUMENT'],
    ['an unknown similarity', { r: 1, similarity: 'dot' as never }, 'ERR_INVALID_ARGUMENT'],
    ['minTokens below 0', { r: 1, minTokens: -1 }, 'ERR_INVALID_ARGUMENT'],
    ['a metric of another length', { r: 1, metric: noise(1, 7, 3) }, 'ERR_INVALID_SHAPE'],
    ['sizes of another shape', { r: 1, sizes: noise(8, 1) }, 'ERR_INVALID_SHAPE'],
    ['a size of 0', { r: 1, sizes: tensor([1, 8], 1, 1, 0, 1, 1, 1, 1, 1) }, 'ERR_INVALID_ARGUMENT'],
    ['lengths beyond the tokens', { r: 1, lengths: { data: Int32Array.of(9), shape: [1] } }, 'ERR_INVALID_ARGUMENT'],
    ['negative lengths', { r: 1, lengths: { data: Int32Array.of(-1), shape: [1] } }, 'ERR_INVALID_ARGUMENT'],
    ['a mask of floats', { r: 1, mask: noise(1, 8) as never }, 'ERR_INVALID_DTYPE'],
  ];
  it.each(bad)('refuses %s', (_, options, code) => {
    expect(() => merge(x, options)).toThrow(expect.objectContaining({ code }));
  });

  it('refuses maps and tensors that do not fit', () => {
    const map = { data: Int32Array.of(0, 1, 1, 3), shape: [1, 4] };
    const tokens = noise(1, 3, 2);
    const code = (wanted: ErrorCode) => expect.objectContaining({ code: wanted });
    expect(() => unmergeTokens(tokens, map, { backend })).toThrow(code('ERR_INVALID_ARGUMENT'));
    expect(() => composeMaps(map, { data: Int32Array.of(0, 0, 1), shape: [1, 3] }, { backend })).toThrow(
      code('ERR_INVALID_ARGUMENT'),
    );
    expect(() => applyMap(noise(1, 4), map, { backend, axis: 1, reduce: 'sum' })).toThrow(code('ERR_INVALID_ARGUMENT'));
    expect(() => applyMap(noise(1, 5), map, { backend, axis: 1, reduce: 'sum' })).toThrow(code('ERR_INVALID_SHAPE'));
    expect(() => applyMap(noise(1, 4), map, { backend, axis: 0, reduce: 'sum' })).toThrow(code('ERR_INVALID_ARGUMENT'));
    for (const size of [0, -1, Number.NaN, Infinity]) {
      const sizes = tensor([1, 4], 1, size, 1, 1);
      expect(() =>
        applyMap(
          noise(1, 4),
          { data: Int32Array.of(0, 1, 1, 2), shape: [1, 4] },
          { backend, axis: 1, reduce: 'mean', sizes },
        ),
      ).toThrow(code('ERR_INVALID_ARGUMENT'));
    }
    const gap = { data: Int32Array.of(0, -1, 1, -1), shape: [1, 4] };
    expect(() => unmergeTokens(tokens, gap, { backend })).toThrow(code('ERR_INVALID_ARGUMENT'));
    expect(() => mergeTokens(noise(8, 3), { backend, r: 1 })).toThrow(code('ERR_INVALID_SHAPE'));
  });

  it('wants equal lengths for a common count', () => {
    const lengths = { data: Int32Array.of(4, 3), shape: [2] };
    expect(() => merge(noise(2, 4, 2), { r: 1, lengths })).toThrow(
      /mergeTokens: lengths: expected equal lengths .*, got 4 and 3/,
    );
    expect(list(merge(noise(2, 4, 2), { threshold: -1, lengths }).removed.data)).toEqual([2, 1]);
  });

  it('takes 64-bit integers', () => {
    const mask = { data: BigInt64Array.of(1n, 1n, 0n, 1n), shape: [1, 4] };
    expect(list(merge(noise(1, 4, 2), { r: 2, mask }).removed.data)).toEqual([1]);
  });
});
