import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backend } from '../../lib/backend/backend.js';
import { createBackend } from '../../lib/backend/select.js';
import { Forecaster } from '../../lib/index.js';
import { ChronosT5Model, MeanScaleUniformBins, samplingDistribution } from '../../lib/models/index.js';
import { matrix } from '../../lib/tensor/tensor.js';
import type { BackendUnderTest } from './backends.js';
import { expectRows, expectTensorRows, readGoldenFile, seriesOf } from './goldens.js';

/*
 * Against the published Chronos over T5ForConditionalGeneration; tolerances from the goldens' README.
 */

interface Case {
  readonly params: {
    readonly long?: number;
    readonly sampling?: readonly { temperature: number; top_k: number; top_p: number; prefix: number }[];
  };
}

const END_TOKEN = 1;
/** Every golden of one model: `directory` is the model, `file` the cases, both in Hugging Face and safetensors form. */
export function describeChronosT5(
  title: string,
  directory: string,
  file: string,
  backends: readonly BackendUnderTest[],
): void {
  const goldens = readGoldenFile(file);
  const cases = goldens.cases<Case>();
  const having = (tensor: string) => cases.filter(([name]) => goldens.has(`${name}.${tensor}`));

  describe.each(backends)(`${title}, $name`, ({ options }) => {
    let model: ChronosT5Model;
    let forecaster: Forecaster;
    beforeAll(async () => {
      model = await ChronosT5Model.load(directory, options);
      forecaster = await Forecaster.fromPretrained(directory, options);
    });
    afterAll(async () => {
      model.dispose();
      await forecaster.dispose();
    });

    it.each(cases)('encodes %s', async (name) => {
      const mask = goldens.integers(`${name}.attention_mask`);
      const inputIds = {
        data: BigInt64Array.from(goldens.integers(`${name}.token_ids`).data, BigInt),
        shape: mask.shape,
      };
      const states = await model.encode({ inputIds, attentionMask: mask, hiddenStates: true });
      const expected = goldens.floats(`${name}.embeddings`);
      expectTensorRows('embeddings', states, expected, model.dModel, 2e-5, mask.data);
      const masked = mask.data.indexOf(0);
      if (masked >= 0)
        expect(states.data.subarray(masked * model.dModel).slice(0, model.dModel)).toEqual(
          new Float32Array(model.dModel),
        );
      if (!goldens.has(`${name}.encoder_blocks`)) return;
      const blocks = goldens.floats(`${name}.encoder_blocks`);
      expectTensorRows('blocks', states.hiddenStates!, blocks, model.dModel, 2e-5);
    });

    it.each(having('logits'))('decodes %s with teacher forcing', async (name) => {
      const attentionMask = goldens.integers(`${name}.attention_mask`);
      const encoderHiddenStates = await model.encode({
        inputIds: goldens.integers(`${name}.token_ids`),
        attentionMask,
      });
      const decoderInputIds = goldens.integers(`${name}.decoder_input_ids`);
      const logits = await model.decode({ decoderInputIds, encoderHiddenStates, attentionMask });
      expectTensorRows('logits', logits, goldens.floats(`${name}.logits`), model.config.t5.vocabSize, 2e-5);
    });

    it.each(having('greedy_forecast'))('forecasts %s greedily, with the cache', async (name) => {
      const expected = goldens.floats(`${name}.greedy_forecast`);
      const horizon = expected.shape[1] as number;
      const result = await forecaster.predict(seriesOf(goldens, name), { topK: 1, numSamples: 2 });
      expect(result.shape).toEqual([expected.shape[0], 2, horizon]);
      for (const sample of [0, 1]) {
        const own = Array.from({ length: expected.data.length }, (_, i) => {
          const series = Math.floor(i / horizon);
          return result.data[(2 * series + sample) * horizon + (i % horizon)] as number;
        });
        expectRows('greedy', own, expected.data, horizon, 3e-6);
      }
    });

    it.each(having('long_forecast'))('forecasts %s block by block', async (name, { params }) => {
      const expected = goldens.floats(`${name}.long_forecast`);
      const series = seriesOf(goldens, name);
      const options = { topK: 1, numSamples: 1, predictionLength: params.long };
      const samples = await forecaster.predict(series, options);
      expectRows('long', samples.data, expected.data, params.long as number, 3e-6);
      const result = await forecaster.predictQuantiles(series, { ...options, quantileLevels: [0.3] });
      for (const data of [result.quantiles, result.median, result.mean!]) {
        expectRows('long', data, expected.data, params.long as number, 3e-6);
      }
      expect(result.warnings.map(({ code }) => code)).toEqual(['WARN_LONG_HORIZON']);
    });

    it.each(cases)('embeds %s', async (name) => {
      const expected = goldens.floats(`${name}.embeddings`);
      const embedded = await forecaster.embed(seriesOf(goldens, name));
      expect(Int32Array.from(embedded.mask)).toEqual(goldens.get(`${name}.attention_mask`).data);
      expectTensorRows('embeddings', embedded, expected, model.dModel, 2e-5, embedded.mask);
      expectRows('scale', embedded.scale, goldens.floats(`${name}.scale`).data, 1, 1e-6);
      expect(embedded.loc).toBeUndefined();
    });
  });

  describe.each(backends)(`${title}, operators, $name`, ({ options }) => {
    let backend: Backend;
    beforeAll(async () => {
      backend = await createBackend(options);
    });
    afterAll(() => backend.dispose());

    it.each(having('probs.0'))('%s: distributions to sample from', (name, { params }) => {
      for (const [i, { temperature, top_k: topK, top_p: topP }] of params.sampling!.entries()) {
        const logits = goldens.floats(`${name}.step_logits.${i}`);
        const expected = goldens.floats(`${name}.probs.${i}`);
        const vocabulary = expected.shape[1] as number;
        const attributes = { temperature, topK, topP, forbidden: [END_TOKEN] };
        const [probabilities] = backend.call('sampling_distribution', [matrix(logits.data, vocabulary)], attributes);
        const direct = samplingDistribution(logits, { temperature, topK, topP });
        expect(direct.shape).toEqual(expected.shape);
        for (const data of [probabilities!.data, direct.data]) {
          expectRows('probabilities', data, expected.data, vocabulary, 2e-5);
          expect(Array.from(data, (p) => p === 0)).toEqual(Array.from(expected.data, (p) => p === 0));
        }
      }
    });

    it.each(having('forecast'))('%s: samples to values to statistics', (name) => {
      const ids = goldens.integers(`${name}.sample_ids`);
      const [, samples, horizon] = ids.shape as [number, number, number];
      const levels = Float32Array.from(goldens.metadata('quantile_levels') as number[]);
      const scale = goldens.floats(`${name}.scale`);
      const tokenizer = tokenizerOf(directory);
      const inputs = [matrix(ids.data, horizon), matrix(scale.data), matrix(tokenizer.centers)];
      const [values] = backend.call('tokens_to_values', inputs, { numSpecialTokens: 2 });
      expect(tokenizer.decode(ids, scale).data).toEqual(values!.data);
      expectRows('forecast', values!.data, goldens.floats(`${name}.forecast`).data, horizon, 3e-6);
      const count = matrix(Int32Array.of(samples));
      const statistic = (op: string, ...more: Parameters<typeof matrix>[0][]) =>
        backend.call(op, [values!, ...more.map((data) => matrix(data)), count], {})[0]!.data;
      expectRows('mean', statistic('sample_mean'), goldens.floats(`${name}.mean`).data, horizon, 3e-6);
      expectRows('median', statistic('sample_median'), goldens.floats(`${name}.median`).data, horizon, 3e-6);
      expectRows(
        'quantiles',
        statistic('sample_quantiles', levels),
        goldens.floats(`${name}.quantiles`).data,
        horizon * levels.length,
        3e-6,
      );
    });
  });
}

function tokenizerOf(directory: string): MeanScaleUniformBins {
  const { chronos_config } = JSON.parse(readFileSync(join(directory, 'config.json'), 'utf8'));
  return new MeanScaleUniformBins(chronos_config);
}
