import { describe, expect, it } from 'vitest';
import { distanceBias, relativePositionBucket } from '../../../lib/models/t5/buckets.js';
import { readGoldens } from '../../models/goldens.js';

describe('relativePositionBucket', () => {
  for (const [file, numBuckets, maxDistance] of [
    ['16-64.safetensors', 16, 64],
    ['32-128.safetensors', 32, 128],
  ] as const) {
    it(`equals the published buckets of ${file}`, () => {
      const goldens = readGoldens('chronos-t5', 'buckets', file);
      const positions = [...goldens.integers('relative_position').data];
      const buckets = (bidirectional: boolean) =>
        positions.map((position) => relativePositionBucket(position, { numBuckets, maxDistance, bidirectional }));
      expect(buckets(true)).toEqual([...goldens.integers('encoder_bucket').data]);
      expect(buckets(false)).toEqual([...goldens.integers('decoder_bucket').data]);
    });
  }
});

describe('distanceBias', () => {
  const rule = { numBuckets: 8, maxDistance: 16, bidirectional: true };

  it('spreads the table over distances, and no bucket changes beyond the last one', () => {
    const table = Float32Array.from({ length: 16 }, (_, i) => i);
    const bias = distanceBias(table, 2, rule);
    expect(bias.length).toBe(2 * 33);
    for (let d = -40; d <= 40; d++) {
      const clamped = Math.min(Math.max(d, -16), 16);
      for (const head of [0, 1]) {
        expect(bias[head * 33 + clamped + 16]).toBe(table[relativePositionBucket(d, rule) * 2 + head]);
      }
    }
  });

  it('refuses a table of another size', () => {
    expect(() => distanceBias(new Float32Array(15), 2, rule)).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_SHAPE' }),
    );
  });
});
