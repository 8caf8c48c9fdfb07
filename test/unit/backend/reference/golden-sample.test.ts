import { describe, expect, it } from 'vitest';
import { matrix } from '../../../../lib/tensor/tensor.js';
import { call, list } from './call.js';
import { Golden } from './golden.js';

interface Sampling {
  temperature: number;
  top_k: number;
  top_p: number;
}

describe.each(['random-512', 'random-untied'])('distributions of generate() for %s', (model) => {
  const golden = new Golden(`chronos-t5/${model}/cases.safetensors`);
  const cases = Object.entries(golden.cases).flatMap(([name, { params }]) =>
    ((params.sampling ?? []) as Sampling[]).map((sampling, i) => ({ name, i, ...sampling })),
  );

  it.each(cases)(
    '$name: temperature $temperature, top k $top_k, top p $top_p',
    ({ name, i, temperature, top_k, top_p }) => {
      const { shape, data } = golden.read(`${name}.step_logits.${i}`);
      const width = shape[1]!;
      const logits = matrix(Float32Array.from(data), width);
      // The end token, 1, is never drawn.
      const attributes = { temperature, topK: top_k, topP: top_p, forbidden: [1] };
      const actual = list(call('sampling_distribution', [logits], attributes)[0]);
      const official = golden.read(`${name}.probs.${i}`).data;
      expect(actual.map((p) => p === 0)).toEqual(official.map((p) => p === 0));
      for (let start = 0; start < actual.length; start += width) {
        const largest = Math.max(...official.slice(start, start + width));
        const worst = Math.max(...actual.slice(start, start + width).map((p, j) => Math.abs(p - official[start + j]!)));
        expect(worst).toBeLessThan(2e-5 * largest);
      }
    },
  );
});
