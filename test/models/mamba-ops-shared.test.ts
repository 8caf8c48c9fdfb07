import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, it } from 'vitest';
import type { Backend } from '../../lib/backend/backend.js';
import { createBackend } from '../../lib/backend/select.js';
import { causalConv1d, rmsNorm, selectiveStateUpdate, ssdScan, type Tensor } from '../../lib/ops/index.js';
import { backendsUnderTest } from './backends.js';
import { expectRows, sharedFolder } from './goldens.js';

type Floats = Tensor<Float32Array>;
type Tensors = Record<string, { data: unknown[]; shape: number[] }>;
type Recorded = Record<string, Record<string, { inputs: Tensors; outputs: Tensors }>>;

/** In parts of a row's largest value: the kernels' exponentials are approximate. */
const TOLERANCE = 1e-5;

/** The official CUDA operators beside the scan, which is in selective-scan-shared.test.ts. */
const shared = sharedFolder('shared recordings of CUDA operators');
if (shared) {
  const path = join(shared, 'data', 'golden', 'mamba_ops', 'mamba_reference_cases.json.gz');
  // Written by Python: NaN, which the traps hold, is no JSON.
  const recorded = JSON.parse(gunzipSync(readFileSync(path)).toString().replaceAll('NaN', 'null')) as Recorded;
  const reader = (group: string, name: string) => {
    const { inputs, outputs } = recorded[group]![name]!;
    return (key: string) => floats(inputs[key] ?? outputs[key]);
  };
  describe.each(backendsUnderTest())('recorded CUDA operators, $name', ({ options }) => {
    const withBackend = async (run: (backend: Backend) => void) => {
      const backend = await createBackend(options);
      run(backend);
      backend.dispose();
    };
    it.each(['baseline_full', 'grouped'])('state update, %s', async (name) => {
      await withBackend((backend) => stateUpdate(reader('selective_state_update', name), name, backend));
    });
    it.each(['channels_first_silu', 'channels_last_identity'])('convolution, %s', async (name) => {
      await withBackend((backend) => convolution(reader('dw_causal_conv', name), name, backend));
    });
    it('gated norm', async () => {
      await withBackend((backend) => gatedNorm(reader('layer_norms', 'gated_rms_norm'), backend));
    });
    it('limits of step sizes', async () => {
      await withBackend((backend) => limits(reader('ssd_components', 'chunk_cumsum_clamped'), backend));
    });
  });
} else {
  it.skip('shared recordings of CUDA operators: the folder is not there', () => {});
}

type Read = (name: string) => Floats | undefined;

function stateUpdate(read: Read, name: string, backend: Backend): void {
  const [state, u, delta] = [read('state')!, read('x')!, read('dt')!];
  const { y, state: next } = selectiveStateUpdate({
    ...{ state, u, delta, A: read('A')!, B: read('B')!, C: read('C')!, D: read('D'), z: read('z') },
    ...{ deltaBias: read('dt_bias'), deltaSoftplus: name === 'baseline_full', backend },
  });
  expectRows('y', y.data, read('y')!.data, y.data.length / y.shape[0]!, TOLERANCE);
  expectRows('state', next.data, read('updated_state')!.data, next.data.length / next.shape[0]!, TOLERANCE);
}

function convolution(read: Read, name: string, backend: Backend): void {
  const first = name === 'channels_first_silu';
  const { y } = causalConv1d({
    ...{ x: read('x')!, weight: read('weight')!, bias: read('bias'), activation: first ? 'silu' : 'none' },
    ...{ layout: first ? 'channelsFirst' : 'channelsLast', backend },
  });
  expectRows('y', y.data, read('y')!.data, 40, TOLERANCE);
}

/** The recorded function adds a bias behind the norm, in front of a gate that comes last: taken off again here. */
function gatedNorm(read: Read, backend: Backend): void {
  const [x, gate, weight, bias] = [read('x')!, read('z')!, read('w')!, read('b')!];
  for (const normBeforeGate of [false, true]) {
    const recorded = read(normBeforeGate ? 'y_norm_before' : 'y_norm_after')!;
    const y = rmsNorm(x, weight, { gate, normBeforeGate, epsilon: 1e-6, backend });
    const expected = recorded.data.map((value, i) => {
      const z = gate.data[i]!;
      return value - bias.data[i % 6]! * (normBeforeGate ? z / (1 + Math.exp(-z)) : 1);
    });
    expectRows(`before ${normBeforeGate}`, y.data, expected, 6, TOLERANCE);
  }
}

/** Of the chunked algorithm only the discretisation compares: its sums run over recorded states, with A above 0. */
function limits(read: Read, backend: Backend): void {
  const dt = read('dt')!;
  const [batch, length, heads] = dt.shape as [number, number, number];
  const ones = (...shape: number[]) => ({ data: new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(1), shape });
  // Without decay and with ones everywhere the state is the sum of the step sizes so far.
  const { y } = ssdScan({
    ...{ x: ones(batch, length, heads, 1), dt, A: { data: new Float32Array(heads), shape: [heads] } },
    ...{ B: ones(batch, length, 1, 1), C: ones(batch, length, 1, 1), dtLimit: [0.01, 1], backend },
  });
  const steps = read('dt_out')!.data;
  const expected = new Float32Array(y.data.length);
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      let sum = 0;
      for (let t = 0; t < length; t++) {
        sum += steps[(b * heads + h) * length + t]!;
        expected[(b * length + t) * heads + h] = sum;
      }
    }
  }
  expectRows('sum of steps', y.data, expected, length * heads, TOLERANCE);
}

function floats(tensor: Tensors[string] | undefined): Floats | undefined {
  return tensor && { data: Float32Array.from(tensor.data.flat(Infinity) as number[]), shape: tensor.shape };
}
