import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MambaInputs } from '../../lib/models/index.js';
import { MambaModel } from '../../lib/models/index.js';
import { backendsUnderTest, nativeBackends } from './backends.js';
import { withEditedModel } from './edited-model.js';
import { expectRows, fixture } from './goldens.js';

/*
 * What holds without a golden: padding, company, precision, streams, and input that is wrong.
 */

const FOLDER = fixture('mamba', 'tiny-variant');
const WIDTH = 32;
const VOCABULARY = 50;

const ids = (...rows: number[][]) => ({ data: Int32Array.from(rows.flat()), shape: [rows.length, rows[0]!.length] });
const sequence = (length: number, seed: number) =>
  Array.from({ length }, (_, t) => (t * t * 7 + t * 5 + seed * 11) % 50);
const embedded = (batch: number, length: number) => ({
  data: Float32Array.from({ length: batch * length * WIDTH }, (_, i) => Math.sin(i * 0.37) + Math.cos(i * i * 0.011)),
  shape: [batch, length, WIDTH],
});
const row = (data: Float32Array, at: number, width = VOCABULARY) => data.slice(at * width, (at + 1) * width);
const bytes = ({ buffer, byteOffset, byteLength }: Float32Array) => Buffer.from(buffer, byteOffset, byteLength);

describe.each(backendsUnderTest())('Mamba, $name', ({ options }) => {
  let model: MambaModel;
  beforeAll(async () => {
    model = await MambaModel.load(FOLDER, options);
  });
  afterAll(() => model.dispose());

  it('leaves out padding, wherever it is and whatever stands there', async () => {
    const series = [sequence(9, 1), sequence(5, 2), sequence(6, 3)];
    const inputIds = ids(
      series[0]!,
      [49, 49, ...series[1]!, 49, 49],
      [...series[2]!.slice(0, 4), 1, 1, 1, ...series[2]!.slice(4)],
    );
    const attentionMask = ids([1, 1, 1, 1, 1, 1, 1, 1, 1], [0, 0, 1, 1, 1, 1, 1, 0, 0], [1, 1, 1, 1, 0, 0, 0, 1, 1]);
    for (const merging of [false, { r: 1 }] as const) {
      const wanted = { attentionMask, merging, hiddenStates: true };
      const padded = await model.forward({ inputIds, ...wanted });
      const last = await model.forward({ inputIds, ...wanted, hiddenStates: false, logits: 'last' });
      for (const [b, own] of series.entries()) {
        const alone = await model.forward({ inputIds: ids(own), merging });
        let at = 0;
        for (let p = 0; p < 9; p++) {
          const there = attentionMask.data[b * 9 + p] === 1;
          const expected = there ? row(alone.logits!.data, at++) : new Float32Array(VOCABULARY);
          expect(row(padded.logits!.data, b * 9 + p)).toEqual(expected);
          if (there) continue;
          for (let layer = 0; layer < 3; layer++) {
            expect(row(padded.hiddenStates!.data, (layer * 3 + b) * 9 + p, WIDTH).every((x) => x === 0)).toBe(true);
          }
        }
        expect(row(last.logits!.data, b)).toEqual(row(alone.logits!.data, own.length - 1));
        expect(row(last.state.ssm.data, b, 96 * 8)).toEqual(row(alone.state.ssm.data, 0, 96 * 8));
      }
    }
  });

  it('keeps the state of a series without tokens, and gives zeros for it', async () => {
    const { state } = await model.forward({ inputIds: ids(sequence(4, 1), sequence(4, 2)), logits: 'none' });
    const inputs = { inputIds: ids(sequence(3, 5), sequence(3, 6)), attentionMask: ids([0, 0, 0], [1, 1, 1]), state };
    const out = await model.forward({ ...inputs, logits: 'last' });
    expect(row(out.logits!.data, 0).every((x) => x === 0)).toBe(true);
    expect(row(out.logits!.data, 1).some((x) => x !== 0)).toBe(true);
    expect(row(out.state.conv.data, 0, 96 * 2)).toEqual(row(state.conv.data, 0, 96 * 2));
    expect(row(out.state.ssm.data, 0, 96 * 8)).toEqual(row(state.ssm.data, 0, 96 * 8));
    const none = await model.forward({ inputIds: { data: new Int32Array(0), shape: [2, 0] }, state, logits: 'last' });
    expect(none.state).toEqual(state);
    expect(none.logits!.data).toEqual(new Float32Array(2 * VOCABULARY));
  });

  it('leaves a NaN in its series', async () => {
    const inputsEmbeds = embedded(3, 12);
    for (const merging of [false, { threshold: 0.2 }, { r: 2 }] as const) {
      const clean = await model.forward({ inputsEmbeds, merging });
      const data = inputsEmbeds.data.slice();
      data[(12 + 5) * WIDTH + 3] = NaN;
      const { logits, state } = await model.forward({ inputsEmbeds: { ...inputsEmbeds, data }, merging });
      for (const b of [0, 2]) {
        expect(row(logits!.data, b, 12 * VOCABULARY)).toEqual(row(clean.logits!.data, b, 12 * VOCABULARY));
        expect(row(state.ssm.data, b, 96 * 8)).toEqual(row(clean.state.ssm.data, b, 96 * 8));
      }
      expect(row(logits!.data, 12 + 11).every(Number.isNaN)).toBe(true);
      if (!merging) expect(row(logits!.data, 12 + 4)).toEqual(row(clean.logits!.data, 12 + 4));
    }
  });

  it('streams in pieces of any size, of ids and embedded tokens, here and elsewhere', async () => {
    const own = sequence(23, 4);
    const stream = model.stream();
    const first = [stream.push(own[0]!), stream.push(Int32Array.from(own.slice(1, 8)))];
    expect(first[1]!.logits!.shape).toEqual([1, 1, VOCABULARY]);
    const other = model.stream({ state: structuredClone(stream.state), logits: 'all', lastHiddenState: true });
    const rest = other.push({ inputIds: ids(own.slice(8)) });
    const single = own.slice(8).map((id) => stream.push(id).logits!.data);
    expect(rest.lastHiddenState!.shape).toEqual([1, 15, WIDTH]);
    const near = (actual: Float32Array, expected: Float32Array) => {
      if (options.backend === 'js') expectRows('rest', actual, expected, expected.length, 2e-5);
      else expect(actual).toEqual(expected);
    };
    near(Float32Array.from(single.flatMap((step) => [...step])), rest.logits!.data);
    near(stream.state.ssm.data, other.state.ssm.data);
    // From ids to embedded tokens and back.
    const { data } = embedded(1, 3);
    const before = stream.state;
    stream.push(data);
    const mixed = stream.push(7).logits!;
    const { state } = await model.forward({ inputsEmbeds: { data, shape: [1, 3, WIDTH] }, state: before });
    near(mixed.data, (await model.forward({ inputIds: ids([7]), state })).logits!.data);
    for (const one of [stream, other]) one.dispose();
  });

  it('goes on from a state that merging left', async () => {
    const { state } = await model.forward({ inputIds: ids(sequence(30, 1)), merging: { ratio: 0.3 }, logits: 'none' });
    const { logits } = model.stream({ state }).push(3);
    expect(logits).toEqual((await model.forward({ inputIds: ids([3]), state })).logits);
  });

  it('loses nothing when a push fails', () => {
    const stream = model.stream({ batch: 2 });
    stream.push({ inputIds: ids([1, 2], [3, 4]) });
    const { state } = stream;
    const nested = { data: Int32Array.of(1, 2), shape: [2, 1] };
    const reentrant = {
      get inputIds() {
        stream.push({ inputIds: nested });
        return nested;
      },
    };
    const wrong: [unknown, string, RegExp][] = [
      [{ inputIds: ids([1], [50]) }, 'ERR_INVALID_ARGUMENT', /embedding/],
      [{ inputIds: ids([1, 2]) }, 'ERR_INVALID_SHAPE', /push: expected tokens \[2, at least 1\], got \[1, 2\]/],
      [{ inputIds: { data: new Int32Array(0), shape: [2, 0] } }, 'ERR_INVALID_SHAPE', /got \[2, 0\]/],
      [
        { inputsEmbeds: { data: new Float32Array(62), shape: [2, 1, 31] } },
        'ERR_INVALID_SHAPE',
        /inputsEmbeds: expected shape/,
      ],
      [new Float32Array(33), 'ERR_INVALID_SHAPE', /expected 64 elements/],
      [5, 'ERR_INVALID_SHAPE', /got \[1, 1\]/],
      [1.5, 'ERR_INVALID_ARGUMENT', /push: expected an id, got 1.5/],
      ['a', 'ERR_INVALID_ARGUMENT', /push: expected ids or embedded tokens/],
      [{}, 'ERR_INVALID_ARGUMENT', /either inputIds or inputsEmbeds, got neither/],
      [reentrant, 'ERR_INVALID_ARGUMENT', /push: called from inside another push\(\)/],
    ];
    for (const [tokens, code, message] of wrong) {
      const push = () => stream.push(tokens as never);
      expect(push).toThrow(message);
      expect(push).toThrow(expect.objectContaining({ name: 'TidemergeError', code }) as never);
      expect(stream.state).toEqual(state);
    }
    stream.dispose();
    const late = () => stream.push({ inputIds: nested });
    expect(late).toThrow('stream: used after dispose()');
    expect(() => stream.state).toThrow(expect.objectContaining({ code: 'ERR_DISPOSED' }) as never);
  });

  it('refuses what it cannot do, by name', async () => {
    const { state } = await model.forward({ inputIds: ids([1, 2, 3]) });
    const inputIds = ids([1, 2, 3]);
    const wrong: [object, string, RegExp][] = [
      [{}, 'ERR_INVALID_ARGUMENT', /forward: expected either inputIds or inputsEmbeds, got neither/],
      [{ inputIds, inputsEmbeds: embedded(1, 3) }, 'ERR_INVALID_ARGUMENT', /got both/],
      [{ inputIds: ids([1, -1]) }, 'ERR_INVALID_ARGUMENT', /embedding/],
      [{ inputIds, attentionMask: ids([1, 1]) }, 'ERR_INVALID_SHAPE', /attentionMask: expected shape \[1, 3\]/],
      [{ inputsEmbeds: { data: new Float32Array(3), shape: [1, 1, 3] } }, 'ERR_INVALID_SHAPE', /\[any, any, 32\]/],
      [{ inputIds, logits: 'first' }, 'ERR_INVALID_ARGUMENT', /logits: expected 'all', 'last' or 'none'/],
      [{ inputIds, unmerge: 1 }, 'ERR_INVALID_ARGUMENT', /unmerge: expected true or false/],
      [{ inputIds: ids([1], [2]), state }, 'ERR_INVALID_SHAPE', /state.conv: expected shape \[2, 2, 96, 2\]/],
      [{ inputIds, state: { ...state, version: 2 } }, 'ERR_INVALID_ARGUMENT', /state.version: expected 1, got 2/],
      [{ inputIds, state: { ...state, model: 'mamba2' } }, 'ERR_INVALID_ARGUMENT', /state.model: expected "mamba"/],
      [{ inputIds, state: { ...state, ssm: state.conv } }, 'ERR_INVALID_SHAPE', /state.ssm: expected shape/],
      [{ inputIds, merging: { r: 1, proportional: true } }, 'ERR_UNSUPPORTED', /it has no attention/],
      [{ inputIds, merging: { r: 1, where: 'decoder' } }, 'ERR_UNSUPPORTED', /one stack/],
      [
        { inputIds, merging: { r: 1, layers: [2] } },
        'ERR_INVALID_ARGUMENT',
        /layers\[0\]: expected a layer of mamba, 0 to 1/,
      ],
    ];
    for (const [inputs, code, message] of wrong) {
      const call = model.forward(inputs as MambaInputs);
      await expect(call).rejects.toThrow(message);
      await expect(call).rejects.toMatchObject({ name: 'TidemergeError', code });
    }
    const code = (expected: string) => expect.objectContaining({ code: expected }) as never;
    for (const merging of [{ r: 1 }, { threshold: 0.9, causal: 'strict' }]) {
      expect(() => model.stream({ merging } as never)).toThrow(code('ERR_UNSUPPORTED'));
    }
    expect(() => model.stream({ state, batch: 2 })).toThrow(code('ERR_INVALID_SHAPE'));
    expect(() => model.stream({ state: {} as never })).toThrow(/state.version: expected 1, got nothing/);
    expect(() => model.stream({ batch: 0 })).toThrow(/stream: batch: expected an integer >= 1, got 0/);
  });
});

