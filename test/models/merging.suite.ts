import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { WeightHandle } from '../../lib/backend/backend.js';
import type { ProgramBuilder, SymbolicTensor } from '../../lib/backend/program.js';
import { composedMap, type MergingOptions, type SeriesTrace } from '../../lib/index.js';
import { readMerging } from '../../lib/merging/options.js';
import type { RecordedMerge } from '../../lib/merging/token-merger.js';
import { chronosBolt } from '../../lib/models/chronos-bolt/model.js';
import { chronosT5 } from '../../lib/models/chronos-t5/model.js';
import { ChronosBoltModel, ChronosT5Model } from '../../lib/models/index.js';
import { type LoadOptions, loadModel, type ModelDefinition, only } from '../../lib/models/load.js';
import type { Inputs, ModelHost } from '../../lib/models/model-host.js';
import type { T5Config } from '../../lib/models/t5/config.js';
import { encodeT5 } from '../../lib/models/t5/encoder.js';
import type { EncoderWeights } from '../../lib/models/t5/weights.js';
import { attention } from '../../lib/ops/attention.js';
import { embedding } from '../../lib/ops/embedding.js';
import { matrix } from '../../lib/tensor/tensor.js';
import type { BackendUnderTest } from './backends.js';
import { expectRows, type GoldenFile, readGoldenFile } from './goldens.js';

/*
 * Against the official modules run layer by layer with merging between them; tolerances and rules from the goldens'
 * README.
 */

export interface Merge {
  readonly layers: readonly number[];
  readonly k: number | 'half';
  readonly r?: number;
  readonly tau?: number;
  readonly q?: number;
  readonly proportional?: boolean;
}

interface Case {
  readonly params: { readonly merge: Merge | null; readonly tokens: readonly number[] };
}

export function mergingOf({ layers, k, r, tau, q, proportional = false }: Merge): MergingOptions {
  return { layers, k: k === 'half' ? 'global' : k, r, threshold: tau, minTokens: q, proportional, trace: true };
}

/** A model taken apart: its encoder, and the host that runs programs with its weights. */
interface Encoder {
  readonly host: ModelHost;
  readonly t5: T5Config;
  readonly weights: EncoderWeights;
  readonly embeddings: WeightHandle | undefined;
}

interface Weights {
  readonly encoder: EncoderWeights;
  readonly embeddings?: WeightHandle;
}

function loadEncoder<C extends { readonly t5: T5Config }, W extends Weights>(
  definition: ModelDefinition<C, W, unknown>,
  directory: string,
  options: LoadOptions,
): Promise<Encoder> {
  const create = (host: ModelHost, { t5 }: C, { encoder, embeddings }: W): Encoder => ({
    ...{ host, t5, weights: encoder, embeddings },
  });
  return loadModel(directory, only({ ...definition, create }), options);
}

/** Largest magnitude decides, over the whole tensor. */
function expectTensor(what: string, actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): void {
  expectRows(what, actual, expected, expected.length, tolerance);
}

/** Counts and maps of every layer, exactly, and the whole map. */
function expectTrace(goldens: GoldenFile, name: string, trace: SeriesTrace, { params }: Case): void {
  const layers = params.merge?.layers ?? [];
  expect(trace.layers.map(({ layer }) => layer)).toEqual(layers);
  expect([trace.positions.length, ...trace.layers.map(({ tokens }) => tokens)]).toEqual(params.tokens);
  for (const { layer, map } of trace.layers) {
    expect(map).toEqual(goldens.integers(`${name}.layer${layer}.group`).data);
  }
  expect(composedMap(trace)).toEqual(goldens.integers(`${name}.group`).data);
}

/** The least similarity that was merged is one of `best`, and no pair that was left is more similar. */
function expectLast(goldens: GoldenFile, name: string, { layers }: SeriesTrace): void {
  for (const { layer, tokensBefore, tokens, lastSimilarity } of layers) {
    const best = [...goldens.floats(`${name}.layer${layer}.best`).data].sort((a, b) => b - a);
    if (tokens === tokensBefore) expect(lastSimilarity).toBeNaN();
    else expect(Math.abs(lastSimilarity - (best[tokensBefore - tokens - 1] as number))).toBeLessThanOrEqual(5e-6);
  }
}

/** What an encoder is fed with: the rows of one series, and the inputs they are made of. */
interface Feed {
  readonly x: (builder: ProgramBuilder) => SymbolicTensor;
  readonly inputs: Inputs;
}

