import { basename } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Backend } from '../../lib/backend/backend.js';
import { createBackend } from '../../lib/backend/select.js';
import { type CausalConv1dResult, causalConv1d } from '../../lib/ops/direct-conv1d.js';
import type { FloatTensor } from '../../lib/tensor/user-tensors.js';
import type { BackendUnderTest } from './backends.js';
import { expectTensorRows, type GoldenFile, readGoldenFile } from './goldens.js';

/*
 * The convolution against recorded runs of the official reference functions: a sequence, then single steps that go on
 * from its state.
 */

/** Against the largest value of a batch element; the recorded float32 runs themselves are within 1.5e-7. */
const TOLERANCE = 1e-5;

export function describeCausalConv1d(files: readonly string[], backends: readonly BackendUnderTest[]): void {
  describe.each(backends)('causal convolution, $name', ({ options }) => {
    let backend: Backend | undefined;
    afterAll(() => backend?.dispose());
    it.each(files.map((file) => [basename(file, '.safetensors'), file]))('%s', async (_, file) => {
      backend ??= await createBackend({ ...options, threads: 2 });
      checkConv(backend, readGoldenFile(file as string));
    });
  });
}

function checkConv(backend: Backend, goldens: GoldenFile): void {
  const params = goldens.metadata('params') as { activation?: 'silu'; updates?: number };
  const optional = (name: string) => (goldens.has(name) ? goldens.floats(name) : undefined);
  const filter = { weight: goldens.floats('weight'), bias: optional('bias'), activation: params.activation, backend };
  const whole = causalConv1d({ x: goldens.floats('x'), initialState: optional('initial_states'), ...filter });
  expectOutput('y', whole.y, goldens.floats('out'));
  if (goldens.has('final_states')) expectState(whole, goldens.floats('final_states'));
  let { lastState } = whole;
  if (!params.updates) return;
  const next = goldens.floats('x_next');
  for (let i = 0; i < params.updates; i++) {
    const step = causalConv1d({ x: place(next, i), initialState: lastState, ...filter });
    expectOutput(`step ${i}`, step.y, place(goldens.floats('next_out'), i));
    lastState = step.lastState;
    if (i === params.updates - 1) expectState(step, goldens.floats('next_states'));
  }
}

function expectOutput(what: string, actual: FloatTensor, expected: FloatTensor): void {
  expectTensorRows(what, actual, expected, expected.shape[1]! * expected.shape[2]!, TOLERANCE);
}

/** Inputs are kept as they are. */
function expectState({ lastState }: CausalConv1dResult, expected: FloatTensor): void {
  expect(lastState).toEqual({ data: expected.data, shape: expected.shape });
}

/** Step i of the last axis. */
function place({ data, shape }: FloatTensor, i: number): FloatTensor {
  const length = shape.at(-1)!;
  return { data: data.filter((_, at) => at % length === i) as Float32Array, shape: [...shape.slice(0, -1), 1] };
}
