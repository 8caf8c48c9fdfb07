import { describe, expect, it } from 'vitest';
import { Forecaster, type SeriesInputs } from '../../lib/index.js';
import { nativeBackends } from './backends.js';
import { fixture } from './goldens.js';

/*
 * On one instruction set a series has one result, bit for bit, whatever is beside it: company, order, batch size,
 * number of threads, other forecasters at work.
 */

const models: [name: string, dtype: 'float32' | 'bfloat16'][] = [
  ['tidemerge-bolt-nano', 'float32'],
  ['tidemerge-bolt-nano', 'bfloat16'],
  [fixture('chronos-bolt', 'random-bolt-overlap'), 'float32'],
  [fixture('chronos-t5', 'random-untied'), 'float32'],
  [fixture('mamba-forecaster', 'patches'), 'float32'],
  [fixture('chronos-t5', 'random-untied'), 'bfloat16'],
];

/** Series of many lengths, some with gaps, in an order of no meaning. */
function someSeries(count: number): Float64Array[] {
  return Array.from({ length: count }, (_, i) => {
    const length = 1 + ((i * 37) % 150);
    const phase = i * 0.7;
    return Float64Array.from({ length }, (_, t) =>
      (t * 31 + i * 17) % 11 === 0
        ? NaN
        : 100 * (i % 3) + 10 * Math.sin(t / (2 + (i % 5)) + phase) + ((t * 7 + i) % 13) / 5,
    );
  });
}

describe.each(nativeBackends())('$name', ({ options }) => {
  it.each(models)('%s %s: one series, one result', async (model, dtype) => {
    const series = someSeries(23);
    const [one, other] = await Promise.all(
      [1, 3].map((threads) => Forecaster.fromPretrained(model, { ...options, dtype, threads })),
    );
    const request = { predictionLength: one!.predictionLength + 3, seed: 11, numSamples: 3 };
    const whole = await one!.predict(series, request);
    const size = whole.data.length / series.length;
    const of = (data: Float32Array, i: number) => data.slice(i * size, (i + 1) * size);
    const same = (data: Float32Array, i: number, j: number) => {
      // Buffers, because two NaN would be equal to anything that looks like them.
      expect(Buffer.compare(bytes(of(data, i)), bytes(of(whole.data, j)))).toBe(0);
    };
    const order = series.map((_, i) => (i * 7 + 3) % series.length);
    const shuffled = order.map((i) => series[i]!);
    const [permuted, small, single, threaded] = await Promise.all([
      other!.predict(shuffled, request),
      one!.predict(series, { ...request, batchSize: 5 }),
      Promise.all(series.slice(0, 6).map((own) => one!.predict(own as SeriesInputs, request))),
      other!.predict(series, { ...request, batchSize: 23 }),
    ]);
    for (const [at, i] of order.entries()) same(permuted.data, at, i);
    for (let i = 0; i < series.length; i++) {
      same(small.data, i, i);
      same(threaded.data, i, i);
    }
    for (const [i, { data }] of single.entries()) same(data, 0, i);
    expect(whole.data.every(Number.isFinite)).toBe(true);
    await Promise.all([one!.dispose(), other!.dispose()]);
  });
});

function bytes(data: Float32Array): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
