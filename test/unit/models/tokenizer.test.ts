import { describe, expect, it } from 'vitest';
import { createReferenceBackend } from '../../../lib/backend/reference/index.js';
import { MeanScaleUniformBins, type PublishedTokenizerConfig } from '../../../lib/models/index.js';
import { matrix } from '../../../lib/tensor/tensor.js';
import { expectRows, readGoldens, seriesOf } from '../../models/goldens.js';

for (const folder of ['bins512', 'bins4096']) {
  describe(`MeanScaleUniformBins, ${folder}`, () => {
    const goldens = readGoldens('chronos-t5', 'tokenizer', folder, 'cases.safetensors');
    const config = goldens.metadata('config') as PublishedTokenizerConfig;
    const tokenizer = new MeanScaleUniformBins(config);
    const cases = Object.keys(goldens.metadata('cases') as object);

    it('has the published grid, bit for bit', () => {
      expect(tokenizer.centers).toEqual(goldens.floats('centers').data);
      expect(tokenizer.boundaries).toEqual(goldens.floats('boundaries').data);
    });

    it.each(cases)('encodes case %s as published', (name) => {
      const { tokenIds, attentionMask, scale } = tokenizer.encode(goldens.floats(`${name}.context`));
      expect(tokenIds).toEqual(goldens.get(`${name}.token_ids`));
      expect(attentionMask).toEqual(goldens.get(`${name}.attention_mask`));
      expectRows('scale', scale.data, goldens.floats(`${name}.scale`).data, 1, 1e-6);
      if (!goldens.has(`${name}.label`)) return;
      const labels = tokenizer.encodeLabels(goldens.floats(`${name}.label`), scale);
      expect(labels.tokenIds).toEqual(goldens.get(`${name}.label_ids`));
      expect(labels.attentionMask).toEqual(goldens.get(`${name}.label_mask`));
    });

    it.each(cases)('agrees with the operator on case %s', (name) => {
      const series = seriesOf(goldens, name);
      const offsets = [0];
      for (const { length } of series) offsets.push((offsets.at(-1) as number) + length);
      const values = Float64Array.from(series.flatMap((one) => [...one]));
      const inputs = [values, Int32Array.from(offsets), tokenizer.boundaries].map((data) => matrix(data));
      const { contextLength, numTokens, numSpecialTokens, eosTokenId, useEosToken } = tokenizer.config;
      const attributes = { contextLength, numTokens, numSpecialTokens, eosTokenId: useEosToken ? eosTokenId : -1 };
      const [ids] = createReferenceBackend().call('mean_scale_tokenize', inputs, attributes);
      const { tokenIds, attentionMask } = tokenizer.encode(goldens.floats(`${name}.context`));
      expect(ids?.data).toEqual(tokenIds.data.filter((_, i) => attentionMask.data[i] === 1));
    });
  });
}

describe('MeanScaleUniformBins', () => {
  const tokenizer = new MeanScaleUniformBins({
    lowLimit: -2,
    highLimit: 2,
    numTokens: 8,
    numSpecialTokens: 2,
    padTokenId: 0,
    eosTokenId: 1,
    useEosToken: true,
    contextLength: 4,
  });

  it('has a value by hand', () => {
    expect([...tokenizer.centers]).toEqual([-2, -1, 0, 1, 2]);
    // The mean magnitude of the last four observed values is 2: scaled 0.5, -0.5, 2.
    const { tokenIds, attentionMask, scale } = tokenizer.encode({
      data: Float64Array.of(100, 1, NaN, -1, 4),
      shape: [1, 5],
    });
    expect([...scale.data]).toEqual([2]);
    // Borders are -1e20, -1.5, -0.5, 0.5, 1.5, 1e20; a value on a border belongs to the bin above.
    expect([...tokenIds.data]).toEqual([6, 0, 5, 7, 1]);
    expect([...attentionMask.data]).toEqual([1, 0, 1, 1, 1]);
  });

  it('decodes special and outermost ids to the outermost centers', () => {
    const ids = { data: BigInt64Array.of(0n, 1n, 2n, 3n, 5n, 7n, 100n), shape: [1, 1, 7] };
    const values = tokenizer.decode(ids, { data: Float32Array.of(10), shape: [1] });
    expect([...values.data]).toEqual([-20, -20, -20, -20, 0, 20, 20]);
    expect(values.shape).toEqual([1, 1, 7]);
  });

  it('refuses what is no tensor, no number, or of another shape', () => {
    const code = (expected: string) => expect.objectContaining({ code: expected });
    expect(() => tokenizer.encode([1, 2] as never)).toThrow(code('ERR_INVALID_ARGUMENT'));
    expect(() => tokenizer.encode({ data: new Int32Array(2), shape: [1, 2] } as never)).toThrow(
      code('ERR_INVALID_DTYPE'),
    );
    expect(() => tokenizer.encode({ data: new Float32Array(2), shape: [2] })).toThrow(code('ERR_INVALID_SHAPE'));
    expect(() => tokenizer.encode({ data: new Float32Array(2), shape: [1, 3] })).toThrow(code('ERR_INVALID_SHAPE'));
    const detached = new Float32Array(2);
    structuredClone(detached, { transfer: [detached.buffer] });
    expect(() => tokenizer.encode({ data: detached, shape: [1, 2] })).toThrow(code('ERR_DETACHED_BUFFER'));
    const wide = { data: BigInt64Array.of(2n ** 40n), shape: [1, 1, 1] };
    expect(() => tokenizer.decode(wide, { data: Float32Array.of(1), shape: [1] })).toThrow(
      code('ERR_INVALID_ARGUMENT'),
    );
    expect(() => new MeanScaleUniformBins({ ...tokenizer.config, highLimit: -2 })).toThrow(
      code('ERR_INVALID_ARGUMENT'),
    );
  });
});
