import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TensorToWrite } from '../../lib/io/safetensors.js';
import { MambaModel } from '../../lib/models/index.js';
import { numbers } from '../unit/models/sbt/synthetic.js';
import { backendsUnderTest } from './backends.js';
import { withEditedModel } from './edited-model.js';
import { fixture } from './goldens.js';
import { MambaOracle } from './mamba-oracle.js';

const LABELS = 5;
const WIDTH = 32;

const f32 = (name: string, ...shape: number[]): TensorToWrite => {
  const data = numbers(
    shape.reduce((a, b) => a * b, 1),
    shape.length,
  );
  return { name, dtype: 'F32', shape, data };
};

const SCORE = [f32('score.weight', LABELS, WIDTH)];
const CLASSIFIER = [f32('classifier.weight', LABELS, WIDTH), f32('classifier.bias', LABELS)];

/** A golden's model with a made-up classifier beside its language model. */
function withClassifier<T>(name: string, head: TensorToWrite[], use: (directory: string) => Promise<T>): Promise<T> {
  const config = (all: Record<string, unknown>) => {
    all.architectures = [(all.architectures as string[])[0]!.replace('CausalLM', 'SequenceClassification')];
  };
  return withEditedModel(fixture('mamba', name), { config, weights: (tensors) => [...tensors, ...head] }, use);
}

const sequence = (length: number, seed: number) => Array.from(numbers(length, seed), (x) => Math.floor(20 * (x + 1)));
const ids = (...rows: number[][]) => ({ data: Int32Array.from(rows.flat()), shape: [rows.length, rows[0]!.length] });

/** 2^-24 for every term of the sums behind each other in two blocks, of the largest value there is. */
const tolerance = (tokens: number, largest: number) => 2 ** -24 * 2 * (3 * WIDTH + 96 * 2 + tokens) * largest;

function expectNear(actual: Float32Array, expected: ArrayLike<number>, within: number): void {
  expect(actual.length).toBe(expected.length);
  for (let i = 0; i < actual.length; i++) expect(Math.abs(actual[i]! - expected[i]!)).toBeLessThanOrEqual(within);
}

/** The classifier of the mean of rows [tokens, WIDTH], in double precision. */
function classesOf(rows: Float32Array, head: TensorToWrite[]): Float64Array {
  const tokens = rows.length / WIDTH;
  const [weight, bias] = head.map(({ data }) => data as Float32Array);
  return Float64Array.from({ length: LABELS }, (_, label) => {
    let sum = 0;
    for (const [i, x] of rows.entries()) sum += (x * weight![label * WIDTH + (i % WIDTH)]!) / tokens;
    return sum + (bias?.[label] ?? 0);
  });
}

const MERGINGS = [
  ['none', undefined, undefined, 1],
  ['k 1', { r: 6 }, () => 6, 1],
  ['k 3', { ratio: 0.25, k: 3 }, (tokens: number) => Math.floor(0.25 * tokens), 3],
] as const;

describe.each(backendsUnderTest())('Mamba classifier, $name', ({ options }) => {
  describe.each([
    ['tiny-variant', CLASSIFIER],
    ['mamba2-tiny', SCORE],
  ] as const)('%s', (name, head) => {
    let model: MambaModel;
    beforeAll(async () => {
      model = await withClassifier(name, head, (directory) => MambaModel.load(directory, options));
    });
    afterAll(() => model.dispose());

    it.each(MERGINGS)('merging %s: counts a merged token as often as tokens stand in it', async (_, merging) => {
      const inputIds = ids(sequence(33, 1));
      const { logits, lastHiddenState, merged } = await model.forward({ inputIds, merging, lastHiddenState: true });
      expect(logits!.shape).toEqual([1, LABELS]);
      if (merging) expect(Math.max(...merged!.sizes.data)).toBeGreaterThan(1);
      const all = lastHiddenState!.data;
      // A product per row and a sum of double precision over rows against the same in double precision.
      const largest = all.reduce((most, x) => Math.max(most, Math.abs(x)), 0) * WIDTH;
      expectNear(logits!.data, classesOf(all, head), 2 ** -24 * (WIDTH + 1) * largest);
    });

    it('gives a series what it gets alone', async () => {
      const series = [sequence(9, 1), sequence(4, 2)];
      const inputIds = ids(series[0]!, [7, 99999, ...series[1]!, 7, 7, 7]);
      const attentionMask = ids(new Array(9).fill(1), [0, 0, 1, 1, 1, 1, 0, 0, 0]);
      for (const merging of [false, { r: 2 }] as const) {
        const { logits } = await model.forward({ inputIds, attentionMask, merging });
        for (const [b, own] of series.entries()) {
          const alone = await model.forward({ inputIds: ids(own), merging });
          expect(logits!.data.subarray(b * LABELS, (b + 1) * LABELS)).toEqual(alone.logits!.data);
        }
      }
    });
  });
});

