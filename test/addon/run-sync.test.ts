import { afterAll, describe, expect, it } from 'vitest';
import type { Backend } from '../../lib/backend/backend.js';
import { createNativeBackend } from '../../lib/backend/native.js';
import { ProgramBuilder } from '../../lib/backend/program.js';
import { createReferenceBackend } from '../../lib/backend/reference/index.js';
import { add } from '../../lib/ops/elementwise.js';
import { gatherRows } from '../../lib/ops/rows.js';
import { nextPlace, windowAttention } from '../../lib/ops/window-attention.js';
import { int32, matrix } from '../../lib/tensor/tensor.js';
import { column, doubling, ENDLESS, later } from './programs.js';

/** total = x + what was there, kept; seen = row `place` of it. */
function summing(backend: Backend) {
  const builder = new ProgramBuilder();
  const total = builder.input('total', 'float32', 1);
  const x = builder.input('x', 'float32', 1);
  const place = builder.input('place', 'int32', 1);
  const sum = add(x, total);
  builder.output('total', sum);
  builder.output('seen', gatherRows(sum, place));
  const { description, weights } = builder.build();
  return backend.createProgram(description, weights);
}

/** Row `row` of the attention of a window of three steps. */
function moving(backend: Backend) {
  const builder = new ProgramBuilder();
  const x = builder.input('x', 'float32', 2);
  const place = builder.input('place', 'int32', 1);
  const row = builder.input('row', 'int32', 1);
  const keyState = builder.state('keys', 'float32');
  const valueState = builder.state('values', 'float32');
  const inputs = { query: x, key: x, value: x, keyState, valueState, place };
  const seen = windowAttention(inputs, { numHeads: 1, headDim: 2, scale: 1, past: 2 });
  builder.output('seen', gatherRows(seen, row));
  const { description, weights } = builder.build();
  return backend.createProgram(description, weights);
}

const backends = [
  ['js', createReferenceBackend()],
  ...[1, 3].map((threads) => [`native, ${threads} threads`, createNativeBackend({ threads })]),
] as [string, Backend][];

describe.each(backends)('runSync, %s', (_, backend) => {
  const program = summing(backend);
  afterAll(() => backend.dispose());

  it('keeps values from run to run', () => {
    const [one, two] = [program.createSession(['total']), program.createSession(['total'])];
    const at = (place: number) => int32(place);
    const first = column(1, 2);
    one.keep({ total: first });
    two.keep({ total: column(0, 0) });
    first.data.fill(99);
    expect(one.runSync({ x: column(10, 20), place: at(1) })).toEqual({ seen: column(22) });
    expect(one.runSync({ x: column(10, 20), place: at(0) })).toEqual({ seen: column(21) });
    expect(two.runSync({ x: column(10, 20), place: at(0) })).toEqual({ seen: column(10) });
    const kept = one.kept();
    expect(kept).toEqual({ total: column(21, 42) });
    kept.total!.data.fill(99);
    expect(one.runSync({ x: column(0, 0), place: at(1) })).toEqual({ seen: column(42) });
  });

  it('fails without losing them', () => {
    const session = program.createSession(['total']);
    expect(() => session.runSync({ x: column(1), place: int32(0) })).toThrow();
    session.keep({ total: column(5) });
    for (const inputs of [
      { x: column(1), place: int32(7) },
      { x: column(1, 2), place: int32(0) },
      { x: int32(1), place: int32(0) },
      { x: column(1) },
      { x: column(1), place: int32(0), total: column(1) },
    ]) {
      expect(() => session.runSync(inputs as never)).toThrow(/expected/);
    }
    expect(() => session.keep({})).toThrow('keep: total: expected float32, got nothing');
    expect(session.kept()).toEqual({ total: column(5) });
    expect(() => program.createSession(['x'])).toThrow("session: kept: expected an input and output, got 'x'");
    session.dispose();
    expect(() => session.runSync({ x: column(1), place: int32(0) })).toThrow('used after dispose()');
  });

  it('repeats a step that failed when its states were written already', () => {
    const [session, other] = [moving(backend).createSession(), moving(backend).createSession()];
    let place = 0;
    for (let t = 0; t < 12; t++) {
      const x = matrix(Float32Array.of(t, 1, t, -1), 2);
      const inputs = { x, place: int32(place), row: int32(0) };
      const wrong = { ...inputs, x: matrix(new Float32Array(4).fill(9), 2), row: int32(2) };
      expect(() => session.runSync(wrong)).toThrow('gather_rows: indices');
      expect(session.runSync(inputs)).toEqual(other.runSync(inputs));
      place = nextPlace(place, 2);
    }
  });
});

describe('runSync beside others', () => {
  it('does not wait for runs of other sessions, and refuses while its own is under way', async () => {
    const backend = createNativeBackend({ threads: 2 });
    const controller = new AbortController();
    const looping = doubling(backend).createSession();
    const run = looping.run({ x: column(1), count: int32(ENDLESS) }, { signal: controller.signal });
    await later();
    expect(() => looping.runSync({ x: column(1), count: int32(1) })).toThrow(/expected no run under way, got 1/);
    const session = summing(backend).createSession(['total']);
    session.keep({ total: column(1) });
    expect(session.runSync({ x: column(1), place: int32(0) })).toEqual({ seen: column(2) });
    controller.abort();
    await expect(run).rejects.toThrow('aborted');
    expect(looping.runSync({ x: column(1), count: int32(3) })).toEqual({ y: column(8) });
    backend.dispose();
  });
});
