import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MambaModel, type MambaState } from '../../lib/models/index.js';
import type { BackendUnderTest } from './backends.js';
import { expectRows, expectTensorRows, type GoldenFile, readGoldenFile } from './goldens.js';

/*
 * Against the published MambaForCausalLM; tolerances from the goldens' README.
 */

interface Case {
  readonly params: {
    readonly l: number;
    readonly left?: readonly number[];
    readonly prefill?: number;
    readonly generate?: number;
  };
}

const TOLERANCE = 2e-5;

/** Tokens of a case from one place to another. */
export function tokensOf(goldens: GoldenFile, name: string, from = 0, to = Infinity) {
  const embeds = goldens.has(`${name}.inputs_embeds`);
  const { data, shape } = embeds ? goldens.floats(`${name}.inputs_embeds`) : goldens.integers(`${name}.input_ids`);
  const [batch, length, width = 1] = shape as [number, number, number?];
  const end = Math.min(to, length);
  const rows = Array.from({ length: batch }, (_, b) =>
    data.slice((b * length + from) * width, (b * length + end) * width),
  );
  const joined = new (data.constructor as Float32ArrayConstructor)(batch * (end - from) * width);
  for (const [b, row] of rows.entries()) joined.set(row, (b * joined.length) / batch);
  const part = { data: joined, shape: [batch, end - from, ...shape.slice(2)] };
  return embeds ? { inputsEmbeds: part } : { inputIds: part as unknown as { data: Int32Array; shape: number[] } };
}

/** Golden rows of `width` per place; the largest value of a batch element decides. */
function expectBatch(
  what: string,
  actual: { data: Float32Array; shape: readonly number[] },
  expected: { data: Float32Array; shape: readonly number[] },
  elements: number,
): void {
  expectTensorRows(what, actual, expected, expected.data.length / elements, TOLERANCE);
}

/** transformers keeps one input of the convolution more than are needed. */
export function expectState(goldens: GoldenFile, name: string, suffix: string, state: MambaState): void {
  const conv = goldens.floats(`${name}.conv_states${suffix}`);
  const [layers, batch, , kernel] = conv.shape as [number, number, number, number];
  const needed = Float32Array.from(conv.data.filter((_, i) => i % kernel !== 0));
  expectBatch('conv', state.conv, { data: needed, shape: [...conv.shape.slice(0, 3), kernel - 1] }, layers * batch);
  expectBatch('ssm', state.ssm, goldens.floats(`${name}.ssm_states${suffix}`), layers * batch);
}

