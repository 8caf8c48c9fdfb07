import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, it } from 'vitest';
import { createBackend } from '../../lib/backend/select.js';
import { selectiveScan } from '../../lib/ops/direct-scan.js';
import { backendsUnderTest } from './backends.js';
import { expectRows, sharedFolder } from './goldens.js';
import { describeMambaInner } from './mamba-inner.suite.js';
import { describeSelectiveScan } from './selective-scan.suite.js';

interface Recorded {
  readonly inputs: Record<string, { data: unknown[]; shape: number[] }>;
  readonly outputs: Record<string, { data: unknown[]; shape: number[] }>;
}

/** All cases of the reference function, and what the official CUDA kernels gave. */
const shared = sharedFolder('shared goldens of the selective scan');
if (shared) {
  const folder = join(shared, 'golden', 'selective_scan', 'scan');
  describeSelectiveScan(
    readdirSync(folder).map((file) => join(folder, file)),
    backendsUnderTest(),
  );
  const inner = join(shared, 'golden', 'selective_scan', 'inner');
  describeMambaInner(
    readdirSync(inner).map((file) => join(inner, file)),
    backendsUnderTest(),
  );
  const path = join(shared, 'data', 'golden', 'mamba_ops', 'mamba_reference_cases.json.gz');
  // Written by Python: NaN, which the traps hold, is no JSON.
  const text = gunzipSync(readFileSync(path)).toString().replaceAll('NaN', 'null');
  const { selective_scan } = JSON.parse(text) as {
    selective_scan: Record<string, Recorded>;
  };
  describe.each(backendsUnderTest())('recorded CUDA scans, $name', ({ options }) => {
    it.each(['minimal', 'time_varying_3d', 'full', 'grouped_time_varying'])('%s', async (name) => {
      const backend = await createBackend(options);
      const { inputs, outputs } = selective_scan[name]!;
      const tensor = (from: Record<string, { data: unknown[]; shape: number[] }>, key: string) =>
        from[key] && { data: Float32Array.from(from[key].data.flat(Infinity) as number[]), shape: from[key].shape };
      const optional = (key: string) => tensor(inputs, key);
      const required = (key: string) => optional(key)!;
      let [channels, delta, u, A] = [3, required('delta'), required('u'), required('A')];
      let y = tensor(outputs, 'y')!;
      let bias = optional('delta_bias');
      if (name === 'grouped_time_varying') {
        // Its 3 channels are not divisible by 2 groups: of the recorded output only channels 0 and 1 mean anything.
        channels = 2;
        [delta, u, y] = [firstChannels(delta), firstChannels(u), firstChannels(y)];
        A = { data: A.data.slice(0, 8), shape: [2, 4] };
        bias = { data: bias!.data.slice(0, 2), shape: [2] };
      }
      const [B, C] = [required('B'), required('C')];
      const rest = { D: optional('D'), z: optional('z'), deltaBias: bias, deltaSoftplus: name !== 'minimal' };
      const out = selectiveScan({ u, delta, A, B, C, ...rest, backend });
      expectRows(`${name}: y`, out.y.data, y.data, channels * 5, 1e-5);
      const state = tensor(outputs, 'last_state');
      // With B constant in time the kernel keeps its state without the factor B.
      const scaled = state?.data.map((value, i) => value * B.data[i % B.data.length]!);
      if (scaled) expectRows(`${name}: state`, out.lastState.data, scaled, channels * 4, 1e-5);
      backend.dispose();
    });
  });
} else {
  it.skip('shared goldens of the selective scan: the folder is not there', () => {});
}

/** [2, 3, 5] to [2, 2, 5] */
function firstChannels({ data }: { data: Float32Array }) {
  return { data: data.filter((_, i) => i % 15 < 10), shape: [2, 2, 5] };
}
