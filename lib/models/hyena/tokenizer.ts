import { TidemergeError } from '../../errors.js';
import { show } from '../../io/quote.js';
import type { Tensor } from '../../tensor/tensor.js';

/** Ids of the published HyenaDNA vocabulary; 0 to 6 are special tokens. */
const IDS: ReadonlyMap<string, number> = new Map([...'ACGTN'].map((letter, i) => [letter, 7 + i]));
const PADDING = 4;

/**
 * One token per letter of A, C, G, T, N (capitals), without special tokens. Anything else is an ERR_INVALID_ARGUMENT
 * that names the place; the published tokenizer makes [UNK] of it.
 */
export function encodeDna(sequence: string): Int32Array {
  if (typeof sequence !== 'string') {
    throw new TidemergeError('ERR_INVALID_ARGUMENT', `encodeDna: expected a string, got ${show(sequence)}`);
  }
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

/** What `HyenaModel.forward` takes: [batch, length], padded in front as the published tokenizer does. */
export interface EncodedDna {
  readonly inputIds: Tensor<Int32Array>;
  /** 1 for letters, 0 for padding. */
  readonly attentionMask: Tensor<Int32Array>;
}

/** Several sequences for one batch. An error names the sequence it is in. */
export function encodeDnaBatch(sequences: readonly string[]): EncodedDna {
  const encoded = sequences.map((sequence, i) => {
    try {
      return encodeDna(sequence);
    } catch (error) {
      if (!(error instanceof TidemergeError)) throw error;
      throw new TidemergeError(error.code, `sequence ${i}: ${error.message}`);
    }
  });
  const length = Math.max(0, ...encoded.map((ids) => ids.length));
  const shape = [encoded.length, length];
  const inputIds = new Int32Array(encoded.length * length).fill(PADDING);
  const attentionMask = new Int32Array(inputIds.length);
  for (const [i, ids] of encoded.entries()) {
    const from = (i + 1) * length - ids.length;
    inputIds.set(ids, from);
    attentionMask.fill(1, from, from + ids.length);
  }
  return { inputIds: { data: inputIds, shape }, attentionMask: { data: attentionMask, shape } };
}
