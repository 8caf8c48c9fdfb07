import { describe, expect, it } from 'vitest';
import { type MergingOptions, type MergingTarget, readMerging } from '../../../lib/merging/options.js';

const target: MergingTarget = {
  model: 'a model',
  numLayers: 3,
  k: 'global',
  refuses: { decoder: 'too little to gain', both: 'too little to gain' },
};
const rule = { rule: 'r', amount: 8, k: 0, minTokens: 1, keep: 'similar' };

describe('readMerging', () => {
  it('is nothing without options', () => {
    expect(readMerging(undefined, target)).toBeUndefined();
    expect(readMerging(false, target)).toBeUndefined();
  });

  it('makes a rule for every layer that merges', () => {
    expect(readMerging({ r: 8 }, target)).toMatchObject({
      layers: [rule, rule, rule],
      proportional: false,
      trace: false,
    });
    expect(readMerging({ r: 8, layers: [2, 0], k: 3, minTokens: 16 }, target)?.layers).toEqual([
      { ...rule, k: 3, minTokens: 16 },
      undefined,
      { ...rule, k: 3, minTokens: 16 },
    ]);
    expect(readMerging({ ratio: 0.25, where: 'encoder' }, target)?.layers[1]).toEqual({
      ...rule,
      rule: 'ratio',
      amount: 0.25,
    });
    expect(readMerging({ schedule: [8, 0] }, target)?.layers).toEqual([rule, undefined, undefined]);
    expect(readMerging({ r: 8, layers: [] }, target)?.layers).toEqual([undefined, undefined, undefined]);
  });

  it('knows causal merging', () => {
    expect(readMerging({ r: 8, causal: true }, target)?.layers[0]).toEqual({ ...rule, k: 1 });
    const strict = { rule: 'threshold', amount: 0.9, k: 1, minTokens: 4, keep: 'earliest' };
    expect(readMerging({ threshold: 0.9, causal: 'strict', minTokens: 4 }, target)?.layers[0]).toEqual(strict);
  });

  it('names equal plans alike and others not', () => {
    const keyOf = (options: MergingOptions) => readMerging(options, target)!.key;
    expect(keyOf({ r: 8 })).toBe(keyOf({ schedule: [8, 8, 8], k: 'global', proportional: false }));
    const others: MergingOptions[] = [{ r: 9 }, { r: 8, k: 2 }, { r: 8, proportional: true }, { r: 8, trace: true }];
    expect(new Set([{ r: 8 }, ...others].map(keyOf)).size).toBe(5);
  });

  it.each<[string, unknown, RegExp]>([
    ['no amount', {}, /^merging: expected exactly one of r, ratio, threshold and schedule, got nothing$/],
    ['two amounts', { r: 1, threshold: 0.5 }, /got "r and threshold"/],
    ['text', 'half', /^merging: expected an object of options or false/],
    ['a negative r', { r: -1 }, /merging\.r: expected an integer >= 0, got -1/],
    ['a fractional r', { r: 1.5 }, /merging\.r/],
    ['a huge r', { r: 2 ** 31 }, /merging\.r/],
    ['a ratio above 1', { ratio: 1.1 }, /merging\.ratio: expected a number from 0 to 1, got 1\.1/],
    ['a ratio that is no number', { ratio: '0.5' }, /merging\.ratio/],
    ['a threshold that is no number', { threshold: Number.NaN }, /merging\.threshold: expected a finite number/],
    ['k 0', { r: 1, k: 0 }, /merging\.k: expected an integer >= 1 or 'global', got 0/],
    ['causal with k 2', { r: 1, k: 2, causal: true }, /merging\.k: expected 1 with causal/],
    ['causal with global', { r: 1, k: 'global', causal: true }, /merging\.k: expected 1 with causal/],
    ['strict with r', { r: 1, causal: 'strict' }, /merging\.causal: expected a threshold/],
    ['causal text', { r: 1, causal: 'yes' }, /merging\.causal/],
    ['no tokens left', { r: 1, minTokens: 0 }, /merging\.minTokens/],
    ['a schedule longer than the model', { schedule: [1, 1, 1, 1] }, /at most 3 numbers, the layers of a model, got 4/],
    ['a schedule with a hole', { schedule: [1, Number.NaN] }, /merging\.schedule\[1\]/],
    ['a schedule that is no list', { schedule: 4 }, /merging\.schedule: expected an array/],
    ['a schedule with layers', { schedule: [1], layers: [0] }, /merging\.layers: expected 'all' with a schedule/],
    ['a layer out of range', { r: 1, layers: [3] }, /merging\.layers\[0\]: expected a layer of a model, 0 to 2, got 3/],
    ['layers that are no list', { r: 1, layers: 'first' }, /merging\.layers/],
    ['an unknown place', { r: 1, where: 'middle' }, /merging\.where/],
    ['flags that are none', { r: 1, trace: 'svg' }, /merging\.trace/],
  ])('refuses %s', (_, options, message) => {
    const read = () => readMerging(options as MergingOptions, target);
    expect(read).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }));
    expect(read).toThrow(message);
  });

  it('says what a model cannot do', () => {
    const unsupported = (options: MergingOptions, who = target) =>
      expect(() => readMerging(options, who)).toThrow(expect.objectContaining({ code: 'ERR_UNSUPPORTED' }));
    unsupported({ r: 1, where: 'decoder' });
    unsupported({ r: 1, where: 'both' });
    unsupported({ r: 1, proportional: true }, { ...target, noAttention: 'has no attention' });
  });
});
