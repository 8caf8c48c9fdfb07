import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { composedMap, Forecaster, type MergingOptions, type SeriesInputs } from '../../../lib/index.js';
import { backendsUnderTest } from '../../models/backends.js';
import { fixture } from '../../models/goldens.js';

/*
 * The option `merging` of the forecaster: Chronos-Bolt (context 512, patches of 16) and Chronos-T5 (context 64).
 */

const BOLT = fixture('chronos-bolt', 'random-bolt');
const T5 = fixture('chronos-t5', 'random-untied');
const code = (expected: string) => expect.objectContaining({ code: expected });

/** A slow wave with noise that depends on the place alone. */
function wave(length: number, phase: number): Float64Array {
  return Float64Array.from({ length }, (_, i) => 10 + 3 * Math.sin((i + phase) / 5) + (((i + phase) * 7919) % 13) / 40);
}

const holes = wave(200, 3).map((value, i) => (i % 9 === 4 || (i > 60 && i < 80) ? NaN : value));
/** Lengths that differ, missing values, a constant series, one value, nothing observed, and one that fails. */
const many: Float64Array[] = [
  wave(64, 0),
  wave(37, 9),
  holes,
  new Float64Array(50).fill(4),
  Float64Array.of(7),
  new Float64Array(20).fill(NaN),
  Float64Array.of(1, Infinity),
  wave(300, 40),
];

const ways: readonly (readonly [string, MergingOptions])[] = [
  ['r', { r: 6 }],
  ['ratio and k', { ratio: 0.3, k: 1, minTokens: 4, proportional: true }],
  ['threshold', { threshold: 0.9, k: 3 }],
  ['schedule', { schedule: [9, 2], proportional: true }],
];

