import { describe, expect, it } from 'vitest';
import { Forecaster } from '../../lib/index.js';
import { ChronosT5Model, samplingDistribution } from '../../lib/models/index.js';
import { backendsUnderTest } from './backends.js';
import { fixture, readGoldens, seriesOf } from './goldens.js';

/*
 * Sampled forecasts, held against the distributions they are to be drawn from.
 */

const FOLDER = fixture('chronos-t5', 'random-untied');
const goldens = readGoldens('chronos-t5', 'random-untied', 'cases.safetensors');

describe.each(backendsUnderTest())('sampling, $name', ({ options }) => {
  const numSamples = options.backend === 'js' ? 500 : 5000;
  const settings = { temperature: 1.5, topK: 30, topP: 0.9 };

  it('first tokens are as frequent as they are probable', async () => {
    const model = await ChronosT5Model.load(FOLDER, options);
    const forecaster = await Forecaster.fromPretrained(FOLDER, options);
    const series = seriesOf(goldens, 'plain');
    const attentionMask = goldens.integers('plain.attention_mask');
    const scale = model.tokenizer.encode(goldens.floats('plain.context')).scale.data;
    const encoderHiddenStates = await model.encode({ inputIds: goldens.integers('plain.token_ids'), attentionMask });
    const start = { data: new Int32Array(series.length), shape: [series.length, 1] };
    const logits = await model.decode({ decoderInputIds: start, encoderHiddenStates, attentionMask });
    const { data: probabilities } = samplingDistribution(logits, settings);
    const { data } = await forecaster.predict(series, { predictionLength: 1, numSamples, seed: 5, ...settings });
    const vocabulary = model.config.t5.vocabSize;
    for (let b = 0; b < series.length; b++) {
      const counts = new Map<number, number>();
      for (const value of data.subarray(b * numSamples, (b + 1) * numSamples))
        counts.set(value, (counts.get(value) ?? 0) + 1);
      const expected = new Map<number, number>();
      for (let id = 0; id < vocabulary; id++) {
        const probability = probabilities[b * vocabulary + id] as number;
        const ids = { data: Int32Array.of(id), shape: [1, 1, 1] };
        const [value] = model.tokenizer.decode(ids, { data: scale.slice(b, b + 1), shape: [1] }).data;
        // Several special ids have the value of the first center.
        if (probability > 0) expected.set(value as number, (expected.get(value as number) ?? 0) + probability);
      }
      expect([...counts.keys()].every((value) => expected.has(value))).toBe(true);
      expect(expected.size).toBeGreaterThan(3);
      for (const [value, p] of expected) {
        // Five standard deviations of a binomial count: one test in a million is wrong by chance.
        const deviation = Math.sqrt(numSamples * p * (1 - p));
        expect(Math.abs((counts.get(value) ?? 0) - numSamples * p)).toBeLessThanOrEqual(5 * deviation + 1);
      }
    }
    model.dispose();
    await forecaster.dispose();
  });
});
