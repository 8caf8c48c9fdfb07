import { describe, expect, it } from 'vitest';
import type { ProgramDescription } from '../../lib/backend/backend.js';
import { loadAddon } from '../../lib/backend/loader.js';
import { createNativeBackend } from '../../lib/backend/native.js';
import { createReferenceBackend } from '../../lib/backend/reference/index.js';
import { int32, type TensorData } from '../../lib/tensor/tensor.js';
import { column, DOUBLING, doubling } from './programs.js';

const { addon } = loadAddon();
const context = addon.createContext({ threads: 1 });
const program = addon.createProgram(context, DOUBLING as unknown as ProgramDescription, []);
const backend = createNativeBackend({ threads: 1 });

const codeOf = (use: () => unknown): string => {
  try {
    use();
    return 'nothing';
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
};

function detached<A extends Float32Array<ArrayBuffer> | Uint8Array<ArrayBuffer>>(data: A): A {
  structuredClone(data.buffer, { transfer: [data.buffer] });
  return data;
}

describe('inputs of a run', () => {
  const session = doubling(backend).createSession();
  const count = int32(1);
  const float = (data: unknown, rows = 4, cols = 1) => ({ dtype: 'float32', rows, cols, data }) as TensorData;

  it.each([
    ['a detached array', { count, x: float(detached(new Float32Array(4))) }, 'ERR_DETACHED_BUFFER'],
    ['a detached array for no rows', { count, x: float(detached(new Float32Array(4)), 0) }, 'ERR_DETACHED_BUFFER'],
    ['too short', { count, x: float(new Float32Array(3)) }, 'ERR_INVALID_SHAPE'],
    ['too long', { count, x: float(new Float32Array(5)) }, 'ERR_INVALID_SHAPE'],
    ['a fraction of a row', { count, x: float(new Float32Array(4), 4.5) }, 'ERR_INVALID_SHAPE'],
    ['a negative shape', { count, x: float(new Float32Array(4), -4, -1) }, 'ERR_INVALID_SHAPE'],
    ['another array', { count, x: float(new Int32Array(4)) }, 'ERR_INVALID_DTYPE'],
    ['no array', { count, x: float([1, 2, 3, 4]) }, 'ERR_INVALID_DTYPE'],
    ['a DataView', { count, x: float(new DataView(new ArrayBuffer(16))) }, 'ERR_INVALID_DTYPE'],
    ['another dtype', { count, x: int32(1, 2) }, 'ERR_INVALID_DTYPE'],
    ['an unknown dtype', { count, x: { ...column(1), dtype: 'float16' } as never }, 'ERR_INVALID_DTYPE'],
    ['one missing', { count }, 'ERR_INVALID_ARGUMENT'],
    ['one too many', { count, x: column(1), y: column(1) }, 'ERR_INVALID_ARGUMENT'],
  ])('%s', async (_, inputs, code) => {
    await expect(session.run(inputs as never)).rejects.toMatchObject({ name: 'TidemergeError', code });
    expect(await session.run({ count, x: column(1) })).toEqual({ y: column(2) });
  });

  it('may live in shared memory', async () => {
    const data = new Float32Array(new SharedArrayBuffer(8));
    data.set([1, 2]);
    expect(await session.run({ count, x: float(data, 2) })).toEqual({ y: column(2, 4) });
  });

  it('may be part of a larger buffer', async () => {
    const data = Float32Array.from([9, 1, 2, 9]).subarray(1, 3);
    expect(await session.run({ count, x: float(data, 2) })).toEqual({ y: column(2, 4) });
  });
});

describe('the addon itself, in the hands of anybody', () => {
  const junk: unknown[] = [
    undefined,
    null,
    1,
    Number.NaN,
    'x',
    true,
    Symbol('s'),
    1n,
    {},
    [],
    () => 0,
    new Float32Array(2),
    program,
  ];

  it('takes no foreign objects for handles', () => {
    for (const value of [...junk.slice(0, -1), Object.create(context), new Proxy(context, {}), structuredClone({})]) {
      expect(codeOf(() => addon.contextInfo(value as never))).toBe('ERR_INVALID_ARGUMENT');
      expect(codeOf(() => addon.createSession(value as never))).toBe('ERR_INVALID_ARGUMENT');
      expect(codeOf(() => addon.run(value as never, []))).toBe('ERR_INVALID_ARGUMENT');
      expect(codeOf(() => addon.dispose(value as never))).toBe('ERR_INVALID_ARGUMENT');
    }
    expect(codeOf(() => addon.contextInfo(program as never))).toBe('ERR_INVALID_ARGUMENT');
    expect(codeOf(() => addon.createSession(context as never))).toBe('ERR_INVALID_ARGUMENT');
  });

  it('survives every function with every junk argument', () => {
    const functions = Object.entries(addon).filter(([, value]) => typeof value === 'function');
    let thrown = 0;
    for (const [name, call] of functions as [string, (...args: unknown[]) => unknown][]) {
      for (const first of [context, program, ...junk]) {
        if (name === 'dispose' && (first === context || first === program)) continue;
        for (const second of junk) {
          for (const third of [undefined, null, [], [1], 'x']) {
            try {
              const result = call(first, second, third, third);
              if (result instanceof Promise) result.catch(() => {});
            } catch (error) {
              expect(error).toBeInstanceOf(Error);
              thrown++;
            }
          }
        }
      }
    }
    expect(thrown).toBeGreaterThan(1000);
  });

  it('gives a disposed handle back as such', () => {
    const handle = addon.createContext({ threads: 1 });
    addon.dispose(handle);
    addon.dispose(handle);
    expect(codeOf(() => addon.contextInfo(handle))).toBe('ERR_DISPOSED');
  });

  it('passes on what getters throw', () => {
    const inputs = [
      {
        get dtype(): string {
          throw new RangeError('mine');
        },
      },
    ];
    expect(() => addon.call(context, 'add', inputs as never, {})).toThrow(new RangeError('mine'));
  });

  it('reads the array after everything else: a getter cannot pull it away', () => {
    const data = new Float32Array(1 << 16);
    const input = {
      dtype: 'float32',
      rows: 1 << 16,
      get cols() {
        structuredClone(data.buffer, { transfer: [data.buffer] });
        return 1;
      },
      data,
    };
    expect(codeOf(() => addon.call(context, 'add', [input, input] as never, {}))).toBe('ERR_DETACHED_BUFFER');
  });

  it('refuses wrong options', () => {
    for (const [options, code] of [
      [{ threads: 0 }, 'ERR_INVALID_ARGUMENT'],
      [{ threads: 1e9 }, 'ERR_INVALID_ARGUMENT'],
      [{ threads: '2' }, 'ERR_INVALID_ARGUMENT'],
      [{ isa: 'mmx' }, 'ERR_INVALID_ISA'],
      [{ isa: 3 }, 'ERR_INVALID_ARGUMENT'],
      [{ memoryLimit: -1 }, 'ERR_INVALID_ARGUMENT'],
    ] as const) {
      expect(codeOf(() => addon.createContext(options as never))).toBe(code);
    }
    for (const { name, supported } of addon.sets()) {
      expect(codeOf(() => addon.createContext({ isa: name }))).toBe(supported ? 'nothing' : 'ERR_UNSUPPORTED_ISA');
    }
  });
});

// biome-ignore lint/suspicious/noExplicitAny: descriptions are spoiled in ways no type allows
type Spoiled = any;

describe('program descriptions', () => {
  const spoil = (change: (description: Spoiled) => void): unknown => {
    const description = structuredClone(DOUBLING) as unknown;
    change(description);
    return description;
  };

  it.each<[string, (d: Spoiled) => void, string]>([
    ['no values', (d) => delete d.values, 'ERR_INVALID_ARGUMENT'],
    ['values that are no count', (d) => (d.values = 6.5), 'ERR_INVALID_ARGUMENT'],
    ['absurdly many values', (d) => (d.values = 2 ** 52), 'ERR_INVALID_ARGUMENT'],
    ['inputs that are no list', (d) => (d.inputs = {}), 'ERR_INVALID_ARGUMENT'],
    ['a sparse list of enormous length', (d) => (d.inputs = new Array(2 ** 32 - 1)), 'ERR_INVALID_ARGUMENT'],
    ['an input without a dtype', (d) => delete d.inputs[0].dtype, 'ERR_INVALID_DTYPE'],
    ['an id that is text', (d) => (d.inputs[0].id = '0'), 'ERR_INVALID_ARGUMENT'],
    ['an id beyond 32 bits', (d) => (d.inputs[0].id = 2 ** 32), 'ERR_INVALID_ARGUMENT'],
    ['an id that is not a number', (d) => (d.nodes[0].inputs[0] = Number.NaN), 'ERR_INVALID_ARGUMENT'],
    ['a node that is nothing', (d) => (d.nodes[0] = null), 'ERR_INVALID_ARGUMENT'],
    ['an unknown operator', (d) => (d.nodes[0].body.nodes[0].op = 'melt'), 'ERR_UNSUPPORTED'],
    ['no attributes', (d) => delete d.nodes[0].body.nodes[0].attributes, 'ERR_INVALID_ARGUMENT'],
    ['an attribute nobody knows', (d) => (d.nodes[0].body.nodes[0].attributes.x = 1), 'ERR_INVALID_ARGUMENT'],
    ['an attribute of a strange type', (d) => (d.nodes[0].body.nodes[0].attributes.x = {}), 'ERR_INVALID_ARGUMENT'],
    ['a list with text in it', (d) => (d.nodes[0].body.nodes[0].attributes.x = [1, '2']), 'ERR_INVALID_ARGUMENT'],
    ['a body that is nothing', (d) => (d.nodes[0].body = null), 'ERR_INVALID_ARGUMENT'],
    ['a body without nodes', (d) => delete d.nodes[0].body.nodes, 'ERR_INVALID_ARGUMENT'],
    ['a body that contains itself', (d) => d.nodes[0].body.nodes.push(d.nodes[0]), 'ERR_INVALID_ARGUMENT'],
    ['a weight that is not there', (d) => d.weights.push({ id: 3, weight: 0 }), 'ERR_INVALID_ARGUMENT'],
    ['a value defined twice', (d) => (d.inputs[1].id = 0), 'ERR_INVALID_ARGUMENT'],
    ['an output nobody made', (d) => (d.outputs[0].id = 6), 'ERR_INVALID_ARGUMENT'],
  ])('with %s are refused', (_, change, code) => {
    expect(codeOf(() => backend.createProgram(spoil(change) as never, []))).toBe(code);
  });

  it('must bring weights of the same backend', async () => {
    const spec = { name: 'w', kind: 'vector', dtype: 'float32', shape: [1, 1], data: new Float32Array(1) } as const;
    const other = createNativeBackend({ threads: 2 });
    for (const foreign of [createReferenceBackend(), other]) {
      const weight = await foreign.createWeight(spec);
      expect(codeOf(() => backend.createProgram(DOUBLING as never, [weight]))).toBe('ERR_INVALID_ARGUMENT');
    }
    other.dispose();
  });
});

describe('weights', () => {
  const good = { name: 'w', kind: 'matrix', dtype: 'float32', shape: [2, 3], data: new Float32Array(6) };
  it.each([
    ['a kind nobody knows', { kind: 'tensor' }, 'ERR_INVALID_ARGUMENT'],
    ['a dtype nobody knows', { dtype: 'int8' }, 'ERR_INVALID_DTYPE'],
    ['too little data', { shape: [2, 4] }, 'ERR_INVALID_SHAPE'],
    ['a negative shape', { shape: [-2, -3] }, 'ERR_INVALID_ARGUMENT'],
    ['three dimensions', { shape: [1, 2, 3] }, 'ERR_INVALID_SHAPE'],
    ['data of another type', { data: new Float64Array(6) }, 'ERR_INVALID_DTYPE'],
    ['detached data', { shape: [4, 0], data: detached(new Float32Array(4)) }, 'ERR_DETACHED_BUFFER'],
  ])('with %s are refused', async (_, change, code) => {
    await expect(backend.createWeight({ ...good, ...change } as never)).rejects.toMatchObject({ code });
  });

  // Past the checks in TypeScript: what the addon itself lets through.
  const sparse = { name: 'w', kind: 'sparse-binary', rows: 3, cols: 3, alpha: 1 };
  const bits = { mask: Uint8Array.of(0b111, 1), signs: Uint8Array.of(0b0101) };
  it.each([
    ['nothing wrong', {}, undefined],
    ['a truncated mask', { mask: Uint8Array.of(0b111) }, 'ERR_INVALID_SHAPE'],
    ['signs of another count', { signs: Uint8Array.of(1, 1) }, 'ERR_INVALID_SHAPE'],
    ['ones behind the end', { mask: Uint8Array.of(0b111, 3) }, 'ERR_INVALID_ARGUMENT'],
    ['bits of another type', { mask: new Float32Array(2) }, 'ERR_INVALID_DTYPE'],
    ['no signs', { signs: undefined }, 'ERR_INVALID_ARGUMENT'],
    ['detached bits', { mask: detached(new Uint8Array(2)) }, 'ERR_DETACHED_BUFFER'],
    ['an alpha of NaN', { alpha: Number.NaN }, 'ERR_INVALID_ARGUMENT'],
    ['a negative alpha', { alpha: -1 }, 'ERR_INVALID_ARGUMENT'],
    ['more rows than memory', { rows: 2 ** 53, cols: 2 ** 16 - 1 }, 'ERR_INVALID_SHAPE'],
    ['more inputs than 16 bits address', { rows: 1, cols: 2 ** 16 }, 'ERR_INVALID_ARGUMENT'],
  ])('of the kind sparse-binary with %s', async (_, change, code) => {
    const context = addon.createContext({ threads: 1 });
    const make = async () => addon.createWeight(context, { ...sparse, ...bits, ...change } as never);
    if (code) await expect(make()).rejects.toMatchObject({ code });
    else addon.dispose(await make());
  });
});
