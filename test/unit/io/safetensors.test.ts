import { mkdirSync, readdirSync, readFileSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { SafetensorsDtype, TensorData, TensorToWrite } from '../../../lib/io/safetensors.js';
import { SafetensorsFile, serializeSafetensors, writeSafetensors } from '../../../lib/io/safetensors.js';
import { parseHeader } from '../../../lib/io/safetensors-header.js';
import { caught, matches, temporaryDirectory, write } from './temporary.js';

const directory = temporaryDirectory();

const EVERY_DTYPE: TensorToWrite[] = [
  { name: 'f64', dtype: 'F64', shape: [2], data: Float64Array.of(Math.PI, -0) },
  { name: 'f32', dtype: 'F32', shape: [3, 1], data: Float32Array.of(1.5, NaN, -Infinity) },
  { name: 'f16', dtype: 'F16', shape: [2], data: Uint16Array.of(0x3c00, 0x0001) },
  { name: 'bf16', dtype: 'BF16', shape: [1, 3], data: Uint16Array.of(0x3f80, 0xc000, 0x7f80) },
  { name: 'i8', dtype: 'I8', shape: [3], data: Int8Array.of(-128, 0, 127) },
  { name: 'u8', dtype: 'U8', shape: [1], data: Uint8Array.of(255) },
  { name: 'i16', dtype: 'I16', shape: [2], data: Int16Array.of(-32768, 32767) },
  { name: 'i32', dtype: 'I32', shape: [1], data: Int32Array.of(-(2 ** 31)) },
  { name: 'i64', dtype: 'I64', shape: [2], data: BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n) },
  { name: 'bool', dtype: 'BOOL', shape: [2, 2], data: Uint8Array.of(1, 0, 0, 1) },
  { name: 'scalar', dtype: 'F32', shape: [], data: Float32Array.of(7) },
  { name: 'empty', dtype: 'F32', shape: [0, 5], data: new Float32Array() },
];

/** A file from header text and data, with whatever lies in them. */
function fileOf(header: string, data: Uint8Array | number = 0, length = Buffer.byteLength(header)): Uint8Array {
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(BigInt(length));
  return Buffer.concat([prefix, Buffer.from(header), typeof data === 'number' ? Buffer.alloc(data) : data]);
}

const bytesOf = (data: TensorData) => Buffer.from(data.buffer, data.byteOffset, data.byteLength);

