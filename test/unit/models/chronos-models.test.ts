import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ChronosBoltModel, ChronosT5Model, samplingDistribution } from '../../../lib/models/index.js';
import { fixture } from '../../models/goldens.js';

const code = (expected: string) => expect.objectContaining({ code: expected });
const options = { backend: 'js' } as const;

describe('ChronosT5Model', () => {
  let model: ChronosT5Model;
  beforeAll(async () => {
    model = await ChronosT5Model.load(fixture('chronos-t5', 'random-untied'), options);
  });
  afterAll(() => model.dispose());
  const ids = (...data: number[]) => ({ data: Int32Array.from(data), shape: [1, data.length] });

  it('takes no mask as all ones, and all integer types', async () => {
    const expected = await model.encode({ inputIds: ids(5, 6, 1), attentionMask: ids(1, 1, 1) });
    expect(expected.hiddenStates).toBeUndefined();
    expect(await model.encode({ inputIds: ids(5, 6, 1) })).toEqual(expected);
    const big = { data: BigInt64Array.of(5n, 6n, 1n), shape: [1, 3] };
    expect(
      await model.encode({ inputIds: big, attentionMask: { data: Uint8Array.of(1, 1, 1), shape: [1, 3] } }),
    ).toEqual(expected);
  });

  it('never sees what is masked: neither its id nor its companions', async () => {
    const mask = { data: Int32Array.of(0, 1, 1, 1, 0, 1), shape: [2, 3] };
    const first = await model.encode({
      inputIds: { data: Int32Array.of(9, 6, 1, 7, 8, 1), shape: [2, 3] },
      attentionMask: mask,
    });
    const second = await model.encode({
      inputIds: { data: Int32Array.of(0, 6, 1, 7, 99, 1), shape: [2, 3] },
      attentionMask: mask,
    });
    expect(second).toEqual(first);
    const alone = await model.encode({ inputIds: ids(6, 1) });
    expect(first.data.slice(32, 96)).toEqual(alone.data);
    expect(first.data.slice(0, 32)).toEqual(new Float32Array(32));
  });

  it('decodes causally: later ids do not matter', async () => {
    const encoderHiddenStates = await model.encode({ inputIds: ids(5, 6, 1) });
    const vocabulary = model.config.t5.vocabSize;
    const long = await model.decode({ decoderInputIds: ids(0, 7, 9), encoderHiddenStates });
    const short = await model.decode({ decoderInputIds: ids(0, 7), encoderHiddenStates });
    expect(long.shape).toEqual([1, 3, vocabulary]);
    expect(long.data.slice(0, 2 * vocabulary)).toEqual(short.data);
    const doubles = { data: Float64Array.from(encoderHiddenStates.data), shape: encoderHiddenStates.shape };
    expect(await model.decode({ decoderInputIds: ids(0, 7), encoderHiddenStates: doubles })).toEqual(short);
  });

  it('takes empty batches and sequences', async () => {
    const none = { data: new Int32Array(0), shape: [0, 3] };
    expect((await model.encode({ inputIds: none })).shape).toEqual([0, 3, 32]);
    const nothing = { data: new Int32Array(0), shape: [2, 0] };
    expect((await model.encode({ inputIds: nothing, attentionMask: nothing })).shape).toEqual([2, 0, 32]);
  });

  it('refuses wrong shapes, types and ids', async () => {
    const encoderHiddenStates = { data: new Float32Array(64), shape: [1, 2, 32] };
    const wrong: [promise: () => Promise<unknown>, error: string][] = [
      [() => model.encode({ inputIds: [1, 2] as never }), 'ERR_INVALID_ARGUMENT'],
      [() => model.encode({ inputIds: { data: Int32Array.of(1), shape: [1] } }), 'ERR_INVALID_SHAPE'],
      [() => model.encode({ inputIds: { data: Float32Array.of(1), shape: [1, 1] } as never }), 'ERR_INVALID_DTYPE'],
      [() => model.encode({ inputIds: ids(1, 2), attentionMask: ids(1) }), 'ERR_INVALID_SHAPE'],
      [() => model.encode({ inputIds: ids(256) }), 'ERR_INVALID_ARGUMENT'],
      [() => model.encode({ inputIds: ids(-1) }), 'ERR_INVALID_ARGUMENT'],
      [
        () =>
          model.decode({
            decoderInputIds: ids(0),
            encoderHiddenStates: { data: new Float32Array(62), shape: [1, 2, 31] },
          }),
        'ERR_INVALID_SHAPE',
      ],
      [
        () => model.decode({ decoderInputIds: { data: new Int32Array(2), shape: [2, 1] }, encoderHiddenStates }),
        'ERR_INVALID_SHAPE',
      ],
      [
        () => model.decode({ decoderInputIds: ids(0), encoderHiddenStates, attentionMask: ids(1) }),
        'ERR_INVALID_SHAPE',
      ],
    ];
    for (const [promise, error] of wrong) await expect(promise()).rejects.toEqual(code(error));
    // The model goes on working.
    expect((await model.encode({ inputIds: ids(255) })).shape).toEqual([1, 1, 32]);
  });
});

