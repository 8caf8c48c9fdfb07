import { describe, expect, it } from 'vitest';
import {
  mix,
  type PhiloxBlock,
  type PhiloxKey,
  philox,
  seriesKey,
  uniform,
} from '../../../../lib/backend/reference/random.js';

describe('philox', () => {
  // Known answers published with the generator (Random123, kat_vectors).
  const cases: [PhiloxBlock, PhiloxKey, PhiloxBlock][] = [
    [
      [0, 0, 0, 0],
      [0, 0],
      [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
    ],
    [
      [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
      [0xffffffff, 0xffffffff],
      [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
    ],
    [
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    ],
  ];

  it.each(cases)('of counter %o and key %o', (counter, key, expected) => {
    expect(philox(counter, key)).toEqual(expected);
  });
});

describe('series keys', () => {
  const key = (...values: number[]) => seriesKey(Float64Array.from(values));

  it('depends on every value, their order and their number', () => {
    const keys = [key(), key(0), key(0, 0), key(1), key(1, 2), key(2, 1), key(1, 2, 0), key(1, 2, 3)];
    expect(new Set(keys.map(String)).size).toBe(keys.length);
  });

  it('takes equal values as equal', () => {
    expect(key(-0, 1)).toEqual(key(0, 1));
    const other = new Float64Array(BigUint64Array.of(0xfff0_0000_0000_0001n).buffer)[0]!;
    expect(other).toBeNaN();
    expect(key(other)).toEqual(key(NaN));
  });

  it('is what the definition says', () => {
    // 1.5 is 0x3ff80000_00000000, two values, then the end
    const first = philox([0, 0x3ff80000, 0, 0x7ff80000], [3, 0]);
    const second = philox([0, 0, 0, 0], [first[0], first[1]]);
    expect(key(1.5, NaN, -0)).toEqual([second[0], second[1]]);
  });
});

describe('draws', () => {
  it('are multiples of 2^-24 below 1, different for every sample and step, and evenly spread', () => {
    const key = mix([1, 2], [3, 4]);
    const draws = Array.from({ length: 4000 }, (_, i) => uniform(key, i % 50, Math.floor(i / 50)));
    expect(draws.every((u) => u >= 0 && u < 1 && Number.isInteger(u * 2 ** 24))).toBe(true);
    expect(new Set(draws).size).toBeGreaterThan(3990);
    const bins = new Array(10).fill(0);
    for (const u of draws) bins[Math.floor(u * 10)]++;
    // Binomial(4000, 0.1): 400 with a standard deviation of 19.
    expect(Math.max(...bins.map((count) => Math.abs(count - 400)))).toBeLessThan(5 * 19);
  });
});
