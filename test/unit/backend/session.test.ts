import { describe, expect, it } from 'vitest';
import type { Backend, ProgramDescription } from '../../../lib/backend/backend.js';
import { ProgramBuilder } from '../../../lib/backend/program.js';
import { createReferenceBackend } from '../../../lib/backend/reference/index.js';
import { cachedAttention } from '../../../lib/ops/cached-attention.js';
import { activation, add } from '../../../lib/ops/elementwise.js';
import { linear } from '../../../lib/ops/linear.js';
import { int32, matrix } from '../../../lib/tensor/tensor.js';

const column = (...values: number[]) => matrix(Float32Array.from(values));

/** y = x doubled `count` times. */
function doubling(backend: Backend) {
  const builder = new ProgramBuilder();
  const count = builder.input('count', 'int32', 1);
  const x = builder.input('x', 'float32', 1);
  const [y] = builder.repeat(count, [x], (_, [carried]) => [add(carried, carried)]);
  builder.output('y', y);
  const { description, weights } = builder.build();
  return backend.createProgram(description, weights);
}

describe('a session of the reference', () => {
  it('repeats, also zero times', async () => {
    const session = doubling(createReferenceBackend()).createSession();
    expect((await session.run({ x: column(3, -1), count: int32(4) })).y).toEqual(column(48, -16));
    expect((await session.run({ x: column(3), count: int32(0) })).y).toEqual(column(3));
    await expect(session.run({ x: column(3), count: int32(-1) })).rejects.toThrow('repeat: count: expected at least 0');
  });

  it('copies inputs before run returns', async () => {
    const session = doubling(createReferenceBackend()).createSession();
    const x = column(1);
    const result = session.run({ x, count: int32(1) });
    x.data[0] = 99;
    expect((await result).y).toEqual(column(2));
  });

  it('runs in the order asked', async () => {
    const backend = createReferenceBackend();
    const program = doubling(backend);
    const order: string[] = [];
    const long = program.createSession().run({ x: column(1), count: int32(50) });
    const short = program.createSession().run({ x: column(1), count: int32(0) });
    await Promise.all([long.then(() => order.push('long')), short.then(() => order.push('short'))]);
    expect(order).toEqual(['long', 'short']);
  });

  it('lets the event loop turn while it runs', async () => {
    const session = doubling(createReferenceBackend()).createSession();
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    await session.run({ x: column(1), count: int32(2000) });
    clearInterval(timer);
    expect(turns).toBeGreaterThan(0);
  });

  it('stops a running run on abort and carries on with the next', async () => {
    const session = doubling(createReferenceBackend()).createSession();
    const controller = new AbortController();
    const endless = session.run({ x: column(1), count: int32(2 ** 30) }, { signal: controller.signal });
    const next = session.run({ x: column(1), count: int32(1) });
    setTimeout(() => controller.abort(new Error('enough')), 5);
    await expect(endless).rejects.toThrow('enough');
    expect((await next).y).toEqual(column(2));
  });

  it('rejects a queued run at once on abort', async () => {
    const session = doubling(createReferenceBackend()).createSession();
    const first = new AbortController();
    const second = new AbortController();
    const running = session.run({ x: column(1), count: int32(2 ** 30) }, { signal: first.signal });
    const queued = session.run({ x: column(1), count: int32(1) }, { signal: second.signal });
    second.abort(new Error('changed my mind'));
    // The endless run before it is still running.
    await expect(queued).rejects.toThrow('changed my mind');
    first.abort(new Error('enough'));
    await expect(running).rejects.toThrow('enough');
    const aborted = AbortSignal.abort(new Error('too late'));
    await expect(session.run({ x: column(1), count: int32(1) }, { signal: aborted })).rejects.toThrow('too late');
  });

  it('goes on after a run that failed', async () => {
    const session = doubling(createReferenceBackend()).createSession();
    const failing = session.run({ x: column(1), count: int32(-1) });
    const next = session.run({ x: column(1), count: int32(1) });
    await expect(failing).rejects.toThrow();
    expect((await next).y).toEqual(column(2));
  });

  it('checks inputs', async () => {
    const session = doubling(createReferenceBackend()).createSession();
    const good = { x: column(1), count: int32(1) };
    await expect(session.run({ x: column(1) })).rejects.toThrow('run: count: expected int32, got nothing');
    await expect(session.run({ ...good, y: column(1) })).rejects.toThrow('run: y: expected no input of this name');
    await expect(session.run({ ...good, x: int32(1) })).rejects.toMatchObject({ code: 'ERR_INVALID_DTYPE' });
    const short = { dtype: 'float32', rows: 2, cols: 1, data: new Float32Array(1) } as const;
    await expect(session.run({ ...good, x: short })).rejects.toThrow('x: expected 2 numbers for [2, 1], got 1');
    const gone = column(1);
    structuredClone(gone.data.buffer, { transfer: [gone.data.buffer as ArrayBuffer] });
    await expect(session.run({ ...good, x: gone })).rejects.toMatchObject({ code: 'ERR_DETACHED_BUFFER' });
  });

  it('refuses work after dispose', async () => {
    const backend = createReferenceBackend();
    const program = doubling(backend);
    const session = program.createSession();
    const other = program.createSession();
    session.dispose();
    await expect(session.run({ x: column(1), count: int32(1) })).rejects.toMatchObject({ code: 'ERR_DISPOSED' });
    program.dispose();
    expect(() => program.createSession()).toThrow('program: used after dispose()');
    backend.dispose();
    await expect(other.run({ x: column(1), count: int32(1) })).rejects.toMatchObject({ code: 'ERR_DISPOSED' });
    await expect(backend.createWeight({} as never)).rejects.toMatchObject({ code: 'ERR_DISPOSED' });
  });
});

