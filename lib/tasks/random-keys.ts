import { TidemergeError } from '../errors.js';
import { show } from '../io/quote.js';

/** What identifies a series to its user. */
export type SeriesId = string | number | bigint;

/**
 * A 64-bit key for every id, [ids, 2]: the random stream of a series belongs to its id and not to its place in a batch.
 * Equal texts have equal keys, so 7 and '7' are the same id.
 */
export function keysOfIds(ids: readonly SeriesId[]): Int32Array {
  const keys = new Int32Array(2 * ids.length);
  for (const [i, id] of ids.entries()) {
    if (typeof id !== 'string' && typeof id !== 'number' && typeof id !== 'bigint') {
      throw new TidemergeError('ERR_INVALID_ARGUMENT', `ids[${i}]: expected a text or a number, got ${show(id)}`);
    }
    const text = String(id);
    keys[2 * i] = hash(text, 0x811c9dc5);
    keys[2 * i + 1] = hash(text, 0x9747b28c);
  }
  return keys;
}

/**
 * The two words of a seed for one block of a long forecast: every block draws from streams of its own.
 */
export function seedWords(seed: number, block: number): Int32Array {
  const low = seed % 2 ** 32;
  const high = Math.floor(seed / 2 ** 32);
  return Int32Array.of(low, high ^ Math.imul(block, 0x9e3779b1));
}

/** FNV-1a over the UTF-16 units, with the last mixing step of MurmurHash3 so that short texts fill all bits. */
function hash(text: string, basis: number): number {
  let h = basis;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
