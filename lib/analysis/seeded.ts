/** Uniform numbers in [0, 1): a 32-bit counter through a mixing function, so that the seed alone says what comes. */
export function seededUniform(seed: number): () => number {
  // Both halves of a seed above 2^32 count.
  let counter = (seed ^ Math.imul(Math.floor(seed / 2 ** 32), 0x9e3779b1)) >>> 0;
  return () => {
    counter = (counter + 0x9e3779b9) >>> 0;
    let bits = Math.imul(counter ^ (counter >>> 16), 0x85ebca6b);
    bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
    return ((bits ^ (bits >>> 16)) >>> 0) / 2 ** 32;
  };
}

/** `count` of the items, each with the same chance, in their own order; all of them if there are no more. */
export function sample<T>(items: readonly T[], count: number, seed: number): T[] {
  if (items.length <= count) return [...items];
  const next = seededUniform(seed);
  const places = Int32Array.from(items, (_, i) => i);
  for (let i = 0; i < count; i++) {
    const j = i + Math.floor(next() * (places.length - i));
    [places[i], places[j]] = [places[j]!, places[i]!];
  }
  return [...places.subarray(0, count).sort()].map((place) => items[place]!);
}