describe('states', () => {
  /** One step of attention over everything given so far. */
  function stepping(backend: Backend) {
    const builder = new ProgramBuilder();
    const x = builder.input('x', 'float32', 1);
    const y = cachedAttention(
      {
        query: x,
        key: x,
        value: x,
        keyState: builder.state('keys', 'float32'),
        valueState: builder.state('values', 'float32'),
        step: builder.input('step', 'int32', 1),
        capacity: builder.input('capacity', 'int32', 1),
      },
      { numHeads: 1, headDim: 1, scale: 0 },
    );
    builder.output('y', y);
    const { description, weights } = builder.build();
    return backend.createProgram(description, weights);
  }
  const step = (place: number, ...x: number[]) => ({ x: column(...x), step: int32(place), capacity: int32(3) });

  it('belong to a session and last from run to run', async () => {
    const program = stepping(createReferenceBackend());
    const a = program.createSession();
    const b = program.createSession();
    // With scale 0 every place weighs the same: the mean of the values so far.
    expect((await a.run(step(0, 2, 10))).y).toEqual(column(2, 10));
    expect((await b.run(step(0, 7))).y).toEqual(column(7));
    expect((await a.run(step(1, 4, 30))).y).toEqual(column(3, 20));
    expect((await b.run(step(1, 9))).y).toEqual(column(8));
    expect((await a.run(step(2, 6, 50))).y).toEqual(column(4, 30));
    await expect(a.run(step(3, 8, 70))).rejects.toThrow('step: expected less than capacity 3, got 3');
    expect((await a.run(step(0, 1))).y).toEqual(column(1));
  });

  it('are forgotten by reset', async () => {
    const session = stepping(createReferenceBackend()).createSession();
    await session.run(step(0, 2));
    session.reset();
    await expect(session.run(step(1, 4))).rejects.toMatchObject({ code: 'ERR_INVALID_SHAPE' });
  });
});

