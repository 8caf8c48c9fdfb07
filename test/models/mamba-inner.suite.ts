import { basename } from 'node:path';
import { describe, it } from 'vitest';
import { createBackend } from '../../lib/backend/select.js';
import { type MambaInnerInputs, mambaInner } from '../../lib/ops/mamba-inner.js';
import type { BackendUnderTest } from './backends.js';
import { expectRows, type GoldenFile, readGoldenFile } from './goldens.js';

/** Against the largest value of a batch element; the recorded float32 runs themselves are within 4e-7. */
const TOLERANCE = 1e-5;

/** The inner part of a Mamba block against recorded runs of the official reference function. */
export function describeMambaInner(files: readonly string[], backends: readonly BackendUnderTest[]): void {
  describe.each(backends)('mambaInner, $name', ({ options }) => {
    it.each(files.map((file) => [basename(file, '.safetensors'), file]))('%s', async (_, file) => {
      const backend = await createBackend({ ...options, threads: 2 });
      const goldens = readGoldenFile(file as string);
      const { data, shape } = await mambaInner({ ...recordedInputs(goldens), backend });
      const expected = goldens.floats('out');
      expectRows('out', data, expected.data, shape[1]! * shape[2]!, TOLERANCE);
      backend.dispose();
    });
  });
}

export function recordedInputs(goldens: GoldenFile): MambaInnerInputs {
  const optional = (name: string) => (goldens.has(name) ? goldens.floats(name) : undefined);
  return {
    xz: goldens.floats('xz'),
    conv1dWeight: goldens.floats('conv1d_weight'),
    conv1dBias: optional('conv1d_bias'),
    xProjWeight: goldens.floats('x_proj_weight'),
    deltaProjWeight: goldens.floats('delta_proj_weight'),
    outProjWeight: goldens.floats('out_proj_weight'),
    outProjBias: optional('out_proj_bias'),
    A: goldens.floats('A'),
    D: optional('D'),
    deltaBias: optional('delta_bias'),
  };
}
