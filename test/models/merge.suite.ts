import { basename } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Backend } from '../../lib/backend/backend.js';
import { createBackend } from '../../lib/backend/select.js';
import { matrix, type TensorData } from '../../lib/tensor/tensor.js';
import type { BackendUnderTest } from './backends.js';
import { expectRows, type GoldenFile, readGoldenFile } from './goldens.js';

/*
 * The operators of local merging against an independent version of the same rules (golden files "merge/local"): one case a file, a
 * chain of layers in each.
 */

interface Layer {
  readonly k: number | 'half';
  readonly r?: number;
  readonly tau?: number;
  readonly q?: number;
}

interface Params {
  readonly b: number;
  readonly layers: readonly Layer[];
  readonly r_used: readonly number[];
  readonly similarity?: 'cosine' | 'l1' | 'l2';
  readonly weighted?: boolean;
}

interface Chain {
  readonly x: TensorData;
  readonly sizes: TensorData | null;
  readonly mask: TensorData | null;
  readonly offsets: TensorData;
}

export function describeMerging(files: readonly string[], backends: readonly BackendUnderTest[]): void {
  describe.each(backends)('local merging, $name', ({ options }) => {
    let backend: Backend | undefined;
    afterAll(() => backend?.dispose());
    it.each(files.map((file) => [basename(file, '.safetensors'), file]))('%s', async (_, file) => {
      backend ??= await createBackend({ ...options, threads: 2 });
      checkCase(backend, readGoldenFile(file as string));
    });
  });
}

function checkCase(backend: Backend, goldens: GoldenFile): void {
  const params = goldens.metadata('params') as Params;
  const [batch, tokens, channels] = goldens.floats('x').shape as [number, number, number];
  let chain: Chain = {
    x: matrix(goldens.floats('x').data, channels),
    sizes: goldens.has('size') ? matrix(Float32Array.from(goldens.get('size').data)) : null,
    mask: goldens.has('mask') ? matrix(Uint8Array.from(goldens.get('mask').data)) : null,
    offsets: uniform(batch, tokens),
  };
  const first = chain;
  let map: TensorData | undefined;
  for (const [i, layer] of params.layers.entries()) {
    const prefix = params.layers.length > 1 ? `layer${i}.` : '';
    const metric = i === 0 && goldens.has('metric') ? goldens.floats('metric') : undefined;
    const inputs = [
      chain.x,
      chain.offsets,
      chain.sizes,
      metric ? matrix(metric.data, metric.shape[2]!) : null,
      chain.mask,
    ];
    const out = backend.call('merge_tokens', inputs, attributesOf(params, layer));
    checkLinks(goldens, prefix, params, out, batch);
    expect(out[0]!.rows, 'tokens').toBe(chain.x.rows - batch * params.r_used[i]!);
    map = map ? backend.call('compose_maps', [map, first.offsets, out[3]!, chain.offsets], {})[0]! : out[3]!;
    chain = { x: out[0]!, sizes: out[1]!, mask: out[4]!, offsets: out[2]! };
  }
  checkTokens(backend, goldens, { first, last: chain, map: map!, batch, tokens });
  if (goldens.has('bias')) checkBias(backend, goldens, params, { first, last: chain, map: map!, batch, tokens });
}

function attributesOf({ similarity = 'cosine', weighted = true }: Params, { k, r, tau, q = 1 }: Layer) {
  return {
    rule: tau === undefined ? 'r' : 'threshold',
    amount: tau ?? r!,
    k: k === 'half' ? 0 : k,
    minTokens: q,
    keep: 'similar',
    common: true,
    similarity,
    weighted,
  };
}

