import { basename } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Backend } from '../../lib/backend/backend.js';
import { createBackend } from '../../lib/backend/select.js';
import { type SelectiveScanInputs, type SelectiveScanResult, selectiveScan } from '../../lib/ops/direct-scan.js';
import type { FloatTensor } from '../../lib/tensor/user-tensors.js';
import type { BackendUnderTest } from './backends.js';
import { expectTensorRows, type GoldenFile, readGoldenFile } from './goldens.js';

/*
 * The scan against recorded runs of the official reference function: the whole sequence, its two parts with the state
 * between them, and both layouts.
 */

/** Against the largest value of a batch element; the recorded float32 runs themselves are within 1.2e-6. */
const TOLERANCE = 1e-5;

export function describeSelectiveScan(files: readonly string[], backends: readonly BackendUnderTest[]): void {
  describe.each(backends)('selective scan, $name', ({ options }) => {
    let backend: Backend | undefined;
    afterAll(() => backend?.dispose());
    it.each(files.map((file) => [basename(file, '.safetensors'), file]))('%s', async (_, file) => {
      backend ??= await createBackend({ ...options, threads: 2 });
      checkScan(backend, readGoldenFile(file as string));
    });
  });
}

function checkScan(backend: Backend, goldens: GoldenFile): void {
  const params = goldens.metadata('params') as { softplus?: boolean; split?: number };
  const optional = (name: string) => (goldens.has(name) ? goldens.floats(name) : undefined);
  const inputs: SelectiveScanInputs = {
    u: goldens.floats('u'),
    delta: goldens.floats('delta'),
    A: goldens.floats('A'),
    B: goldens.floats('B'),
    C: goldens.floats('C'),
    D: optional('D'),
    z: optional('z'),
    deltaBias: optional('delta_bias'),
    deltaSoftplus: params.softplus ?? false,
    backend,
  };
  const whole = selectiveScan(inputs);
  expectScan('whole', whole, goldens.floats('out'), goldens.floats('last_state'));
  const { y } = selectiveScan(channelsLast(inputs));
  const [batch, channels, length] = inputs.u.shape as [number, number, number];
  expect(turned(y)).toEqual({ data: whole.y.data, shape: [batch, channels, length] });
  if (params.split === undefined) return;
  const [early, late] = [steps(inputs, 0, params.split), steps(inputs, params.split, length)];
  const middle = selectiveScan(early);
  const out = goldens.floats('out');
  expectScan('first part', middle, cut(out, 0, params.split), goldens.floats('state_mid'));
  const end = selectiveScan({ ...late, initialState: middle.lastState });
  expectScan('second part', end, cut(out, params.split, length), goldens.floats('last_state'));
}

function expectScan(what: string, { y, lastState }: SelectiveScanResult, out: FloatTensor, state: FloatTensor): void {
  for (const [name, actual, expected] of [
    ['y', y, out],
    ['state', lastState, state],
  ] as const) {
    expectTensorRows(`${what}: ${name}`, actual, expected, expected.shape[1]! * expected.shape[2]!, TOLERANCE);
  }
}

/** [batch, rows, cols] to [batch, cols, rows], and with groups in front of the rows [batch, cols, groups, rows]. */
function turned({ data, shape }: FloatTensor): FloatTensor {
  const [batch, cols] = [shape[0]!, shape.at(-1)!];
  const rows = data.length / (batch * cols);
  const to = Float32Array.from(data, (_, i) => {
    const b = Math.floor(i / (rows * cols));
    return data[(b * rows + (i % rows)) * cols + (Math.floor(i / rows) % cols)]!;
  });
  return { data: to, shape: [batch, cols, ...shape.slice(1, -1)] };
}

function channelsLast(inputs: SelectiveScanInputs): SelectiveScanInputs {
  const factor = (tensor: FloatTensor) => (tensor.shape.length === 2 ? tensor : turned(tensor));
  const { u, delta, B, C, z } = inputs;
  const rest = { B: factor(B), C: factor(C), z: z && turned(z), layout: 'channelsLast' } as const;
  return { ...inputs, ...rest, u: turned(u), delta: turned(delta) };
}

/** Steps [from, to) on the last axis. */
function cut({ data, shape }: FloatTensor, from: number, to: number): FloatTensor {
  const length = shape.at(-1)!;
  const kept = data.filter((_, i) => i % length >= from && i % length < to);
  return { data: kept as Float32Array, shape: [...shape.slice(0, -1), to - from] };
}

function steps(inputs: SelectiveScanInputs, from: number, to: number): SelectiveScanInputs {
  const factor = (tensor: FloatTensor) => (tensor.shape.length === 2 ? tensor : cut(tensor, from, to));
  const { u, delta, B, C, z } = inputs;
  const varying = { B: factor(B), C: factor(C), z: z && cut(z, from, to) };
  return { ...inputs, ...varying, u: cut(u, from, to), delta: cut(delta, from, to) };
}
