import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { matrix } from '../../../../lib/tensor/tensor.js';
import { call, list } from './call.js';
import { Golden } from './golden.js';

describe.each(['random-bolt', 'random-bolt-overlap'])('official Chronos-Bolt: %s', (model) => {
  const golden = new Golden(`chronos-bolt/${model}/cases.safetensors`);
  const url = new URL(`../../../fixtures/chronos-bolt/${model}/config.json`, import.meta.url);
  const config = JSON.parse(readFileSync(url, 'utf8')).chronos_config;
  const names = Object.keys(golden.cases);

  it.each(names)('location, scale and patches: %s', (name) => {
    const { values, offsets, lengths } = golden.series(name);
    const { context_length: contextLength, input_patch_size: patchLength, input_patch_stride: patchStride } = config;
    const results = call('instance_norm_patch', [values, offsets], { contextLength, patchLength, patchStride });
    const [, patchOffsets, positions, counts, loc, scale] = results.map(list) as number[][];
    for (const [i, expected] of golden.read(`${name}.loc`).data.entries()) {
      expect(Math.abs(loc![i]! - expected)).toBeLessThanOrEqual(1e-6 * Math.max(Math.abs(expected), scale![i]!));
    }
    for (const [i, expected] of golden.read(`${name}.scale`).data.entries()) {
      expect(Math.abs(scale![i]! - expected)).toBeLessThanOrEqual(1e-6 * expected);
    }
    if (!golden.has(`${name}.patch_mask`)) return;
    const mask = golden.read(`${name}.patch_mask`);
    const patches = mask.shape[1]! - (config.use_reg_token ? 1 : 0);
    for (const b of lengths.keys()) {
      // The official series are padded to the longest one: patches that are all padding come first.
      const padding = patches - counts![b]!;
      const official = Array.from({ length: patches }, (_, p) => p).filter(
        (p) => mask.data[b * mask.shape[1]! + p] === 1,
      );
      const own = positions!.slice(patchOffsets![b], patchOffsets![b + 1]);
      expect(own.map((p) => p + padding)).toEqual(official);
    }
  });

  const withLevels = names.flatMap((name) =>
    ((golden.cases[name]!.params.levels ?? []) as number[][]).map((levels, i) => ({ name, i, levels })),
  );

  it.each(withLevels)('quantiles $levels of $name', ({ name, i, levels }) => {
    const { shape, data } = golden.read(`${name}.predictions`);
    const [, trained, horizon] = shape as [number, number, number];
    const [y] = call(
      'interpolate_quantiles',
      [
        matrix(Float32Array.from(data), trained * horizon),
        matrix(Float64Array.from(levels)),
        matrix(Float64Array.from(config.quantiles as number[])),
      ],
      { horizon },
    );
    const official = golden.read(`${name}.quantiles.${i}`).data;
    const largest = Math.max(...official.map(Math.abs));
    const worst = Math.max(...list(y).map((x, j) => Math.abs(x - official[j]!)));
    expect(list(y).length).toBe(official.length);
    expect(worst).toBeLessThan(1e-6 * largest);
  });
});
