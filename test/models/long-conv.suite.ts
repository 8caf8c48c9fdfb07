import { basename } from 'node:path';
import { describe, it } from 'vitest';
import { createBackend } from '../../lib/backend/select.js';
import { longConv } from '../../lib/ops/direct-long-conv.js';
import type { BackendUnderTest } from './backends.js';
import { expectRows, readGoldenFile } from './goldens.js';

/** Against the largest value of a channel; the recorded runs are within 6.7e-6 of exact sums, whose largest are 0.9 to 19. */
const TOLERANCE = 1e-5;

/** The convolution against recorded runs of the official function. */
export function describeLongConv(files: readonly string[], backends: readonly BackendUnderTest[]): void {
  describe.each(backends)('long convolution, $name', ({ options }) => {
    it.each(files.map((file) => [basename(file, '.safetensors'), file]))('%s', async (_, file) => {
      const backend = await createBackend({ ...options, threads: 2 });
      const goldens = readGoldenFile(file as string);
      const [u, k, D, y] = ['u', 'k', 'D', 'y'].map((name) => goldens.floats(name));
      const out = longConv(u!, k!, { D: D!, backend });
      expectRows('y', out.data, y!.data, y!.shape[2]!, TOLERANCE);
      backend.dispose();
    });
  });
}
