import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { TidemergeError } from '../../../../lib/errors.js';
import { openSafetensors } from '../../../../lib/io/index.js';
import { binarize, keptCount } from '../../../../lib/models/sbt/binarize.js';
import { fixture, readGoldenFile, sharedFolder } from '../../../models/goldens.js';
import { describeBinarized } from './binarize.suite.js';

const cases = (folder: string) => readdirSync(folder).filter((name) => name.endsWith('.safetensors'));

const copied = fixture('sbt', 'biprop');
for (const file of cases(copied)) describeBinarized(copied, file);

const shared = sharedFolder('larger layers of Biprop');
if (!shared) it.skip('larger layers of Biprop: the folder is not there', () => {});
else {
  const folder = join(shared, 'golden', 'sbt', 'biprop');
  for (const file of cases(folder)) if (!cases(copied).includes(file)) describeBinarized(folder, file);

  it("finds the scales that the authors' text model stores beside weights and scores", () => {
    const model = join(shared, 'data', 'models', 'sparse_binary_transformer', 'sb_weight', 'model.safetensors');
    const goldens = readGoldenFile(model);
    const names = openSafetensors(model)
      .names()
      .filter((name) => name.endsWith('.alpha'));
    expect(names.length).toBe(13);
    for (const name of names) {
      const [weight, scores] = ['weight', 'scores'].map((part) => goldens.floats(name.replace('alpha', part)));
      const { alpha } = binarize(weight!, scores!, { keepRatio: 0.05, alpha: 'score' });
      const stored = goldens.floats(name).data[0] as number;
      expect(Math.abs(alpha - stored)).toBeLessThan(1e-5 * stored);
    }
  });
}

describe('binarize', () => {
  const matrix = (...data: number[]) => ({ data: Float32Array.from(data), shape: [1, data.length] });
  const four = matrix(1, -2, 3, -4);

  it('keeps the later ones of equal scores', () => {
    const binary = binarize(four, matrix(0.5, -0.5, 0.5, 0.25), { keepRatio: 0.5 });
    expect(binary).toEqual({ shape: [1, 4], mask: Uint8Array.of(0b0110), signs: Uint8Array.of(0b01), alpha: 2.5 });
    const none = binarize(four, matrix(0, -0, 0, -0), { keepRatio: 0.25 });
    expect(none).toMatchObject({ mask: Uint8Array.of(0b1000), alpha: 4 });
  });

  it('counts as doubles are cut', () => {
    expect([keptCount(100, 0.9), keptCount(143, 0.3), keptCount(30, 1)]).toEqual([91, 43, 30]);
  });

  it.each([
    ['a score that is no number', four, matrix(1, 2, NaN, 4), {}, 'ERR_INVALID_ARGUMENT', 'scores: .* NaN at 2'],
    ['a weight that is no number', matrix(1, NaN), matrix(1, 2), {}, 'ERR_INVALID_ARGUMENT', 'weight: .* NaN at 1'],
    [
      'an infinite score in alpha',
      four,
      matrix(1, Infinity, 3, 4),
      { alpha: 'score' },
      'ERR_INVALID_ARGUMENT',
      'alpha',
    ],
    ['other sizes', four, matrix(1, 2), {}, 'ERR_INVALID_SHAPE', 'scores: expected shape \\[1, 4\\]'],
    ['a ratio of 0', four, four, { keepRatio: 0 }, 'ERR_INVALID_ARGUMENT', 'keepRatio: .* got 0'],
    ['a ratio above 1', four, four, { keepRatio: 1.5 }, 'ERR_INVALID_ARGUMENT', 'keepRatio: .* got 1.5'],
    ['no ratio', four, four, { keepRatio: NaN }, 'ERR_INVALID_ARGUMENT', 'keepRatio: .* got NaN'],
    ['a ratio that keeps nothing', four, four, { keepRatio: 0.2 }, 'ERR_INVALID_ARGUMENT', 'at least one of 4'],
    [
      'kept weights of 0',
      matrix(1, 0),
      matrix(1, 2),
      {},
      'ERR_INVALID_ARGUMENT',
      'alpha: expected a finite number > 0',
    ],
    ['another rule', four, four, { alpha: 'mean' }, 'ERR_INVALID_ARGUMENT', "expected 'mask' or 'score', got \"mean\""],
    ['a list', { data: [1], shape: [1, 1] }, four, {}, 'ERR_INVALID_DTYPE', 'weight: expected a Float32Array'],
    ['a vector', { ...four, shape: [4] }, four, {}, 'ERR_INVALID_SHAPE', 'weight: expected a shape \\[out, in\\]'],
  ])('refuses %s', (_, weight, scores, options, code, message) => {
    const run = () => binarize(weight as typeof four, scores, { keepRatio: 0.5, ...(options as object) });
    expect(run).toThrow(TidemergeError);
    expect(run).toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) }));
  });
});