describe('safetensors round trip', () => {
  const metadata = { format: 'pt', ключ: '值' };

  it.each(['memory', 'file'])('keeps every dtype bit for bit through a %s', (way) => {
    const path = join(directory, 'every.safetensors');
    writeSafetensors(path, EVERY_DTYPE, metadata);
    const file =
      way === 'file' ? SafetensorsFile.open(path) : SafetensorsFile.parse(serializeSafetensors(EVERY_DTYPE, metadata));
    expect(new Map(Object.entries(metadata))).toEqual(file.metadata);
    expect(file.names().sort()).toEqual(EVERY_DTYPE.map(({ name }) => name).sort());
    for (const { name, dtype, shape, data } of EVERY_DTYPE) {
      const read = file.read(name);
      expect(read).toMatchObject({ name, dtype, shape, byteLength: data.byteLength });
      expect(read.data.constructor).toBe(data.constructor);
      expect(bytesOf(read.data).equals(bytesOf(data))).toBe(true);
      expect(read.data.byteOffset).toBe(0);
    }
    file.close();
    matches(
      caught(() => file.read('f32')),
      'ERR_DISPOSED',
      /after close/,
    );
  });

  it('writes the same bytes in any order of input, with tensors aligned to their size', () => {
    const bytes = serializeSafetensors(EVERY_DTYPE, { b: '1', a: '2' });
    expect(
      Buffer.compare(
        serializeSafetensors(
          [...EVERY_DTYPE].reverse(),
          new Map([
            ['a', '2'],
            ['b', '1'],
          ]),
        ),
        bytes,
      ),
    ).toBe(0);
    const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    expect(length % 8).toBe(0);
    const header = JSON.parse(Buffer.from(bytes.subarray(8, 8 + length)).toString()) as Record<
      string,
      { data_offsets: [number, number]; dtype: SafetensorsDtype }
    >;
    expect(Object.keys(header)[0]).toBe('__metadata__');
    for (const { name, data } of EVERY_DTYPE) expect(header[name]!.data_offsets[0] % data.BYTES_PER_ELEMENT).toBe(0);
  });

  it('matches a file laid out by hand', () => {
    const header = '{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}}  ';
    const bytes = fileOf(header.padEnd(56), Buffer.from([7, 8, 9]));
    expect([...SafetensorsFile.parse(bytes).read('a').data]).toEqual([7, 8, 9]);
    expect(
      Buffer.compare(
        serializeSafetensors([{ name: 'a', dtype: 'U8', shape: [3], data: Uint8Array.of(7, 8, 9) }]),
        bytes,
      ),
    ).toBe(0);
  });

  it('reads a float32 tensor at an odd offset, from an unaligned view, into a buffer of its own', () => {
    const header =
      '{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"F32","shape":[1],"data_offsets":[1,5]}}';
    const data = Buffer.alloc(5);
    data.writeFloatLE(2.5, 1);
    const inner = fileOf(header, data);
    const outer = new Uint8Array(inner.length + 3);
    outer.set(inner, 3);
    const file = SafetensorsFile.parse(outer.subarray(3));
    const first = file.readFloat32('b');
    expect([...first]).toEqual([2.5]);
    first[0] = 9;
    expect([...file.readFloat32('b')]).toEqual([2.5]);
  });

  it('converts F64, F32, F16 and BF16 to float32 and refuses the others', () => {
    const file = SafetensorsFile.parse(serializeSafetensors(EVERY_DTYPE));
    expect([...file.readFloat32('f64')]).toEqual([Math.fround(Math.PI), -0]);
    expect([...file.readFloat32('f32')]).toEqual([1.5, NaN, -Infinity]);
    expect([...file.readFloat32('f16')]).toEqual([1, 2 ** -24]);
    expect([...file.readFloat32('bf16')]).toEqual([1, -2, Infinity]);
    for (const name of ['i8', 'u8', 'i16', 'i32', 'i64', 'bool']) {
      matches(
        caught(() => file.readFloat32(name)),
        'ERR_INVALID_DTYPE',
        new RegExp(`safetensors: tensor "${name}": expected F64, F32, F16 or BF16, got`),
      );
    }
  });

  it('names tensors alike when one is missing', () => {
    const file = SafetensorsFile.parse(
      serializeSafetensors([{ name: 'a.q.weight', dtype: 'F32', shape: [1], data: new Float32Array(1) }]),
    );
    matches(
      caught(() => file.read('b.q.weight')),
      'ERR_BAD_MODEL',
      /expected a tensor "b\.q\.weight", got none.*"a\.q\.weight"/,
    );
    expect(file.info('toString')).toBeUndefined();
  });

  it('accepts an empty file of tensors and names from the prototype of objects', () => {
    expect(SafetensorsFile.parse(fileOf('{}')).names()).toEqual([]);
    const names = ['__proto__', 'constructor', 'hasOwnProperty', ''];
    const file = SafetensorsFile.parse(
      serializeSafetensors(
        names.map((name, i) => ({ name, dtype: 'U8' as const, shape: [1], data: Uint8Array.of(i) })),
      ),
    );
    for (const [i, name] of names.entries()) expect([...file.read(name).data]).toEqual([i]);
  });
});