/** Hidden states around every merge, sizes and similarities. */
async function expectInside(
  goldens: GoldenFile,
  name: string,
  { host, t5, weights }: Encoder,
  feed: Feed,
  merge: Merge,
  tolerance: number,
): Promise<void> {
  const plan = readMerging(mergingOf(merge), { model: 'it', numLayers: t5.numLayers, k: 'global' });
  const length = goldens.integers(`${name}.group`).data.length;
  const record = (builder: ProgramBuilder) => {
    const places = { offsets: builder.input('offsets', 'int32', 1), positions: builder.input('positions', 'int32', 1) };
    const onMerge = ({ layer, before, tokens, best, sizes }: RecordedMerge) => {
      for (const [what, tensor] of Object.entries({ before, merged: tokens, best, size: sizes })) {
        builder.output(`layer${layer}.${what}`, tensor);
      }
    };
    const options = { merging: plan && { ...plan, trace: false }, onMerge };
    builder.output('encoder_output', encodeT5({ x: feed.x(builder), ...places }, weights, t5, options).x);
  };
  const out = await host.run(`inside ${name}`, record, {
    ...feed.inputs,
    offsets: matrix(Int32Array.of(0, length)),
    positions: matrix(Int32Array.from({ length }, (_, i) => i)),
  });
  for (const [tensor, { data }] of Object.entries(out)) {
    const what = `${name}.${tensor}`;
    if (tensor.endsWith('.size')) expect(data).toEqual(goldens.floats(what).data);
    else if (tensor.endsWith('.best')) {
      const expected = goldens.floats(what).data;
      expect(data.length).toBe(expected.length);
      for (const [i, e] of expected.entries()) expect(Math.abs((data[i] as number) - e)).toBeLessThanOrEqual(5e-6);
    } else if (goldens.has(what)) {
      expectTensor(what, data, goldens.floats(what).data, tolerance);
    }
  }
}

/**
 * The position bias as attention sees it: queries and keys of zeros leave the softmax of the bias, which values of one
 * hot channel show. A logit that is off by e changes a weight p by at most 2 e p.
 */
async function expectBias(
  golden: { readonly data: Float32Array; readonly shape: readonly number[] },
  groups: Int32Array | undefined,
  { host, weights }: Encoder,
): Promise<void> {
  const [, heads, tokens] = golden.shape as [number, number, number];
  const record = (builder: ProgramBuilder) => {
    const zeros = builder.input('zeros', 'float32', heads * tokens);
    const offsets = builder.input('offsets', 'int32', 1);
    const map = groups && {
      map: builder.input('map', 'int32', 1),
      offsets: builder.input('originals', 'int32', 1),
    };
    const inputs = {
      query: zeros,
      key: zeros,
      value: builder.input('values', 'float32', heads * tokens),
      queryOffsets: offsets,
      keyOffsets: offsets,
      distanceBias: builder.weight(weights.distanceBias),
      groups: map,
    };
    builder.output('weights', attention(inputs, { numHeads: heads, headDim: tokens, scale: 1 }));
  };
  const width = heads * tokens;
  const values = Float32Array.from({ length: tokens * width }, (_, i) =>
    Math.floor(i / width) === i % tokens ? 1 : 0,
  );
  const out = await host.run(`bias ${heads} ${tokens} ${groups !== undefined}`, record, {
    zeros: matrix(new Float32Array(tokens * width), width),
    values: matrix(values, width),
    offsets: matrix(Int32Array.of(0, tokens)),
    ...(groups && { map: matrix(groups), originals: matrix(Int32Array.of(0, groups.length)) }),
  });
  const largest = golden.data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const error = 2 * (2e-6 * largest + 2 ** -23 * (2 * largest + tokens + 24));
  for (let i = 0; i < tokens; i++) {
    for (let h = 0; h < heads; h++) {
      const row = golden.data.subarray((h * tokens + i) * tokens, (h * tokens + i + 1) * tokens);
      const exponentials = Array.from(row, Math.exp);
      const total = exponentials.reduce((a, b) => a + b, 0);
      for (const [j, e] of exponentials.entries()) {
        const actual = out.weights!.data[i * width + h * tokens + j] as number;
        expect(Math.abs(actual - e / total)).toBeLessThanOrEqual((error * e) / total);
      }
    }
  }
}

async function expectBiases(goldens: GoldenFile, name: string, trace: SeriesTrace, encoder: Encoder): Promise<void> {
  await expectBias(goldens.floats(`${name}.bias`), undefined, encoder);
  for (const [i, { layer }] of trace.layers.entries()) {
    await expectBias(goldens.floats(`${name}.layer${layer}.bias`), composedMap(trace, i + 1), encoder);
  }
}

/** Every original token has the row of the token it stands in, bit for bit. */
function expectCloned(full: Float32Array, merged: Float32Array, map: Int32Array, dModel: number): void {
  const cloned = new Float32Array(map.length * dModel);
  for (const [p, g] of map.entries()) cloned.set(merged.subarray(g * dModel, (g + 1) * dModel), p * dModel);
  expect(full).toEqual(cloned);
}

