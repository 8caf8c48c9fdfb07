import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Classifier, Forecaster } from '../../../lib/index.js';
import { readGoldenFile } from '../../models/goldens.js';
import { ANOMALY, CLASSES, windowOf } from './sbt-tasks.js';

const expected = readGoldenFile(`${CLASSES}/cases.safetensors`).floats('published.output').data;
const samples = [0, 1, 2].map((b) => windowOf(CLASSES, b));

describe('Classifier', () => {
  let classifier: Classifier;
  beforeAll(async () => {
    classifier = await Classifier.fromPretrained(CLASSES);
  });
  afterAll(() => classifier.dispose());

  it('gives labels by probability', async () => {
    const { labels, scores, logits } = await classifier.classify(samples, { topK: 4 });
    expect(logits.shape).toEqual([3, 4]);
    for (const [b, list] of labels.entries()) {
      const own = expected.slice(4 * b, 4 * b + 4);
      expect(list).toEqual([0, 1, 2, 3].sort((i, j) => own[j]! - own[i]!).map(String));
      for (const [rank, label] of list.entries()) {
        const logarithm = own[Number(label)]!;
        expect(Math.abs(Math.log(scores[b]![rank]!) - logarithm)).toBeLessThanOrEqual(2e-5 - 2e-5 * logarithm);
      }
    }
    const best = await classifier.classify(samples[1]!);
    expect(best.labels).toEqual([labels[1]!.slice(0, 1)]);
    expect(best.logits.data).toEqual(logits.data.slice(4, 8));
  });

  it('takes samples of several lengths, each as it is alone', async () => {
    const short = windowOf(CLASSES, 0, 20);
    const { logits } = await classifier.classify([samples[0]!, short, samples[2]!]);
    const alone = await classifier.classify(short);
    expect(logits.data.slice(4, 8)).toEqual(alone.logits.data);
    expect((await classifier.classify([])).logits).toEqual({ data: new Float32Array(0), shape: [0, 4] });
  });

  it('gives typed errors', async () => {
    const rejected = (input: unknown) => expect(classifier.classify(input as never)).rejects;
    await rejected({ data: new Float32Array(51 * 7), shape: [51, 7] }).toMatchObject({
      code: 'ERR_INVALID_SHAPE',
      message: 'inputs: expected 1 to 50 steps, got 51',
    });
    await rejected([samples[0], { data: [], shape: [0, 7] }]).toMatchObject({ code: 'ERR_INVALID_SHAPE' });
    await rejected([{ data: [1, 2, 3, 4, 5, 6, 7, 1, null, 3, 4, 5, 6, 7], shape: [2, 7] }]).toMatchObject({
      code: 'ERR_BAD_DATA',
      message: 'inputs[0]: step 1, variable 1: expected a number, got NaN',
    });
    await rejected({ data: ['1'], shape: [1, 7] }).toMatchObject({ code: 'ERR_BAD_DATA' });
    await rejected({ data: new Int32Array(7), shape: [1, 7] }).toMatchObject({ code: 'ERR_INVALID_DTYPE' });
    await rejected(samples[0]!.data).toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    await expect(classifier.classify(samples, { topK: 0 })).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    await expect(Classifier.fromPretrained(ANOMALY)).rejects.toMatchObject({ code: 'ERR_UNSUPPORTED' });
    await expect(Classifier.fromPretrained(CLASSES, { activations: 'int4' as never })).rejects.toMatchObject({
      message: "activations: expected 'float32' or 'int8', got \"int4\"",
    });
    await expect(Forecaster.fromPretrained(CLASSES)).rejects.toMatchObject({ code: 'ERR_UNSUPPORTED' });
  });
});