function checkLinks(
  goldens: GoldenFile,
  prefix: string,
  params: Params,
  out: readonly TensorData[],
  batch: number,
): void {
  const cosine = (params.similarity ?? 'cosine') === 'cosine';
  const best = goldens.floats(`${prefix}best`).data;
  const scale = cosine
    ? 1
    : best.reduce((most, value) => Math.max(most, Number.isFinite(value) ? Math.abs(value) : 0), 0);
  for (const [i, expected] of best.entries()) {
    const actual = out[6]!.data[i]!;
    if (expected === -Infinity) {
      expect(actual).toBe(-Infinity);
      continue;
    }
    expect(Math.abs(actual - expected), `best of ${i}`).toBeLessThanOrEqual(2e-6 * scale);
    expect(out[7]!.data[i], `choice of ${i}`).toBe(goldens.integers(`${prefix}choice`).data[i]);
  }
  const links = out[8]!;
  if (links.rows === 0) return;
  const pairs = (source: ArrayLike<number>, target: ArrayLike<number>, b: number) =>
    Array.from({ length: links.rows / batch }, (_, i) => {
      const at = (b * links.rows) / batch + i;
      return `${source[at]} ${target[at]}`;
    }).sort();
  const [source, target] = [goldens.integers(`${prefix}source`).data, goldens.integers(`${prefix}target`).data];
  const [mine, theirs] = [0, 1].map((column) =>
    Array.from({ length: links.rows }, (_, i) => links.data[2 * i + column]!),
  );
  for (let b = 0; b < batch; b++) expect(pairs(mine!, theirs!, b)).toEqual(pairs(source, target, b));
}

interface Merged {
  readonly first: Chain;
  readonly last: Chain;
  readonly map: TensorData;
  readonly batch: number;
  readonly tokens: number;
}

function checkTokens(backend: Backend, goldens: GoldenFile, { first, last, map, batch, tokens }: Merged): void {
  expect(Array.from(map.data)).toEqual(Array.from(goldens.get('group').data));
  expect(Array.from(last.sizes!.data)).toEqual(Array.from(goldens.get('size_out').data));
  if (goldens.has('mask_out')) expect(Array.from(last.mask!.data)).toEqual(Array.from(goldens.get('mask_out').data));
  // The bound is 2e-6 of the largest number of a sample.
  const width = (last.x.rows / batch) * last.x.cols;
  expectRows('out', last.x.data, goldens.floats('out').data, width, 2e-6);
  const [unmerged] = backend.call('unmerge_tokens', [last.x, last.offsets, map, first.offsets], {});
  expectRows('unmerged', unmerged!.data, goldens.floats('unmerged').data, tokens * last.x.cols, 2e-6);
}

/** A bias [b, h, t, t], merged along its last axis and then along the other. */
function checkBias(
  backend: Backend,
  goldens: GoldenFile,
  { weighted = true }: Params,
  { first, map, batch, tokens }: Merged,
): void {
  const { data, shape } = goldens.floats('bias');
  const heads = shape[1]!;
  const merged = goldens.floats('bias_out');
  const remaining = merged.shape[2]!;
  for (let b = 0; b < batch; b++) {
    const offsets = uniform(1, tokens);
    const own = matrix(map.data.slice(b * tokens, (b + 1) * tokens) as Int32Array);
    const sizes =
      first.sizes && weighted ? matrix(first.sizes.data.slice(b * tokens, (b + 1) * tokens) as Float32Array) : null;
    const reduce = (rows: TensorData) =>
      backend.call('reduce_by_map', [rows, own, offsets, sizes], { reduce: 'mean' })[0]!;
    for (let h = 0; h < heads; h++) {
      const at = (b * heads + h) * tokens * tokens;
      const once = reduce(transposed(matrix(data.slice(at, at + tokens * tokens), tokens)));
      const twice = reduce(transposed(once));
      const begin = (b * heads + h) * remaining * remaining;
      const expected = merged.data.slice(begin, begin + remaining * remaining);
      expectRows('bias', twice.data, expected, expected.length, 2e-6);
    }
  }
}

function transposed({ data, rows, cols }: TensorData): TensorData {
  const out = new Float32Array(data.length);
  for (let i = 0; i < rows; i++) for (let j = 0; j < cols; j++) out[j * rows + i] = data[i * cols + j]!;
  return matrix(out, rows);
}

function uniform(batch: number, tokens: number): TensorData {
  return matrix(Int32Array.from({ length: batch + 1 }, (_, b) => b * tokens));
}
