import { basename } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Backend } from '../../lib/backend/backend.js';
import { createBackend } from '../../lib/backend/select.js';
import { mergeTokens, type Tensor } from '../../lib/ops/index.js';
import type { BackendUnderTest } from './backends.js';
import { expectRows, type GoldenFile, readGoldenFile } from './goldens.js';

/*
 * The official ToMe code, where its rules are ours: any A token may merge into any B token, an even number of tokens, no
 * class token. Its output has the A tokens that stay in front of all B tokens; ours is in the order of time.
 */

interface Params {
  readonly b: number;
  readonly t: number;
  readonly r: readonly number[];
}

export function describeToMe(files: readonly string[], backends: readonly BackendUnderTest[]): void {
  describe.each(backends)('official ToMe, $name', ({ options }) => {
    let backend: Backend | undefined;
    afterAll(() => backend?.dispose());
    it.each(files.map((file) => [basename(file, '.safetensors'), file]))('%s', async (_, file) => {
      backend ??= await createBackend(options);
      checkLayers(backend, readGoldenFile(file as string));
    });
  });
}

function checkLayers(backend: Backend, goldens: GoldenFile): void {
  const { r } = goldens.metadata('params') as Params;
  let tokens = goldens.floats('x');
  let sizes = goldens.has('size') ? goldens.floats('size') : undefined;
  const metric = goldens.has('metric') ? goldens.floats('metric') : undefined;
  for (const [i, amount] of r.entries()) {
    // Every layer begins with the official output of the one before.
    const prefix = r.length > 1 ? `layer${i}.` : '';
    const merged = mergeTokens(tokens, { backend, r: amount, k: 'global', sizes, metric, links: true });
    checkLayer(goldens, prefix, tokens.shape, merged);
    tokens = goldens.floats(`${prefix}out`);
    sizes = goldens.floats(`${prefix}size_out`);
  }
}

function checkLayer(
  goldens: GoldenFile,
  prefix: string,
  shape: readonly number[],
  merged: ReturnType<typeof mergeTokens>,
): void {
  const [batch, length, width] = shape as [number, number, number];
  const left = merged.tokens.shape[1]!;
  if (length > left) {
    expect(pairs(merged.links!.source, merged.links!.target)).toEqual(
      pairs(goldens.integers(`${prefix}src_idx`), goldens.integers(`${prefix}dst_idx`)),
    );
  }
  const official = goldens.integers(`${prefix}group`).data;
  const rows = goldens.floats(`${prefix}out`).data;
  const sizes = goldens.get(`${prefix}size_out`).data;
  for (let b = 0; b < batch; b++) {
    const expected = new Float32Array(left * width);
    for (let p = 0; p < length; p++) {
      const [ours, theirs] = [merged.map.data[b * length + p]!, official[b * length + p]!];
      expected.set(rows.subarray((b * left + theirs) * width, (b * left + theirs + 1) * width), ours * width);
      expect(merged.sizes.data[b * left + ours]).toBe(sizes[b * left + theirs]);
    }
    // 2e-6 of the largest number of a sample, as their README says.
    const own = merged.tokens.data.subarray(b * left * width, (b + 1) * left * width);
    expectRows(`sample ${b}`, own, expected, expected.length, 2e-6);
  }
}

/** Of every series, in any order. */
function pairs(source: Tensor, target: Tensor): string[][] {
  const [batch, count] = source.shape as [number, number];
  return Array.from({ length: batch }, (_row, b) =>
    Array.from({ length: count }, (_pair, i) => `${source.data[b * count + i]} ${target.data[b * count + i]}`).sort(),
  );
}