/** Every golden of one model: `directory` is the model, `file` the cases. */
export function describeMamba(
  title: string,
  directory: string,
  file: string,
  backends: readonly BackendUnderTest[],
): void {
  const goldens = readGoldenFile(file);
  const cases = goldens.cases<Case>();

  describe.each(backends)(`${title}, $name`, ({ options }) => {
    let model: MambaModel;
    beforeAll(async () => {
      model = await MambaModel.load(directory, options);
    });
    afterAll(() => model.dispose());

    it.each(cases)('runs %s forward', async (name, { params: { left } }) => {
      const mask = left && goldens.integers(`${name}.attention_mask`);
      const tokens = tokensOf(goldens, name);
      const wanted = { hiddenStates: goldens.has(`${name}.hidden`), lastHiddenState: true };
      const out = await model.forward({ ...tokens, attentionMask: mask, ...wanted });
      const logits = goldens.floats(`${name}.logits`);
      const [batch, length, vocabulary] = logits.shape as [number, number, number];
      // Row by row where there is padding: what the published class leaves there is no answer.
      if (mask) expectTensorRows('logits', out.logits!, logits, vocabulary, TOLERANCE, mask.data);
      else expectBatch('logits', out.logits!, logits, batch);
      if (goldens.has(`${name}.hidden`) && !mask) {
        const hidden = goldens.floats(`${name}.hidden`);
        expectBatch('hidden', out.hiddenStates!, hidden, batch * (hidden.shape[0] as number));
        expect(out.lastHiddenState!.data).toEqual(out.hiddenStates!.data.slice(-out.lastHiddenState!.data.length));
      }
      if (goldens.has(`${name}.ssm_states_end`)) expectState(goldens, name, '_end', out.state);
      const last = await model.forward({ ...tokens, attentionMask: mask, logits: 'last' });
      const ends = Array.from({ length: batch }, (_, b) => ((b + 1) * length - 1) * vocabulary);
      const rows = ends.flatMap((at) => [...out.logits!.data.subarray(at, at + vocabulary)]);
      expect(last.logits).toEqual({ data: Float32Array.from(rows), shape: [batch, 1, vocabulary] });
    });

    it.each(cases.filter(([, { params }]) => params.prefill))('goes on with %s', async (name, { params }) => {
      const first = await model.forward({ ...tokensOf(goldens, name, 0, params.prefill), logits: 'none' });
      expect(first.logits).toBeUndefined();
      expectState(goldens, name, '', first.state);
      const rest = await model.forward({ ...tokensOf(goldens, name, params.prefill), state: first.state });
      const whole = await model.forward(tokensOf(goldens, name));
      const [batch, length, vocabulary] = whole.logits!.shape as [number, number, number];
      const tail = (length - params.prefill!) * vocabulary;
      const rows = Array.from({ length: batch }, (_, b) => [
        ...whole.logits!.data.subarray((b + 1) * length * vocabulary - tail, (b + 1) * length * vocabulary),
      ]);
      const expected = Float32Array.from(rows.flat());
      if (options.backend === 'js') {
        // Within a run its state is in double precision, between runs in float32: a rounding, as every step of the goldens has.
        expectRows('rest', rest.logits!.data, expected, tail, TOLERANCE);
        return;
      }
      // Every sum runs in the same order, wherever a sequence is cut.
      expect(rest.logits!.data).toEqual(expected);
      expect(rest.state).toEqual(whole.state);
    });

    it.each(cases.filter(([, { params }]) => params.prefill))('streams %s', async (name, { params }) => {
      const steps = goldens.floats(`${name}.step_logits`);
      const [batch, length, vocabulary] = steps.shape as [number, number, number];
      const stream = model.stream({ batch, logits: 'all' });
      const pushed = [stream.push(tokensOf(goldens, name, 0, params.prefill)).logits!];
      expectState(goldens, name, '', stream.state);
      for (let i = params.prefill!; i < length; i++) {
        pushed.push(stream.push(tokensOf(goldens, name, i, i + 1)).logits!);
      }
      const logits = joined(pushed, vocabulary);
      expectBatch('step_logits', logits, steps, batch);
      expectState(goldens, name, '_end', stream.state);
      if (options.backend === 'js') return;
      const whole = await model.forward(tokensOf(goldens, name));
      expect(logits).toEqual(whole.logits);
      expect(stream.state).toEqual(whole.state);
    });

    it.each(cases.filter(([, { params }]) => params.generate))('continues %s', async (name) => {
      const greedy = goldens.integers(`${name}.greedy_ids`);
      const mask = goldens.has(`${name}.attention_mask`) ? goldens.integers(`${name}.attention_mask`) : undefined;
      const { logits, state } = await model.forward({
        ...tokensOf(goldens, name),
        ...{ attentionMask: mask, logits: 'last' },
      });
      const [batch, count] = greedy.shape as [number, number];
      const stream = model.stream({ state });
      const ids: number[][] = [];
      for (let last = logits!; ids.length < count; ) {
        const next = Int32Array.from({ length: batch }, (_, b) => largest(last, b));
        ids.push([...next]);
        last = stream.push({ inputIds: { data: next, shape: [batch, 1] } }).logits!;
      }
      const rows = Array.from({ length: batch }, (_, b) => ids.map((step) => step[b] as number)).flat();
      expect(rows).toEqual([...greedy.data]);
    });
  });
}

/** Pieces [batch, n, width] one behind the other. */
function joined(pieces: readonly { data: Float32Array; shape: readonly number[] }[], width: number) {
  const batch = pieces[0]!.shape[0] as number;
  const rows = Array.from({ length: batch }, (_, b) =>
    pieces.flatMap(({ data }) => [...data.subarray((b * data.length) / batch, ((b + 1) * data.length) / batch)]),
  ).flat();
  return { data: Float32Array.from(rows), shape: [batch, rows.length / batch / width, width] };
}

/** Place of the largest value of row b. */
function largest({ data, shape }: { data: Float32Array; shape: readonly number[] }, b: number): number {
  const width = shape.at(-1) as number;
  const row = data.subarray(b * width, (b + 1) * width);
  return row.indexOf(Math.max(...row));
}
