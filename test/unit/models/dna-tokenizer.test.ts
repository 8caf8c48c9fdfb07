import { expect, it } from 'vitest';
import { encodeDna } from '../../../lib/models/hyena/tokenizer.js';

it('encodes letters, refuses others', () => {
  expect([...encodeDna('ACGTN')]).toEqual([7, 8, 9, 10, 11]);
  expect(encodeDna('')).toHaveLength(0);
  expect(() => encodeDna('ACx')).toThrow(/got "x" at 2/);
  expect(() => encodeDna('A🧬')).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }));
});