describe('weights', () => {
  const build = async (backend: Backend, dtype: 'float32' | 'bfloat16', data: Float32Array | Uint16Array) => {
    const handle = await backend.createWeight({ name: 'w', kind: 'matrix', dtype, shape: [1, 2], data });
    const builder = new ProgramBuilder();
    const x = builder.input('x', 'float32', 2);
    builder.output('y', linear(x, builder.weight(handle)));
    const { description, weights } = builder.build();
    return { handle, session: backend.createProgram(description, weights).createSession() };
  };
  const x = matrix(Float32Array.of(1, 10), 2);

  it('are rounded to the precision they are kept in', async () => {
    const backend = createReferenceBackend();
    const fine = 1 + 2 ** -9;
    const exact = await build(backend, 'float32', Float32Array.of(fine, 2));
    expect((await exact.session.run({ x })).y).toEqual(column(fine + 20));
    const rounded = await build(backend, 'bfloat16', Float32Array.of(fine, 2));
    expect((await rounded.session.run({ x })).y).toEqual(column(21));
    const bits = await build(backend, 'bfloat16', Uint16Array.of(0x3f80, 0x4000));
    expect((await bits.session.run({ x })).y).toEqual(column(21));
  });

  it('may be disposed when the program is made, not before', async () => {
    const backend = createReferenceBackend();
    const { handle, session } = await build(backend, 'float32', Float32Array.of(1, 2));
    handle.dispose();
    expect((await session.run({ x })).y).toEqual(column(21));
    const builder = new ProgramBuilder();
    builder.output('y', linear(builder.input('x', 'float32', 2), builder.weight(handle)));
    const { description, weights } = builder.build();
    expect(() => backend.createProgram(description, weights)).toThrow("weight 'w': used after dispose()");
    expect(() => createReferenceBackend().createProgram(description, weights)).toThrow('of another backend');
  });

  it('are checked', async () => {
    const spec = { name: 'w', kind: 'matrix', dtype: 'float32', shape: [1, 2], data: new Float32Array(3) } as const;
    const backend = createReferenceBackend();
    await expect(backend.createWeight(spec)).rejects.toThrow("weight 'w': expected data for [1,2], got 3 numbers");
    await expect(backend.createWeight({ ...spec, kind: 'cube' as never })).rejects.toThrow('kind: expected matrix');
    await expect(backend.createWeight({ ...spec, dtype: 'int8' as never })).rejects.toThrow(
      'expected float32 or bfloat16',
    );
  });
});

describe('a program the reference refuses', () => {
  const base: ProgramDescription = {
    values: 2,
    inputs: [{ name: 'x', id: 0, dtype: 'float32' }],
    weights: [],
    states: [],
    nodes: [{ op: 'activation', inputs: [0], outputs: [1], attributes: { kind: 'relu' } }],
    outputs: [{ name: 'y', id: 1 }],
  };
  const node = base.nodes[0]!;
  const refused = (changes: Partial<ProgramDescription>) => () =>
    createReferenceBackend().createProgram({ ...base, ...changes }, []);

  it('names what is wrong', () => {
    expect(refused({})).not.toThrow();
    expect(refused({ nodes: [{ ...node, op: 'nonsense' } as never] })).toThrow("unknown operator 'nonsense'");
    expect(refused({ nodes: [{ ...node, inputs: [1] } as never] })).toThrow('value 1 is used by activation before');
    expect(refused({ nodes: [{ ...node, outputs: [0] } as never] })).toThrow('value 0 is made twice');
    expect(refused({ nodes: [{ ...node, inputs: [0, 0] } as never] })).toThrow('expected 1 to 1 inputs, got 2');
    expect(refused({ nodes: [{ ...node, attributes: { kind: 3 } } as never] })).toThrow(
      'attribute kind: expected string',
    );
    expect(refused({ outputs: [{ name: 'y', id: 7 }] })).toThrow("value 7 is used by output 'y' before it is made");
    expect(refused({ weights: [{ id: 5, weight: 0 }] })).toThrow('weight 0 is not among the 0 given');
  });

  it('runs one that is only a relu', async () => {
    const builder = new ProgramBuilder();
    builder.output('y', activation(builder.input('x', 'float32'), 'relu'));
    const session = createReferenceBackend().createProgram(builder.build().description, []).createSession();
    expect((await session.run({ x: column(-1, 2) })).y).toEqual(column(0, 2));
  });
});
