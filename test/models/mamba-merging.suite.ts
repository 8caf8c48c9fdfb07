import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ProgramBuilder } from '../../lib/backend/program.js';
import { composedMap } from '../../lib/index.js';
import { readMerging } from '../../lib/merging/options.js';
import type { RecordedMerge } from '../../lib/merging/token-merger.js';
import { MambaModel } from '../../lib/models/index.js';
import { loadModel, only } from '../../lib/models/load.js';
import { type BackboneWeights, recurrentBackbone } from '../../lib/models/mamba/backbone.js';
import { mamba } from '../../lib/models/mamba/model.js';
import type { ModelHost } from '../../lib/models/model-host.js';
import { readTokens } from '../../lib/models/token-batch.js';
import { inputRows } from '../../lib/models/token-programs.js';
import type { BackendUnderTest } from './backends.js';
import { expectRows, expectTensorRows, type GoldenFile, readGoldenFile } from './goldens.js';
import { tokensOf } from './mamba.suite.js';
import { type Merge, mergingOf } from './merging.suite.js';

/*
 * Against the published MambaForCausalLM run block by block with merging between the blocks; tolerances and rules from
 * the goldens' README.
 */

interface Case {
  readonly params: { readonly merge: Merge | null; readonly tokens: readonly number[] };
}

interface Backbone {
  readonly host: ModelHost;
  readonly hiddenSize: number;
  readonly weights: BackboneWeights;
}

const TOLERANCE = 2e-5;

/** Hidden states around every merge, sizes and similarities. */
async function expectInside(goldens: GoldenFile, name: string, { host, hiddenSize, weights }: Backbone, merge: Merge) {
  const merging = readMerging(mergingOf(merge), { model: 'it', numLayers: weights.blocks.length, k: 1 });
  const { batch, embeds, inputs } = readTokens('test', tokensOf(goldens, name), hiddenSize);
  const record = (builder: ProgramBuilder) => {
    const rows = inputRows(builder, { embeds }, weights.embedding, hiddenSize);
    const onMerge = ({ layer, before, tokens, best, sizes }: RecordedMerge) => {
      for (const [what, tensor] of Object.entries({ before, merged: tokens, best, size: sizes })) {
        builder.output(`layer${layer}.${what}`, tensor);
      }
    };
    recurrentBackbone(rows, weights, { merging: merging && { ...merging, trace: false }, onMerge });
  };
  const out = await host.run(`inside ${name}`, record, inputs);
  expect(Object.keys(out).length).toBeGreaterThan(0);
  for (const [tensor, { data }] of Object.entries(out)) {
    const what = `${name}.${tensor}`;
    if (!goldens.has(what)) continue;
    const expected = goldens.floats(what).data;
    if (tensor.endsWith('.size')) expect(data).toEqual(expected);
    else if (tensor.endsWith('.best')) {
      expect(data.length).toBe(expected.length);
      for (const [i, e] of expected.entries()) expect(Math.abs((data[i] as number) - e)).toBeLessThanOrEqual(5e-6);
    } else {
      expectRows(what, data, expected, expected.length / batch, TOLERANCE);
    }
  }
}

/** Every golden of merging in Mamba: `directory` is the model, `file` the cases. */
export function describeMergedMamba(
  title: string,
  directory: string,
  file: string,
  backends: readonly BackendUnderTest[],
): void {
  const goldens = readGoldenFile(file);
  const cases = goldens.cases<Case>();

  describe.each(backends)(`${title}, $name`, ({ options }) => {
    let model: MambaModel;
    let backbone: Backbone;
    beforeAll(async () => {
      model = await MambaModel.load(directory, options);
      const create = (host: ModelHost, { hiddenSize }: { hiddenSize: number }, weights: BackboneWeights) => ({
        ...{ host, hiddenSize, weights },
      });
      backbone = await loadModel(directory, only({ ...mamba, create }), options);
    });
    afterAll(() => {
      model.dispose();
      backbone.host.dispose();
    });

    it.each(cases)('%s', async (name, { params: { merge, tokens: lengths } }) => {
      const inputs = { ...tokensOf(goldens, name), lastHiddenState: true, merging: merge ? mergingOf(merge) : false };
      const out = await model.forward(inputs as Parameters<MambaModel['forward']>[0]);
      const short = await model.forward({ ...(inputs as object), unmerge: false, logits: 'last' });
      const { shape, data } = out.logits!;
      const [batch, , vocabulary] = shape as [number, number, number];
      const near = (what: string, actual: { data: Float32Array; shape: readonly number[] }) => {
        const expected = goldens.floats(`${name}.${what}`);
        expectTensorRows(what, actual, expected, expected.data.length / batch, TOLERANCE);
      };
      near('logits', out.logits!);
      near('unmerged', out.lastHiddenState!);
      near('hidden', short.lastHiddenState!);
      const ends = Array.from({ length: batch }, (_, b) => ((b + 1) * data.length) / batch - vocabulary);
      expect([...short.logits!.data]).toEqual(ends.flatMap((at) => [...data.subarray(at, at + vocabulary)]));
      if (!merge) return;
      expect(out.merged!.map.data).toEqual(goldens.integers(`${name}.group`).data);
      expect(out.merged!.sizes.data).toEqual(goldens.floats(`${name}.size`).data);
      for (const [b, trace] of out.trace!.entries()) {
        expect([trace.positions.length, ...trace.layers.map((layer) => layer.tokens)]).toEqual(lengths);
        const groups = (what: string) => {
          const all = goldens.integers(what).data;
          return all.slice((b * all.length) / batch, ((b + 1) * all.length) / batch);
        };
        for (const { layer, map } of trace.layers) expect(map).toEqual(groups(`${name}.layer${layer}.group`));
        expect(composedMap(trace)).toEqual(groups(`${name}.group`));
      }
      await expectInside(goldens, name, backbone, merge);
    });
  });
}
