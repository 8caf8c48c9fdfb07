import { describe, expect, it } from 'vitest';
import type { Attributes } from '../../../../lib/backend/backend.js';
import { int32, type TensorData } from '../../../../lib/tensor/tensor.js';
import { call, column, f32, list, rowsOf } from './call.js';

const ONE_HEAD = {
  numHeads: 1,
  headDim: 1,
  scale: 1,
  causal: false,
  queryColumn: 0,
  keyColumn: 0,
  valueColumn: 0,
  packedKeys: false,
};

function attention(inputs: (TensorData | null)[], attributes: Attributes = {}) {
  return call('attention', inputs, { ...ONE_HEAD, ...attributes })[0];
}

describe('attention', () => {
  const ln3 = Math.log(3);

  it('weighs the values by the softmax of scaled products', () => {
    // scores 0 and ln 3: weights 1/4 and 3/4
    const y = attention([column(2), column(0, ln3), column(8, 16), int32(0, 1), int32(0, 2)], { scale: 0.5 });
    expect(list(y)[0]).toBeCloseTo(0.25 * 8 + 0.75 * 16, 5);
  });

  it('keeps series apart, and gives zeros to a series without keys', () => {
    const y = attention([column(1, 1, 1), column(5, 5), column(3, 4), int32(0, 1, 2, 3), int32(0, 1, 1, 2)]);
    expect(list(y)).toEqual([3, 0, 4]);
  });

  it('reads heads from columns of a wider matrix', () => {
    // columns: query of both heads, then keys, then values
    const qkv = f32([0, 1, 9, 0, 1, 2], [1, 1, 0, ln3, 3, 4]);
    const y = attention([qkv, qkv, qkv, int32(0, 2), int32(0, 2)], { numHeads: 2, keyColumn: 2, valueColumn: 4 });
    expect(rowsOf(y)[0]![0]).toBeCloseTo((1 + 3) / 2, 6);
    expect(rowsOf(y)[0]![1]).toBeCloseTo(0.25 * 2 + 0.75 * 4, 6);
    const weight = 1 / (1 + Math.exp(-9));
    expect(rowsOf(y)[1]![0]).toBeCloseTo(weight * 1 + (1 - weight) * 3, 6);
  });

  it('sees no later keys when causal, by position', () => {
    const three = [column(1, 1, 1), column(0, 0, 0), column(6, 12, 30)];
    const offsets = [int32(0, 3), int32(0, 3)];
    const y = attention([...three, ...offsets, int32(0, 1, 2), int32(0, 1, 2)], { causal: true });
    expect(list(y)).toEqual([6, 9, 16]);
    expect(attention([...three, ...offsets], { causal: true })).toEqual(y);
    // A missing token leaves a gap in the positions, not a shift.
    const z = attention([...three, ...offsets, int32(4, 5, 9), int32(5, 8, 9)], { causal: true });
    expect(list(z)).toEqual([0, 6, 16]);
  });

  it('adds the bias of the clamped distance', () => {
    // one head, D = 1: bias of distance -1, 0, 1
    const bias = f32([0, -Infinity, ln3]);
    const inputs = [column(0), column(0, 0, 0), column(8, 100, 16), int32(0, 1), int32(0, 3)];
    const y = attention([...inputs, int32(5), int32(1, 5, 9), bias]);
    expect(list(y)[0]).toBeCloseTo(0.25 * 8 + 0.75 * 16, 5);
  });

  it('adds the mean bias of the original positions of merged tokens', () => {
    // originals 0 and 2 make token 0, original 1 token 1; D = 2: bias of distance -2 … 2
    const bias = f32([Math.log(2), 0, Math.log(8), ln3, 0]);
    const inputs = [column(0, 0), column(0, 0), column(8, 16), int32(0, 2), int32(0, 2), null, null, bias, null];
    const y = list(attention([...inputs, int32(0, 1, 0), int32(0, 3)]));
    const own = (2 * Math.log(8) + Math.log(2) + 0) / 4; // distances 0, 2, -2, 0
    const first = [own, (ln3 + 0) / 2].map(Math.exp); // to token 1: 1 and -1
    const second = [(0 + ln3) / 2, Math.log(8)].map(Math.exp); // to token 0: -1 and 1
    const mean = ([a, b]: number[]) => (a! * 8 + b! * 16) / (a! + b!);
    expect(y[0]).toBeCloseTo(mean(first), 5);
    expect(y[1]).toBeCloseTo(mean(second), 5);
  });

  it('counts a key as often as its size says', () => {
    const y = attention([
      ...[column(1), column(0, 0), column(8, 16), int32(0, 1), int32(0, 2)],
      ...[null, null, null, column(1, 3)],
    ]);
    expect(list(y)[0]).toBeCloseTo(0.25 * 8 + 0.75 * 16, 5);
  });

  it('leaves an excluded key out even if it holds NaN', () => {
    const inputs = [column(1), column(NaN, 0), column(Infinity, 7), int32(0, 1), int32(0, 2)];
    expect(list(attention([...inputs, null, null, null, column(0, 1)]))).toEqual([7]);
    expect(list(attention(inputs))[0]).toBeNaN();
  });

  it('is the same with packed keys', () => {
    const offsets = [int32(0, 1), int32(0, 2)] as const;
    const wide = f32([7, 1, 2], [7, 3, 4]);
    const [packed] = call('pack_keys', [wide, offsets[1]], { numHeads: 2, headDim: 1, keyColumn: 1 });
    expect(rowsOf(packed)).toEqual([
      [1, 2],
      [3, 4],
    ]);
    const q = f32([0.5, -0.5]);
    const direct = attention([q, wide, wide, ...offsets], { numHeads: 2, keyColumn: 1 });
    const viaPacked = attention([q, packed!, wide, ...offsets], { numHeads: 2, keyColumn: 1, packedKeys: true });
    expect(viaPacked).toEqual(direct);
  });

  it('names what does not fit', () => {
    const inputs = [column(1), column(0, 0), column(8, 16), int32(0, 1), int32(0, 2)];
    expect(() => attention(inputs, { headDim: 2 })).toThrow('query: expected at least 2 columns, got 1');
    expect(() => attention([...inputs.slice(0, 4), int32(0, 1, 2)])).toThrow('keyOffsets: expected [2, 1], got [3, 1]');
    expect(() => attention([...inputs.slice(0, 4), int32(0, 3)])).toThrow('keyOffsets: expected to end at 2, got 3');
    expect(() => attention([...inputs, int32(0), int32(0, 1), f32([1, 2])])).toThrow('an odd number');
  });
});
