import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeDna, encodeDnaBatch, HyenaModel } from '../../lib/models/index.js';
import { backendsUnderTest } from './backends.js';
import { fixture } from './goldens.js';
import { expectNear } from './hyena.suite.js';
import { HyenaOracle, type OracleResult } from './hyena-oracle.js';

const directory = fixture('hyena', 'tiny');

/** Letters of a small generator: the same in every run. */
function letters(length: number, seed: number): string {
  let state = seed;
  return Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return 'ACGT'[state >>> 30];
  }).join('');
}

const cases = [
  ['without merging', 40, undefined, () => 0, 1],
  ['k 1', 64, { ratio: 0.25 }, (t: number) => Math.floor(0.25 * t), 1],
  ['k 1, odd', 57, { r: 11 }, () => 11, 1],
  ['k 3', 45, { r: 9, k: 3 }, () => 9, 3],
  ['global', 50, { ratio: 0.4, k: 'global' }, (t: number) => Math.floor(0.4 * t), Infinity],
  ['all pairs', 39, { ratio: 0.5 }, (t: number) => Math.floor(0.5 * t), 1],
] as const;

const oracle = new HyenaOracle(directory);
const expectations = new Map<string, OracleResult>();
for (const [name, length, , r, k] of cases)
  expectations.set(name, oracle.run(encodeDna(letters(length, length)), { r, k }));

const flat = (rows: readonly Float64Array[]) => Float32Array.from(rows.flatMap((row) => [...row]));

describe.each(backendsUnderTest())('hyena merging, $name', ({ options }) => {
  let model: HyenaModel;
  beforeAll(async () => {
    model = await HyenaModel.load(directory, options);
  });
  afterAll(() => model.dispose());

  it.each(cases)('%s: as the double precision model', async (name, length, merging) => {
    const ids = encodeDna(letters(length, length));
    const expected = expectations.get(name)!;
    // Float32 decides as double precision does only where the choice is clear.
    if (merging) expect(expected.margin).toBeGreaterThan(1e-5);
    const inputs = { inputIds: { data: ids, shape: [1, length] }, merging, lastHiddenState: true };
    const own = await model.forward({ ...inputs, unmerge: false, head: 'lm' });
    const left = expected.hidden.length;
    if (merging) {
      expect([...own.merged!.map.data]).toEqual(expected.map);
      expect([...own.merged!.sizes.data]).toEqual(expected.sizes);
      expect(left).toBeLessThan(length);
    }
    // Those of the goldens: the same network.
    expectNear('hidden', own.lastHiddenState!, { data: flat(expected.hidden), shape: [1, left, 32] }, 2e-4);
    expectNear('lm', own.logits!, { data: flat(expected.lm), shape: [1, left, 16] }, 1e-3);
    const cloned = await model.forward(inputs);
    const all = expected.map.map((row) => expected.hidden[row] as Float64Array);
    expectNear('unmerged', cloned.lastHiddenState!, { data: flat(all), shape: [1, length, 32] }, 2e-4);
    expectNear('classes', cloned.logits!, { data: Float32Array.from(expected.classes), shape: [1, 2] }, 2e-5);
  });

  it.each([undefined, { ratio: 0.3 }])('a series gives what it gives alone, merging %j', async (merging) => {
    const sequences = [letters(37, 1), letters(80, 2), letters(1, 3)];
    const { inputIds, attentionMask } = encodeDnaBatch(sequences);
    // What stands in the padding is not looked at, not even whether it is an id.
    const poisoned = { ...inputIds, data: inputIds.data.map((id, i) => (attentionMask.data[i] ? id : 9999)) };
    const wanted = { lastHiddenState: true, merging } as const;
    const together = await model.forward({ inputIds: poisoned, attentionMask, ...wanted });
    for (const [b, sequence] of sequences.entries()) {
      const { inputIds: one } = encodeDnaBatch([sequence]);
      const alone = await model.forward({ inputIds: one, ...wanted });
      const rows = together.lastHiddenState!.data.subarray(((b + 1) * 80 - sequence.length) * 32, (b + 1) * 80 * 32);
      expect(rows).toEqual(alone.lastHiddenState!.data);
      expect(together.logits!.data.subarray(2 * b, 2 * b + 2)).toEqual(alone.logits!.data);
    }
    expect(together.lastHiddenState!.data.subarray(0, 43 * 32).every((value) => value === 0)).toBe(true);
  });
});