describe('ChronosBoltModel', () => {
  it('refuses what is no [batch, time] of floats', async () => {
    const model = await ChronosBoltModel.load(fixture('chronos-bolt', 'random-bolt'), options);
    await expect(model.forward({ context: Float32Array.of(1) as never })).rejects.toEqual(code('ERR_INVALID_ARGUMENT'));
    await expect(model.forward({ context: { data: Float32Array.of(1), shape: [1] } })).rejects.toEqual(
      code('ERR_INVALID_SHAPE'),
    );
    await expect(model.forward({ context: { data: Int32Array.of(1), shape: [1, 1] } as never })).rejects.toEqual(
      code('ERR_INVALID_DTYPE'),
    );
    const none = await model.forward({ context: { data: new Float32Array(0), shape: [0, 5] } });
    expect([none.quantiles.shape, none.patchMask.shape]).toEqual([
      [0, 9, 64],
      [0, 2],
    ]);
    model.dispose();
  });
});

describe('samplingDistribution', () => {
  const logits = (...data: number[]) => ({ data: Float32Array.from(data), shape: [data.length] });
  const log = Math.log;

  it('is a softmax without the end token', () => {
    const { data, shape } = samplingDistribution(logits(log(1), 50, log(3)));
    expect(shape).toEqual([3]);
    expect([...data].map((p) => Math.round(p * 1e6) / 1e6)).toEqual([0.25, 0, 0.75]);
  });

  it('applies temperature, then top-k with ties, then top-p', () => {
    const free = { forbidden: [] };
    expect(samplingDistribution(logits(0, log(3)), { ...free, temperature: 0.5 }).data[1]).toBeCloseTo(0.9, 6);
    expect([...samplingDistribution(logits(1, 0, 1, -1), { ...free, topK: 1 }).data]).toEqual([0.5, 0, 0.5, 0]);
    const kept = samplingDistribution(logits(log(5), log(3), log(2)), { ...free, topP: 0.6 }).data;
    expect([...kept].map((p) => Math.round(p * 1e6) / 1e6)).toEqual([0.625, 0.375, 0]);
    expect([...samplingDistribution(logits(0, 5, 1), { ...free, topP: 1e-9 }).data]).toEqual([0, 1, 0]);
  });

  it('keeps the shape, and refuses nonsense', () => {
    expect(samplingDistribution({ data: new Float64Array(12), shape: [2, 1, 6] }).shape).toEqual([2, 1, 6]);
    expect(() => samplingDistribution(logits())).toThrow(code('ERR_INVALID_SHAPE'));
    expect(() => samplingDistribution([1] as never)).toThrow(code('ERR_INVALID_ARGUMENT'));
    for (const options of [{ temperature: 0 }, { topK: -1 }, { topP: 0 }, { topP: 2 }]) {
      expect(() => samplingDistribution(logits(0, 0, 1), options)).toThrow(code('ERR_INVALID_ARGUMENT'));
    }
    expect(() => samplingDistribution(logits(0, 0, NaN))).toThrow(code('ERR_BAD_DATA'));
  });
});
