import { describe, expect, it } from 'vitest';
import { IdCache } from '../../../lib/io/id-cache.js';
import { randomInts } from './temporary.js';

describe('IdCache', () => {
  it('finds exactly the ids it was told, at any place in the bytes', () => {
    const cache = new IdCache<string>();
    const random = randomInts(9);
    const ids = Array.from({ length: 3000 }, (_, i) => `s${i}`);
    for (const id of ids) {
      const bytes = Buffer.from(`xx${id}y`);
      expect(cache.find(bytes, 2, bytes.length - 1)).toBeUndefined();
      cache.remember(bytes, 2, bytes.length - 1, id);
      // What was remembered must not change with the buffer.
      bytes.fill(0);
    }
    for (let i = 0; i < 10_000; i++) {
      const id = ids[random(ids.length)] as string;
      const bytes = Buffer.from(`,${id}`);
      expect(cache.find(bytes, 1, bytes.length)).toBe(id);
      expect(cache.find(bytes, 0, bytes.length)).toBeUndefined();
    }
  });

  it('misses rather than mixes up ids of equal hash', () => {
    const cache = new IdCache<string>();
    // A known collision of FNV-1a.
    for (const id of ['costarring', 'liquid', 'other']) cache.remember(Buffer.from(id), 0, id.length, id);
    const find = (id: string) => cache.find(Buffer.from(id), 0, id.length);
    expect([find('costarring'), find('other'), find('liquid')]).toEqual(['costarring', 'other', undefined]);
  });
});
