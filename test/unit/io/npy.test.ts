import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { readNpy, readSamples } from '../../../lib/io/index.js';
import { chunksOf, matches, rejected, temporaryDirectory, write } from './temporary.js';

const directory = temporaryDirectory();

/** A file as NumPy writes it, header padded to 64 bytes. */
function npy(descr: string, shape: readonly number[], data: ArrayBufferView, fortran = false, version = 1): Buffer {
  const tuple = `(${shape.join(', ')}${shape.length === 1 ? ',' : ''})`;
  const text = `{'descr': '${descr}', 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': ${tuple}, }`;
  const prefix = version === 1 ? 10 : 12;
  const length = Math.ceil((prefix + text.length + 1) / 64) * 64 - prefix;
  const head = Buffer.alloc(prefix);
  head.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, version, 0]);
  if (version === 1) head.writeUInt16LE(length, 8);
  else head.writeUInt32LE(length, 8);
  const body = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return Buffer.concat([head, Buffer.from(`${text.padEnd(length - 1)}\n`), body]);
}

describe('readNpy', () => {
  it.each([
    ['<f4', Float32Array.of(1.5, Number.NaN, -Infinity, 4, 5, 6)],
    ['<f8', Float64Array.of(1, 2, 3, 4, 5, Math.PI)],
    ['<i4', Int32Array.of(1, -2, 3, 4, 5, 2 ** 31 - 1)],
    ['<i8', BigInt64Array.of(1n, -2n, 3n, 4n, 5n, 2n ** 62n)],
    ['|u1', Uint8Array.of(1, 2, 3, 4, 5, 255)],
    ['|b1', Uint8Array.of(0, 1, 1, 0, 0, 1)],
  ])('reads %s in every version, piece by piece', async (descr, data) => {
    for (const version of [1, 2, 3]) {
      const bytes = npy(descr, [3, 2], data, false, version);
      expect(await readNpy(bytes)).toEqual({ data, shape: [3, 2] });
      expect(await readNpy(chunksOf(bytes, 7))).toEqual({ data, shape: [3, 2] });
    }
    expect(await readNpy(gzipSync(npy(descr, [6], data)))).toEqual({ data, shape: [6] });
  });

  it('turns Fortran order round', async () => {
    const data = Float32Array.from({ length: 24 }, (_, i) => i);
    const { data: turned } = await readNpy(npy('<f4', [2, 3, 4], data, true));
    const expected: number[] = [];
    for (let i = 0; i < 2; i++)
      for (let j = 0; j < 3; j++) for (let k = 0; k < 4; k++) expected.push(i + 2 * j + 6 * k);
    expect([...turned]).toEqual(expected);
    expect([...(await readNpy(npy('<f4', [3, 2], Float32Array.of(1, 2, 3, 4, 5, 6), true))).data]).toEqual([
      1, 4, 2, 5, 3, 6,
    ]);
    expect([...(await readNpy(npy('<f4', [2], Float32Array.of(1, 2), true))).data]).toEqual([1, 2]);
  });

  it('reads empty arrays', async () => {
    expect(await readNpy(npy('<f8', [0, 3], new Float64Array(0)))).toEqual({
      data: new Float64Array(0),
      shape: [0, 3],
    });
  });

  const good = npy('<f4', [2], Float32Array.of(1, 2));
  const withHeader = (text: string) => {
    const bytes = Buffer.from(good);
    bytes.fill(' ', 10, 127).write(text, 10, 'latin1');
    return bytes;
  };
  it.each([
    ['nothing', Buffer.alloc(0), /^a\.npy: expected an \.npy file, got one that begins with ""$/],
    ['another file', Buffer.from('PK\x03\x04 something'), /expected an \.npy file, got one that begins with "PK/],
    ['the magic alone', good.subarray(0, 8), /expected 12 bytes of the header, got 8: the file is cut off/],
    ['half a header', good.subarray(0, 50), /expected 128 bytes of the header, got 50: the file is cut off/],
    ['too little data', good.subarray(0, -1), /expected 8 bytes of data, got 7: the file is cut off/],
    ['too much data', Buffer.concat([good, Buffer.of(0)]), /expected 8 bytes of data, got more/],
    ['no dictionary', withHeader("['descr']"), /header: expected \{ descr, fortran_order, shape \}/],
    ['a missing key', withHeader("{'descr': '<f4', 'shape': (2,)}"), /header: expected/],
    ['a foreign key', withHeader("{'descr': '<f4', 'fortran_order': False, 'x': (2,)}"), /header: expected/],
    [
      'a key twice',
      withHeader("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2,)}"),
      /header: exp/,
    ],
    ['an open tuple', withHeader("{'descr': '<f4', 'fortran_order': False, 'shape': (2"), /header: expected/],
    ['a negative size', withHeader("{'descr': '<f4', 'fortran_order': False, 'shape': (-2,)}"), /header: expected/],
    ['punctuation as a type', withHeader("{'descr': (, 'fortran_order': False, 'shape': (2,)}"), /header: expected/],
    ['a structure', withHeader("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,)}"), /header: expected/],
    [
      'a huge array',
      withHeader("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999,)}"),
      /at most 1073741824 bytes/,
    ],
    [
      'no size at all',
      withHeader(`{'descr': '<f4', 'fortran_order': False, 'shape': (1${'0'.repeat(40)},)}`),
      /at most/,
    ],
  ])('refuses %s', async (_, bytes, message) => {
    matches(await rejected(() => readNpy(bytes, { name: 'a.npy' })), 'ERR_BAD_DATA', message);
  });

  it('says what it does not know', async () => {
    const refusal = (bytes: Uint8Array) => rejected(() => readNpy(bytes));
    const floats = Float32Array.of(1, 2);
    matches(await refusal(npy('>f4', [2], floats)), 'ERR_UNSUPPORTED', /expected a type of <f4 .*, got ">f4"/);
    matches(await refusal(npy('|O', [2], floats)), 'ERR_UNSUPPORTED', /got "\|O"/);
    matches(await refusal(npy('<f4', [], floats)), 'ERR_UNSUPPORTED', /expected 1 to 3 dimensions, got 0/);
    matches(await refusal(npy('<f4', [1, 1, 1, 2], floats)), 'ERR_UNSUPPORTED', /got 4/);
    const future = Buffer.from(good);
    future[6] = 4;
    matches(await refusal(future), 'ERR_UNSUPPORTED', /version 1, 2 or 3, got 4\.0/);
  });
});

describe('readSamples of .npy', () => {
  it('takes samples, a long series, or one variable', async () => {
    const save = (name: string, shape: number[], data: ArrayBufferView, descr: string) =>
      readSamples(write(directory, name, npy(descr, shape, data)));
    const three = await save('a.npy', [2, 3, 1], Float64Array.of(1, 2, 3, 4, 5, Number.NaN), '<f8');
    expect(three.samples).toEqual([
      { data: Float32Array.of(1, 2, 3), shape: [3, 1] },
      { data: Float32Array.of(4, 5, Number.NaN), shape: [3, 1] },
    ]);
    expect((await save('b.npy', [2, 1], BigInt64Array.of(1n, 2n), '<i8')).samples).toEqual([
      { data: Float32Array.of(1, 2), shape: [2, 1] },
    ]);
    expect((await save('c.npy', [2], Uint8Array.of(1, 0), '|b1')).samples[0]?.shape).toEqual([2, 1]);
    const infinite = rejected(() => save('d.npy', [2], Float64Array.of(1, 1e300), '<f8'));
    matches(await infinite, 'ERR_BAD_DATA', /d\.npy: expected numbers of float32, got 1e\+300 at 1/);
    matches(
      await rejected(() => save('e.npy', [0, 3], new Float64Array(0), '<f8')),
      'ERR_BAD_DATA',
      /got shape \[0, 3\]/,
    );
  });
});
