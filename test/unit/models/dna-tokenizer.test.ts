import { expect, it } from 'vitest';
import { encodeDna, encodeDnaBatch } from '../../../lib/models/hyena/tokenizer.js';

it('encodes letters, refuses others', () => {
  expect([...encodeDna('ACGTN')]).toEqual([7, 8, 9, 10, 11]);
  expect(encodeDna('')).toHaveLength(0);
  expect(() => encodeDna('ACx')).toThrow(/got "x" at 2/);
  expect(() => encodeDna('A🧬')).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }));
  expect(() => encodeDna(7 as never)).toThrow(/expected a string, got 7/);
});

it('encodes batches, padded in front', () => {
  const { inputIds, attentionMask } = encodeDnaBatch(['AC', 'GTN', '']);
  expect(inputIds).toEqual({ data: Int32Array.of(4, 7, 8, 9, 10, 11, 4, 4, 4), shape: [3, 3] });
  expect(attentionMask).toEqual({ data: Int32Array.of(0, 1, 1, 1, 1, 1, 0, 0, 0), shape: [3, 3] });
  expect(encodeDnaBatch([]).inputIds.shape).toEqual([0, 0]);
  expect(() => encodeDnaBatch(['A', 'Cc'])).toThrow(/sequence 1: encodeDna: .* got "c" at 1/);
});