/** Every golden of merging in Chronos-T5: `directory` is the model, `file` the cases. */
export function describeMergedT5(
  title: string,
  directory: string,
  file: string,
  backends: readonly BackendUnderTest[],
): void {
  const goldens = readGoldenFile(file);
  const cases = goldens.cases<Case>();

  describe.each(backends)(`${title}, $name`, ({ options }) => {
    let model: ChronosT5Model;
    let encoder: Encoder;
    beforeAll(async () => {
      model = await ChronosT5Model.load(directory, options);
      encoder = await loadEncoder(chronosT5, directory, options);
    });
    afterAll(() => {
      model.dispose();
      encoder.host.dispose();
    });

    it.each(cases)('%s', async (name, one) => {
      const { merge } = one.params;
      const ids = goldens.integers(`${name}.token_ids`);
      const context = goldens.floats(`${name}.context`);
      expect(model.tokenizer.encode(context).tokenIds.data).toEqual(ids.data);
      const states = await model.encode({ inputIds: ids }, { merging: merge ? mergingOf(merge) : false });
      const expected = goldens.floats(`${name}.encoder_output`);
      const merged = states.merged ?? states;
      expect(merged.shape).toEqual(expected.shape);
      expectTensor('encoder_output', merged.data, expected.data, 2e-5);
      const decoderInputIds = goldens.integers(`${name}.decoder_input_ids`);
      const sizes = merge?.proportional ? states.merged!.sizes : undefined;
      const logits = await model.decode({ decoderInputIds, encoderHiddenStates: merged, sizes });
      expectTensor('logits', logits.data, goldens.floats(`${name}.logits`).data, 2e-5);
      if (!merge) return;
      expectTrace(goldens, name, states.trace![0]!, one);
      expectLast(goldens, name, states.trace![0]!);
      expect(states.merged!.map.data).toEqual(goldens.integers(`${name}.group`).data);
      expect(states.merged!.sizes.data).toEqual(goldens.floats(`${name}.size`).data);
      expectCloned(states.data, merged.data, states.merged!.map.data, model.dModel);
      const feed = {
        x: (builder: ProgramBuilder) =>
          embedding(builder.input('ids', 'int32', 1), builder.weight(encoder.embeddings!)),
        inputs: { ids: matrix(ids.data) },
      };
      await expectInside(goldens, name, encoder, feed, merge, 2e-5);
      if (goldens.has(`${name}.bias`)) await expectBiases(goldens, name, states.trace![0]!, encoder);
    });
  });
}

/** The same for Chronos-Bolt. */
export function describeMergedBolt(
  title: string,
  directory: string,
  file: string,
  backends: readonly BackendUnderTest[],
): void {
  const goldens = readGoldenFile(file);
  const cases = goldens.cases<Case>();

  describe.each(backends)(`${title}, $name`, ({ options }) => {
    let model: ChronosBoltModel;
    let encoder: Encoder;
    beforeAll(async () => {
      model = await ChronosBoltModel.load(directory, options);
      encoder = await loadEncoder(chronosBolt, directory, options);
    });
    afterAll(() => {
      model.dispose();
      encoder.host.dispose();
    });

    it.each(cases)('%s', async (name, one) => {
      const { merge } = one.params;
      const context = goldens.floats(`${name}.context`);
      const merging = merge ? mergingOf(merge) : undefined;
      const out = await model.forward({ context }, { merging });
      const quantiles = goldens.floats(`${name}.quantiles`);
      expect(out.quantiles.shape).toEqual(quantiles.shape);
      expectTensor('quantiles', out.quantiles.data, quantiles.data, 5e-6);
      expectTensor('loc', out.loc.data, goldens.floats(`${name}.loc`).data, 1e-6);
      expectTensor('scale', out.scale.data, goldens.floats(`${name}.scale`).data, 1e-6);
      const map = goldens.integers(`${name}.group`).data;
      const encoded = goldens.floats(`${name}.encoder_output`).data;
      const series = { values: Float64Array.from(context.data), offsets: Int32Array.of(0, context.data.length) };
      const plan = readMerging(merging, model.mergingTarget);
      const { data } = await model.embed(series, map.length, { merging: plan });
      const firsts = Array.from({ length: one.params.tokens.at(-1)! }, (_, g) => map.indexOf(g));
      const rows = firsts.flatMap((p) => [...data.subarray(p * model.dModel, (p + 1) * model.dModel)]);
      expectTensor('encoder_output', rows, encoded, 1e-5);
      expectCloned(data, Float32Array.from(rows), map, model.dModel);
      if (!merge) return;
      const trace = out.trace![0]!;
      expectTrace(goldens, name, trace, one);
      expectLast(goldens, name, trace);
      const { data: embeds } = goldens.floats(`${name}.input_embeds`);
      const feed = {
        x: (builder: ProgramBuilder) => builder.input('x', 'float32', model.dModel),
        inputs: { x: matrix(embeds, model.dModel) },
      };
      await expectInside(goldens, name, encoder, feed, merge, 1e-5);
      if (goldens.has(`${name}.bias`)) await expectBiases(goldens, name, trace, encoder);
    });
  });
}
