/*
 * Random numbers of sampling. A draw is a pure function of (seed, series, sample, step): of nothing before it and
 * nothing beside it. All arithmetic is on unsigned 32-bit words and gives the same bits in every backend; the
 * definition is in native/ops/random.h.
 */

export type PhiloxKey = readonly [number, number];
export type PhiloxBlock = readonly [number, number, number, number];

/** Philox4x32 with 10 rounds: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011. */
export function philox(counter: PhiloxBlock, key: PhiloxKey): PhiloxBlock {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < 10; round++) {
    if (round > 0) {
      k0 = (k0 + 0x9e3779b9) >>> 0;
      k1 = (k1 + 0xbb67ae85) >>> 0;
    }
    const first = wideProduct(0xd2511f53, c0);
    const second = wideProduct(0xcd9e8d57, c2);
    c0 = (second.high ^ c1 ^ k0) >>> 0;
    c1 = second.low;
    c2 = (first.high ^ c3 ^ k1) >>> 0;
    c3 = first.low;
  }
  return [c0, c1, c2, c3];
}

/** Both halves of the 64-bit product of two words. */
function wideProduct(a: number, b: number): { high: number; low: number } {
  const product = BigInt(a) * BigInt(b);
  return { high: Number(product >> 32n), low: Number(product & 0xffffffffn) };
}

/** The key of one series' draws under a seed. */
export function mix(seed: PhiloxKey, seriesKey: PhiloxKey): PhiloxKey {
  const [k0, k1] = philox([seriesKey[0], seriesKey[1], 0, 0], seed);
  return [k0, k1];
}

/** In [0, 1), a multiple of 2^-24. */
export function uniform(key: PhiloxKey, sample: number, step: number): number {
  return (philox([sample, step, 0, 0], key)[0] >>> 8) * 2 ** -24;
}

/** Hash of a series' values: philox chained over two values at a time, beginning with their number. */
export function seriesKey(values: Float64Array): PhiloxKey {
  const n = values.length;
  let state: PhiloxKey = [n >>> 0, Math.floor(n / 2 ** 32)];
  for (let i = 0; i < n; i += 2) {
    const [low, high] = bits(values[i]!);
    const [nextLow, nextHigh] = i + 1 < n ? bits(values[i + 1]!) : [0, 0];
    const word = philox([low, high, nextLow, nextHigh], state);
    state = [word[0], word[1]];
  }
  return state;
}

/** The halves of the float64's bits, equal values having equal bits. */
function bits(value: number): [low: number, high: number] {
  if (Number.isNaN(value)) return [0, 0x7ff80000];
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value === 0 ? 0 : value);
  return [view.getUint32(4), view.getUint32(0)];
}