describe.each(backendsUnderTest())('merging, $name', ({ options }) => {
  let t5: Forecaster;
  let bolt: Forecaster;
  beforeAll(async () => {
    t5 = await Forecaster.fromPretrained(T5, options);
    bolt = await Forecaster.fromPretrained(BOLT, options);
  });
  afterAll(() => Promise.all([t5.dispose(), bolt.dispose()]));

  it.each(ways)('by %s: a series does not depend on its company, bit for bit', async (_, merging) => {
    const call = { merging: { ...merging, trace: true }, predictionLength: 3, numSamples: 2 };
    for (const forecaster of [t5, bolt]) {
      const together = await forecaster.predict(many, call);
      const embedded = await forecaster.embed(many, call);
      const width = together.data.length / many.length;
      const [, tokens, dModel] = embedded.shape;
      for (const i of [0, 2, 3, 7]) {
        const series = many[i]!;
        const alone = await forecaster.predict([series], call);
        expect(together.data.subarray(i * width, (i + 1) * width)).toEqual(alone.data);
        expect(together.trace![i]).toEqual(alone.trace![0]);
        const own = (await forecaster.embed([series], call)).data;
        expect(embedded.data.subarray((i + 1) * tokens * dModel - own.length, (i + 1) * tokens * dModel)).toEqual(own);
      }
    }
  });

  it('does not depend on threads', async () => {
    const merging = { r: 7 };
    const single = await Forecaster.fromPretrained(T5, { ...options, threads: 1 });
    expect((await single.embed(many, { merging })).data).toEqual((await t5.embed(many, { merging })).data);
    await single.dispose();
  });

  it('is off without the option, with false, and where nothing may merge', async () => {
    for (const forecaster of [t5, bolt]) {
      const plain = await forecaster.predict(many, { predictionLength: 3, numSamples: 2 });
      for (const merging of [false, { r: 0 }, { r: 9, layers: [] }, { r: 9, minTokens: 1000 }] as const) {
        const same = await forecaster.predict(many, { predictionLength: 3, numSamples: 2, merging });
        expect(same.data).toEqual(plain.data);
        expect(same.trace).toBeUndefined();
      }
      const merged = await forecaster.predict(many, { predictionLength: 3, numSamples: 2, merging: { ratio: 0.5 } });
      expect(merged.data).not.toEqual(plain.data);
    }
  });

  it('traces counts, maps, similarities and the values of every token', async () => {
    const merging = { r: 10, k: 1, layers: [0, 2], trace: true } as const;
    const { trace, errors } = await t5.predictQuantiles(many, { merging, predictionLength: 20, numSamples: 1 });
    expect(errors[6]).toBeDefined();
    expect(trace![6]).toBeUndefined();
    const first = trace![0]!;
    expect(first.layers.map(({ layer, tokensBefore, tokens }) => [layer, tokensBefore, tokens])).toEqual([
      [0, 65, 55],
      [2, 55, 45],
    ]);
    const map = composedMap(first);
    expect([map.length, Math.max(...map)]).toEqual([65, 44]);
    // k = 1 joins neighbours only.
    expect([...map].every((token, i) => i === 0 || token - map[i - 1]! === 0 || token - map[i - 1]! === 1)).toBe(true);
    expect(first.layers.every(({ lastSimilarity }) => lastSimilarity > -1 && lastSimilarity <= 1.000001)).toBe(true);
    expect([...first.spans.slice(0, 4), ...first.spans.slice(-4)]).toEqual([0, 1, 1, 2, 63, 64, -1, -1]);
    // Of 200 values the last 64 are looked at, and missing ones are no tokens.
    const gaps = trace![2]!;
    const looked = holes.subarray(-64);
    expect(gaps.positions.length).toBe(looked.filter((value) => !Number.isNaN(value)).length + 1);
    expect([...gaps.positions.slice(0, -1)].every((p) => !Number.isNaN(looked[p]!))).toBe(true);
    const patches = (await bolt.embed(wave(40, 0), { merging: { r: 1, trace: true } })).trace![0]!;
    // 40 values are padded in front to three patches of 16; the register token comes last.
    expect([...patches.spans]).toEqual([0, 8, 8, 24, 24, 40, -1, -1]);
  });

  it('clones merged tokens back for embed', async () => {
    const { data, shape, mask, trace } = await t5.embed(wave(64, 0), { merging: { r: 20, trace: true } });
    expect(shape).toEqual([1, 65, 32]);
    expect(mask.every((one) => one === 1)).toBe(true);
    const map = composedMap(trace![0]!);
    const row = (p: number) => data.subarray(p * 32, (p + 1) * 32);
    for (const [p, token] of map.entries()) expect(row(p)).toEqual(row(map.indexOf(token)));
    // 65, 45, 25, and then half of them and the one left over
    expect(new Set(map).size).toBe(13);
  });

  it('takes a default for all calls, which a call replaces', async () => {
    const forecaster = await Forecaster.fromPretrained(BOLT, { ...options, merging: { r: 3, trace: true } });
    const series: SeriesInputs = wave(256, 0);
    const counts = async (merging?: MergingOptions | false) => {
      const { trace } = await forecaster.predict(series, { merging });
      return trace?.[0]?.layers.map(({ tokens }) => tokens);
    };
    expect(await counts()).toEqual([14, 11]);
    expect(await counts({ r: 1, trace: true })).toEqual([16, 15]);
    expect(await counts(false)).toBeUndefined();
    await forecaster.dispose();
  });
});

describe('merging options of a model', () => {
  it('are checked against it, when it is loaded and when it is called', async () => {
    const load = (merging: MergingOptions) => Forecaster.fromPretrained(T5, { backend: 'js', merging });
    await expect(load({ schedule: [1, 1, 1, 1] })).rejects.toEqual(code('ERR_INVALID_ARGUMENT'));
    await expect(load({ r: 1, where: 'both' })).rejects.toEqual(code('ERR_UNSUPPORTED'));
    const forecaster = await load({ r: 1, where: 'encoder' });
    const predict = (merging: MergingOptions) => forecaster.predict([1, 2, 3], { merging });
    await expect(predict({ r: 1, layers: [3] })).rejects.toThrow(/layers\[0\]: expected a layer of chronos-t5, 0 to 2/);
    await expect(predict({ r: 1, where: 'decoder' })).rejects.toThrow(/less than a tenth of the time/);
    await expect(forecaster.embed([1, 2], { merging: {} as MergingOptions })).rejects.toThrow(/exactly one of/);
    await forecaster.dispose();
  });
});
