import { describe, expect, it } from 'vitest';
import { int32, matrix } from '../../../../lib/tensor/tensor.js';
import { call, list } from './call.js';
import { Golden, type GoldenTensor } from './golden.js';

describe.each(['bins512', 'bins4096'])('official Chronos tokenizer with %s', (bins) => {
  const golden = new Golden(`chronos-t5/tokenizer/${bins}/cases.safetensors`);
  const config = JSON.parse(golden.metadata.get('config')!);
  const attributes = {
    contextLength: config.context_length,
    numTokens: config.n_tokens,
    numSpecialTokens: config.n_special_tokens,
    eosTokenId: config.use_eos_token ? config.eos_token_id : -1,
  };

  it.each(Object.keys(golden.cases))('%s', (name) => {
    const { values, offsets, lengths } = golden.series(name);
    const results = call('mean_scale_tokenize', [values, offsets, golden.column('boundaries')], attributes);
    const [ids, tokenOffsets, positions, scale] = results.map(list) as [number[], number[], number[], number[]];
    const official = golden.read(`${name}.token_ids`);
    const mask = golden.read(`${name}.attention_mask`).data;
    const width = official.shape[1]!;
    const end = attributes.eosTokenId >= 0 ? 1 : 0;
    for (const [b, length] of lengths.entries()) {
      const own = (values: number[]) => values.slice(tokenOffsets[b], tokenOffsets[b + 1]);
      // The official rows are padded on the left to the longest series.
      const start = width - Math.min(length, attributes.contextLength) - end;
      const places = Array.from({ length: width }, (_, t) => t).filter((t) => mask[b * width + t] === 1);
      expect(own(positions)).toEqual(places.map((t) => t - start));
      expect(own(ids)).toEqual(places.map((t) => official.data[b * width + t]));
    }
    const officialScale = golden.read(`${name}.scale`).data;
    for (const [b, s] of scale.entries()) expect(Math.abs(s / officialScale[b]! - 1)).toBeLessThan(1e-6);
  });
});

describe('official Chronos output', () => {
  const golden = new Golden('chronos-t5/random-512/cases.safetensors');
  const names = Object.keys(golden.cases).filter((name) => golden.has(`${name}.sample_ids`));
  // The model's 512 tokens: 2 special ones and 1 outside the 509 centers from -15 to 15.
  const centers = matrix(Float32Array.from({ length: 509 }, (_, i) => -15 + (30 * i) / 508));

  it.each(names)('values of token ids, their quantiles, mean and median: %s', (name) => {
    const { shape, data } = golden.read(`${name}.sample_ids`);
    const ids = matrix(Int32Array.from(data), shape[2]!);
    const numSamples = int32(shape[1]!);
    const levels = matrix(Float64Array.from(JSON.parse(golden.metadata.get('quantile_levels')!)));
    const [y] = call('tokens_to_values', [ids, golden.column(`${name}.scale`), centers], { numSpecialTokens: 2 });
    expectClose(list(y), golden.read(`${name}.forecast`));
    // Statistics of the official samples, so that only their own rounding remains.
    const samples = matrix(Float32Array.from(golden.read(`${name}.forecast`).data), shape[2]!);
    expectClose(list(call('sample_quantiles', [samples, levels, numSamples])[0]), golden.read(`${name}.quantiles`));
    expectClose(list(call('sample_mean', [samples, numSamples])[0]), golden.read(`${name}.mean`));
    expect(list(call('sample_median', [samples, numSamples])[0])).toEqual(golden.read(`${name}.median`).data);
  });
});

/** Within 3e-6 of the largest value: the files' stated tolerance. */
function expectClose(actual: number[], { data }: GoldenTensor): void {
  expect(actual.length).toBe(data.length);
  const largest = Math.max(...data.map(Math.abs));
  const worst = Math.max(...actual.map((x, i) => Math.abs(x - data[i]!)));
  expect(worst).toBeLessThan(3e-6 * largest);
}