const tensor = (fields: string) => `{"t":{${fields}}}`;
const HOSTILE: [string, Uint8Array, RegExp][] = [
  ['no bytes', new Uint8Array(), /expected at least 8 bytes, got 0/],
  ['seven bytes', new Uint8Array(7), /expected at least 8 bytes, got 7/],
  ['a header length beyond the file', fileOf('{}', 0, 3), /at most the 2 bytes that follow, got 3/],
  ['a header above 100 MB', fileOf('{}', 0, 100_000_001), /at most 100000000, got 100000001/],
  ['a header length of 2^64 - 1', Buffer.alloc(16, 0xff), /got 18446744073709551615/],
  ['an empty header', fileOf(''), /expected to start with '\{', got nothing/],
  ['a header that begins with a space', fileOf(' {}'), /expected to start with '\{', got byte 32/],
  ['an array', fileOf('[]'), /expected to start with '\{'/],
  ['bad JSON', fileOf('{"a"}'), /invalid JSON/],
  ['text after the header', fileOf('{}x'), /invalid JSON/],
  ['bytes that are no UTF-8', Buffer.concat([fileOf('', 0, 4), Buffer.from([0x7b, 0x22, 0xff, 0x22])]), /UTF-8/],
  ['a byte order mark', fileOf('\ufeff{}'), /expected to start/],
  [
    'a name twice',
    fileOf(
      `${tensor('"dtype":"U8","shape":[1],"data_offsets":[0,1]').slice(0, -1)},"t":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`,
      1,
    ),
    /duplicate key "t"/,
  ],
  ['a tensor that is no object', fileOf('{"t":1}'), /tensor "t": expected an object, got 1/],
  ['no dtype', fileOf(tensor('"shape":[1],"data_offsets":[0,1]'), 1), /dtype: expected one of F64.*got nothing/],
  ['an unknown dtype', fileOf(tensor('"dtype":"F8","shape":[1],"data_offsets":[0,1]'), 1), /got "F8"/],
  [
    'a dtype from the prototype',
    fileOf(tensor('"dtype":"toString","shape":[1],"data_offsets":[0,1]'), 1),
    /got "toString"/,
  ],
  ['no shape', fileOf(tensor('"dtype":"U8","data_offsets":[0,1]'), 1), /shape: .*got nothing/],
  ['a negative size', fileOf(tensor('"dtype":"U8","shape":[-1],"data_offsets":[0,1]'), 1), /shape: .*got \[-1\]/],
  ['a size of -0', fileOf(tensor('"dtype":"U8","shape":[-0],"data_offsets":[0,0]')), /shape/],
  ['a fractional size', fileOf(tensor('"dtype":"U8","shape":[1.5],"data_offsets":[0,1]'), 1), /shape/],
  ['a size beyond 2^53', fileOf(tensor('"dtype":"U8","shape":[9007199254740993],"data_offsets":[0,1]'), 1), /shape/],
  ['a size as text', fileOf(tensor('"dtype":"U8","shape":["1"],"data_offsets":[0,1]'), 1), /shape/],
  [
    'a product that overflows',
    fileOf(tensor('"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]')),
    /product below 2\^53/,
  ],
  [
    'a product that overflows to zero',
    fileOf(tensor('"dtype":"U8","shape":[4294967296,4294967296,0],"data_offsets":[0,0]')),
    /shape/,
  ],
  [
    'too many dimensions',
    fileOf(tensor(`"dtype":"U8","shape":[${Array(65).fill(1)}],"data_offsets":[0,1]`), 1),
    /shape: .*got an array of 65/,
  ],
  ['one offset', fileOf(tensor('"dtype":"U8","shape":[1],"data_offsets":[0]'), 1), /\[begin, end\], got \[0\]/],
  ['a negative offset', fileOf(tensor('"dtype":"U8","shape":[1],"data_offsets":[-1,0]'), 1), /data_offsets/],
  ['offsets the wrong way round', fileOf(tensor('"dtype":"U8","shape":[1],"data_offsets":[1,0]'), 1), /begin <= end/],
  [
    'a size that does not fit the shape',
    fileOf(tensor('"dtype":"F32","shape":[2],"data_offsets":[0,4]'), 4),
    /expected 8 bytes for F32 \[2\], got 4/,
  ],
  [
    'an end beyond the file',
    fileOf(tensor('"dtype":"U8","shape":[2],"data_offsets":[0,2]'), 1),
    /within the 1 data bytes, got 2/,
  ],
  ['a begin beyond the file', fileOf(tensor('"dtype":"U8","shape":[1],"data_offsets":[900,901]'), 1), /hole/],
  [
    'a hole before the first tensor',
    fileOf(tensor('"dtype":"U8","shape":[1],"data_offsets":[1,2]'), 2),
    /leaves a hole after the header/,
  ],
  [
    'a hole between tensors',
    fileOf(
      '{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}}',
      3,
    ),
    /"b": leaves a hole after tensor "a"/,
  ],
  [
    'an overlap',
    fileOf(
      '{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}',
      3,
    ),
    /"b": overlaps tensor "a"/,
  ],
  [
    'the same bytes twice',
    fileOf(
      '{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}',
      2,
    ),
    /overlaps/,
  ],
  [
    'trailing bytes',
    fileOf(tensor('"dtype":"U8","shape":[1],"data_offsets":[0,1]'), 2),
    /cover the 2 data bytes, got 1/,
  ],
  ['data without tensors', fileOf('{}', 5), /trailing bytes/],
  ['metadata that is no object', fileOf('{"__metadata__":[]}'), /__metadata__: expected an object/],
  ['metadata with numbers', fileOf('{"__metadata__":{"a":1}}'), /__metadata__: "a": expected a string, got 1/],
  ['nesting', fileOf(`{"t":${'['.repeat(50_000)}`), /nested at most/],
];