describe('Mamba classifier', () => {
  const oracle = (head: TensorToWrite[]) =>
    withClassifier('tiny-variant', head, async (directory) => new MambaOracle(directory));
  const js = { backend: 'js' } as const;

  it.each(MERGINGS)('merging %s: as the double precision model', async (_, merging, r, k) => {
    const mamba = await oracle(CLASSIFIER);
    const table = mamba.get('backbone.embeddings.weight');
    const own = sequence(33, 1);
    const tokens = own.map((id) => table.slice(id * WIDTH, (id + 1) * WIDTH));
    const { hidden, sizes, margin } = mamba.run(tokens, r, k);
    expect(margin).toBeGreaterThan(1e-5);
    const mean = hidden[0]!.map((_, c) => hidden.reduce((sum, row, i) => sum + row[c]! * sizes[i]!, 0) / own.length);
    const expected = mamba.linear([mean], 'classifier')[0]!;
    const largest = Math.max(...hidden.map((row) => Math.max(...row.map(Math.abs))));
    await withClassifier('tiny-variant', CLASSIFIER, async (directory) => {
      const model = await MambaModel.load(directory, js);
      const { logits } = await model.forward({ inputIds: ids(own), merging });
      expectNear(logits!.data, expected, tolerance(own.length, largest));
      model.dispose();
    });
  });

  it('leaves the choice of the head, and says what it cannot do', async () => {
    await withClassifier('tiny-variant', SCORE, async (directory) => {
      const model = await MambaModel.load(directory, js);
      const bare = await MambaModel.load(fixture('mamba', 'tiny-variant'), js);
      expect([model.labels, bare.labels]).toEqual([LABELS, undefined]);
      const inputIds = ids([3, 1, 4]);
      const { logits } = await bare.forward({ inputIds });
      expect((await model.forward({ inputIds, head: 'lm' })).logits).toEqual(logits);
      expect((await model.forward({ inputIds, head: 'none' })).logits).toBeUndefined();
      expect((await model.forward({ inputIds, logits: 'none' })).logits).toBeUndefined();
      expect(model.stream({ logits: 'all' }).push(Int32Array.of(3, 1, 4)).logits!.shape).toEqual(logits!.shape);
      const wrong: [MambaModel, object, string, RegExp][] = [
        [bare, { head: 'classifier' }, 'ERR_UNSUPPORTED', /head 'classifier': the checkpoint has no classifier/],
        [model, { head: 'tail' }, 'ERR_INVALID_ARGUMENT', /'lm', 'classifier' or 'none', got "tail"/],
        [model, { logits: 'last' }, 'ERR_INVALID_ARGUMENT', /logits: expected 'none' or nothing without head 'lm'/],
        [model, { attentionMask: ids([0, 0, 0]) }, 'ERR_INVALID_ARGUMENT', /series 0: expected at least 1 for a class/],
      ];
      for (const [one, inputs, code, message] of wrong) {
        const call = one.forward({ inputIds, ...inputs } as never);
        await expect(call).rejects.toThrow(message);
        await expect(call).rejects.toMatchObject({ code });
      }
      model.dispose();
      bare.dispose();
    });
  });

  it('names a tensor of another width', async () => {
    const load = withClassifier('tiny-variant', [f32('score.weight', LABELS, 31)], (d) => MambaModel.load(d, js));
    await expect(load).rejects.toThrow(/score.weight.*expected shape \[5, 32\], got \[5, 31\]/);
  });
});
