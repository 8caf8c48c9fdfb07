import { describe, expect, it } from 'vitest';
import { acrossSizes, type Candidate, sameSize } from '../../../lib/analysis/selection.js';

const candidate = (model: string, setting: string, mse: number, speed: number): Candidate => ({
  model,
  setting,
  merged: setting !== 'unmerged',
  mse,
  speed,
});

const LARGE = [
  candidate('large', 'unmerged', 1, 10),
  candidate('large', 'a', 0.98, 12),
  candidate('large', 'b', 1.02, 20),
  candidate('large', 'c', 1.04, 30),
];
const SMALL = [
  candidate('small', 'unmerged', 1.025, 60),
  candidate('small', 'a', 1.024, 80),
  candidate('small', 'b', 1.029, 100),
];
const TINY = [candidate('tiny', 'unmerged', 2, 500), candidate('tiny', 'a', 1.9, 900)];
const chosen = (list: readonly { best: Candidate | undefined; fastest: Candidate | undefined }[]) =>
  list.map(({ best, fastest }) => [best, fastest].map((own) => own && `${own.model} ${own.setting}`));

describe('sameSize', () => {
  it('takes the least MSE and the fastest within 3 % of the same model', () => {
    expect(chosen(sameSize([...LARGE, ...TINY]))).toEqual([
      ['large a', 'large b'],
      ['tiny a', 'tiny a'],
    ]);
  });

  it('says so when nothing is allowed, and still names the least', () => {
    const [choice] = sameSize([candidate('m', 'unmerged', 1, 1), candidate('m', 'a', 1.5, 9)]);
    expect([choice!.best?.setting, choice!.fastest]).toEqual(['a', undefined]);
    expect(sameSize([candidate('m', 'unmerged', 1, 1)])[0]!.best).toBeUndefined();
  });

  it('counts exactly 3 % as allowed', () => {
    expect(sameSize([candidate('m', 'unmerged', 1, 1), candidate('m', 'a', 1.03, 9)])[0]!.fastest?.setting).toBe('a');
  });
});

describe('acrossSizes', () => {
  it("compares with the best unmerged size and needs less than the second-best unmerged size's MSE", () => {
    const [merged, unmerged] = acrossSizes([...TINY, ...SMALL, ...LARGE])!;
    expect(merged.reference).toBe(LARGE[0]);
    // small b is within 3 % but not below 1.025; large b is slower than small a.
    expect(chosen([merged])).toEqual([['large a', 'small a']]);
    expect(unmerged.reference).toBe(LARGE[0]);
    expect(chosen([unmerged])).toEqual([['large unmerged', 'small unmerged']]);
  });

  it('keeps the 3 % when the second-best size is far', () => {
    const [merged] = acrossSizes([...LARGE, ...TINY])!;
    expect(merged.fastest?.setting).toBe('b');
  });

  it('has nothing to say about one size', () => {
    expect(acrossSizes(LARGE)).toBeUndefined();
  });
});
