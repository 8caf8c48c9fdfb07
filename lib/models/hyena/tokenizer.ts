import { TidemergeError } from '../../errors.js';

/** Ids of the published HyenaDNA vocabulary; 0 to 6 are special tokens. */
const IDS: ReadonlyMap<string, number> = new Map([...'ACGTN'].map((letter, i) => [letter, 7 + i]));

/** One token per letter of A, C, G, T, N (capitals), without special tokens. Anything else is an ERR_INVALID_ARGUMENT. */
export function encodeDna(sequence: string): Int32Array {
  let place = 0;
  return Int32Array.from(sequence, (letter) => {
    const id = IDS.get(letter);
    if (id === undefined) {
      const got = JSON.stringify(letter);
      throw new TidemergeError(
        'ERR_INVALID_ARGUMENT',
        `encodeDna: expected letters A, C, G, T, N, got ${got} at ${place}`,
      );
    }
    place++;
    return id;
  });
}