describe('safetensors from outside', () => {
  it.each(HOSTILE)('refuses %s', (_, bytes, pattern) => {
    const path = write(directory, 'hostile.safetensors', bytes);
    const fromFile = caught(() => SafetensorsFile.open(path));
    matches(fromFile, 'ERR_BAD_SAFETENSORS', pattern);
    expect(fromFile.message.startsWith(path)).toBe(true);
    matches(
      caught(() => SafetensorsFile.parse(bytes, 'memory')),
      'ERR_BAD_SAFETENSORS',
      pattern,
    );
  });

  it('refuses a header of countless tiny values before it fills the memory', () => {
    const json = Buffer.from(`{"t":[${'0,'.repeat(2 ** 22)}0]}`);
    matches(
      caught(() => parseHeader('big', json, 0)),
      'ERR_BAD_SAFETENSORS',
      /too many JSON values/,
    );
  });

  it('notices that the file became shorter after it was opened', () => {
    const path = join(directory, 'shrinking.safetensors');
    writeSafetensors(path, [{ name: 'a', dtype: 'F32', shape: [100], data: new Float32Array(100) }]);
    const file = SafetensorsFile.open(path);
    truncateSync(path, readFileSync(path).length - 4);
    matches(
      caught(() => file.read('a')),
      'ERR_BAD_SAFETENSORS',
      /tensor "a": expected 400 bytes, got 396/,
    );
    file.close();
  });

  it('tells a missing file and a directory apart', () => {
    matches(
      caught(() => SafetensorsFile.open(join(directory, 'none.safetensors'))),
      'ERR_MODEL_NOT_FOUND',
      /none\.safetensors/,
    );
    matches(
      caught(() => SafetensorsFile.open(directory)),
      'ERR_BAD_SAFETENSORS',
      /regular file/,
    );
  });
});

describe('safetensors writer', () => {
  const good: TensorToWrite = { name: 'a', dtype: 'F32', shape: [2], data: new Float32Array(2) };

  it.each<[string, object, string, RegExp]>([
    ['a reserved name', { name: '__metadata__' }, 'ERR_INVALID_ARGUMENT', /reserved/],
    ['a lone surrogate', { name: '\ud800' }, 'ERR_INVALID_ARGUMENT', /well-formed/],
    ['an unknown dtype', { dtype: 'F8' }, 'ERR_INVALID_DTYPE', /got "F8"/],
    ['a negative size', { shape: [-1] }, 'ERR_INVALID_SHAPE', /shape/],
    ['a wrong length', { shape: [3] }, 'ERR_INVALID_SHAPE', /expected 3 elements for shape \[3\], got 2/],
    ['another array type', { data: new Float64Array(2) }, 'ERR_INVALID_DTYPE', /expected Float32Array for F32/],
    ['a plain array', { data: [1, 2] }, 'ERR_INVALID_DTYPE', /expected Float32Array/],
    ['booleans that are none', { dtype: 'BOOL', data: Uint8Array.of(1, 2) }, 'ERR_INVALID_ARGUMENT', /only 0 and 1/],
  ])('refuses %s', (_, change, code, pattern) => {
    matches(
      caught(() => serializeSafetensors([{ ...good, ...change }])),
      code as 'ERR_INVALID_ARGUMENT',
      pattern,
    );
  });

  it('refuses names twice and metadata that is no text', () => {
    matches(
      caught(() => serializeSafetensors([good, good])),
      'ERR_INVALID_ARGUMENT',
      /"a" twice/,
    );
    matches(
      caught(() => serializeSafetensors([], { a: 1 } as unknown as Record<string, string>)),
      'ERR_INVALID_ARGUMENT',
      /metadata/,
    );
  });

  it('leaves the old file and no temporary one when it fails', () => {
    const place = join(write(directory, 'atomic/model.safetensors', 'old'), '..');
    const path = join(place, 'model.safetensors');
    caught(() => writeSafetensors(path, [{ ...good, shape: [3] }]));
    expect(readFileSync(path, 'utf8')).toBe('old');
    writeSafetensors(path, [good]);
    mkdirSync(join(place, 'taken'));
    expect(SafetensorsFile.open(path).names()).toEqual(['a']);
    matches(
      caught(() => writeSafetensors(join(place, 'taken'), [good])),
      'ERR_FILE_ACCESS',
      /cannot be written/,
    );
    matches(
      caught(() => writeSafetensors(join(place, 'no', 'x'), [good])),
      'ERR_FILE_ACCESS',
      /cannot be written/,
    );
    expect(readdirSync(place)).toEqual(['model.safetensors', 'taken']);
  });

  it('writes views into larger buffers as what they show', () => {
    const data = Float32Array.of(1, 2, 3, 4).subarray(1, 3);
    expect([...SafetensorsFile.parse(serializeSafetensors([{ ...good, data }])).read('a').data]).toEqual([2, 3]);
  });
});