describe.each(nativeBackends())('Mamba, $name', ({ options }) => {
  it('has one result for a series, whatever is beside it and on any number of threads', async () => {
    const [one, other] = await Promise.all([1, 3].map((threads) => MambaModel.load(FOLDER, { ...options, threads })));
    const rows = Array.from({ length: 7 }, (_, b) => sequence(40, b));
    for (const merging of [false, { r: 7 }, { threshold: 0.3, k: 3 }] as const) {
      const together = await one!.forward({ inputIds: ids(...rows), merging });
      const alone = await other!.forward({ inputIds: ids(rows[5]!), merging });
      const [whole, single] = [together.logits!.data, alone.logits!.data];
      expect(Buffer.compare(bytes(row(whole, 5, 40 * VOCABULARY)), bytes(single))).toBe(0);
    }
    one!.dispose();
    const stream = other!.stream();
    // Beside passes on the driver's thread, with the same weights and threads.
    const pass = () => other!.forward({ inputIds: ids(...rows) });
    const calm = await pass();
    const passes = Array.from({ length: 8 }, pass);
    const beside = other!.stream();
    for (let i = 0; i < 30; i++) {
      beside.push(i);
      await new Promise((resolve) => setImmediate(resolve));
    }
    for (const one of await Promise.all(passes)) expect(one.logits).toEqual(calm.logits);
    const steps = ids(Array.from({ length: 30 }, (_, i) => i));
    expect(beside.state).toEqual((await other!.forward({ inputIds: steps })).state);
    other!.dispose();
    expect(() => stream.push(3)).toThrow(expect.objectContaining({ code: 'ERR_DISPOSED' }) as never);
    await expect(other!.forward({ inputIds: ids([1]) })).rejects.toMatchObject({ code: 'ERR_DISPOSED' });
  });

  it('computes the same with bfloat16 weights that were so already', async () => {
    // Products with them are exact; only avx512_bf16 rounds the other factor, to 8 bits, in nine products behind each other.
    const rounded = { weights: (tensors: { data: unknown }[]) => tensors.map(toBfloat16) as never };
    const logits = await withEditedModel(FOLDER, rounded, async (directory) => {
      const of = async (dtype: 'float32' | 'bfloat16') => {
        const model = await MambaModel.load(directory, { ...options, dtype });
        const out = await model.forward({ inputIds: ids(sequence(20, 1)) });
        model.dispose();
        return out.logits!.data;
      };
      return [await of('float32'), await of('bfloat16')] as const;
    });
    const tolerance = options.isa === 'avx512_bf16' ? 9 * 2 ** -9 : 2e-5;
    expectRows('logits', logits[1], logits[0], logits[0].length, tolerance);
  });
});

function toBfloat16<T extends { data: unknown }>(tensor: T): T {
  const bits = new Uint32Array((tensor.data as Float32Array).slice().buffer);
  for (const [i, word] of bits.entries()) bits[i] = word & 0xffff0000;
  return { ...tensor, data: new Float32Array(bits.buffer) };
}
