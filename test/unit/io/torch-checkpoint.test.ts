import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { TidemergeError } from '../../../lib/errors.js';
import { openSafetensors } from '../../../lib/io/safetensors.js';
import { TorchCheckpoint } from '../../../lib/io/torch-checkpoint.js';
import { sharedFolder } from '../../models/goldens.js';
import { PickleWriter, type TorchTensorToWrite, torchFile, torchPickle, zip } from './torch-file.js';

const floats: TorchTensorToWrite = {
  name: 'layer.weight',
  dtype: 'F32',
  shape: [2, 3],
  data: Float32Array.of(1, 2, 3, 4, 5, 6),
};
const parse = (bytes: Uint8Array) => TorchCheckpoint.parse(bytes, 'model.pt');

describe('TorchCheckpoint', () => {
  it('reads every type', () => {
    const tensors: TorchTensorToWrite[] = [
      { ...floats, parameter: true },
      { name: 'scalar', dtype: 'F64', shape: [], data: Float64Array.of(-0.1) },
      { name: 'half', dtype: 'F16', shape: [2], data: Uint16Array.of(0x3c00, 0xc000) },
      { name: 'brain', dtype: 'BF16', shape: [1], data: Uint16Array.of(0x3f80) },
      { name: 'long', dtype: 'I64', shape: [2], data: BigInt64Array.of(-1n, 2n ** 62n) },
      { name: 'int', dtype: 'I32', shape: [1], data: Int32Array.of(-5) },
      { name: 'short', dtype: 'I16', shape: [1], data: Int16Array.of(-5) },
      { name: 'char', dtype: 'I8', shape: [1], data: Int8Array.of(-5) },
      { name: 'byte', dtype: 'U8', shape: [3, 1], data: Uint8Array.of(1, 2, 255) },
      { name: 'bool', dtype: 'BOOL', shape: [2], data: Uint8Array.of(1, 0) },
      { name: 'empty', dtype: 'F32', shape: [0, 300], data: new Float32Array(0) },
    ];
    const store = parse(torchFile(tensors));
    expect(store.names()).toEqual(tensors.map(({ name }) => name));
    for (const { name, dtype, shape, data } of tensors) {
      expect(store.info(name)).toEqual({ name, dtype, shape, byteLength: data.byteLength });
      expect(store.read(name)).toMatchObject({ name, dtype, shape, data });
    }
    expect([...store.readFloat32('half'), ...store.readFloat32('scalar')]).toEqual([1, -2, Math.fround(-0.1)]);
    expect(() => store.readFloat32('long')).toThrow(/model.pt: tensor "long": expected F64, F32/);
    expect(() => store.read('weight')).toThrow(
      /expected a tensor "weight", got none; tensors ending alike: "layer.weight"/,
    );
    store.close();
    expect(() => store.read('half')).toThrow(expect.objectContaining({ code: 'ERR_DISPOSED' }));
  });

  it('reads views', () => {
    const view = (shape: number[], strides: number[], offset = 0) => [
      ...(parse(torchFile([{ ...floats, shape, strides, offset }])).read('layer.weight').data as Float32Array),
    ];
    expect(view([3, 2], [1, 3])).toEqual([1, 4, 2, 5, 3, 6]);
    expect(view([2, 2], [3, 1], 1)).toEqual([2, 3, 5, 6]);
    expect(view([1, 6], [99, 1])).toEqual([1, 2, 3, 4, 5, 6]);
    expect(view([2, 1, 2], [2, 1, 1], 2)).toEqual([3, 4, 5, 6]);
    expect(view([], [], 5)).toEqual([6]);
  });

  it('finds the tensors of a training script', () => {
    const pickle = new PickleWriter().op(0x7d, 0x28).text('epoch').integer(300).text('state_dict').dictionary();
    pickle.text('w').tensor(floats, '0').op(0x73).text('loss').op(0x47, 0, 0, 0, 0, 0, 0, 0, 0, 0x75);
    expect(parse(torchFile([floats], pickle.end())).names()).toEqual(['w']);
  });

  const pickled = (write: (pickle: PickleWriter) => PickleWriter) =>
    torchFile([floats], write(new PickleWriter()).end());
  const edited = (edit: (bytes: Buffer) => unknown) => {
    const bytes = Buffer.from(torchFile([floats]));
    edit(bytes);
    return bytes;
  };
  const central = (bytes: Buffer, nth: number) => {
    let at = -1;
    for (let i = 0; i <= nth; i++) at = bytes.indexOf('PK\x01\x02', at + 1, 'latin1');
    return at;
  };
  const end = (bytes: Buffer) => bytes.length - 22;
  it.each<[string, Uint8Array, string, string?]>([
    [
      'a function',
      pickled((p) => p.global('os.system').text('true').op(0x85, 0x52)),
      '"os.system", which is not loaded',
    ],
    ['a name with line breaks', pickled((p) => p.global('torch\u001b[2J.X')), '\\\\u001b\\[2J'],
    ['an object', pickled((p) => p.dictionary().op(0x29, 0x81)), 'expected only data, got opcode 0x81 at byte 30'],
    ['an instance', pickled((p) => p.op(0x28, 0x69)), 'opcode 0x69'],
    ['an extension', pickled((p) => p.op(0x82, 1)), 'opcode 0x82'],
    ['protocol 4', pickled((p) => p.op(0x80, 4)), 'expected protocol 2, got 4'],
    [
      'a filled dictionary',
      pickled((p) => p.global('collections.OrderedDict').op(0x5d, 0x85, 0x52)),
      'got "collections.OrderedDict" of 1 values',
    ],
    [
      'attributes of a tensor',
      pickled((p) => p.tensor(floats, '0').op(0x7d, 0x62)),
      'attributes of a dictionary, got an object of 0 keys for a tensor',
    ],
    ['a list', pickled((p) => p.op(0x5d)), 'expected a dictionary of tensors, got \\[\\]'],
    [
      'a number among tensors',
      pickled((p) => p.op(0x7d).text('w').integer(1).op(0x73)),
      '"w": expected a tensor, got 1',
    ],
    [
      'a name that is none',
      pickled((p) => p.op(0x7d).integer(1).integer(1).op(0x73)),
      'expected names of tensors, got 1',
    ],
    ['an empty stack', pickled((p) => p), 'expected a value on the stack, got none'],
    ['two values', pickled((p) => p.integer(1).integer(2)), 'expected one value at the end, got 2'],
    ['no mark', pickled((p) => p.op(0x74)), 'expected a mark on the stack'],
    ['a forgotten value', pickled((p) => p.op(0x68, 7)), 'expected value 7 to be remembered'],
    ['no end', torchFile([floats], torchPickle([floats]).slice(0, -1)), 'pickle: expected more than'],
    ['a long integer', pickled((p) => p.op(0x8a, 8)), 'integers of at most 7 bytes, got 8'],
    ['a storage of objects', pickled((p) => p.text('x').op(0x51)), 'expected a reference to a storage, got "x"'],
    [
      'another length',
      pickled((p) =>
        p
          .op(0x7d)
          .text('w')
          .tensor({ ...floats, data: new Float32Array(7) }, '0')
          .op(0x73),
      ),
      '"w": expected 28 bytes in data/"0", got 24 bytes',
    ],
    [
      'a missing storage',
      pickled((p) => p.op(0x7d).text('w').tensor(floats, '../0').op(0x73)),
      'data/"../0", got no such entry',
    ],
    ['a view beyond', torchFile([{ ...floats, offset: 1 }]), '"layer.weight": expected a view .* offset 1 within 6'],
    ['a view that repeats', torchFile([{ ...floats, shape: [2000, 2000], strides: [0, 0] }]), 'repeats nothing'],
    [
      'big-endian',
      torchFile([floats], undefined, { byteorder: Buffer.from('big') }),
      'expected "little", got "big"',
      'ERR_UNSUPPORTED',
    ],
    ['a plain pickle', torchPickle([floats]), 'got a plain pickle', 'ERR_UNSUPPORTED'],
    ['text', Buffer.from('hello'), 'expected a checkpoint of PyTorch'],
    ['nothing', new Uint8Array(0), 'expected a checkpoint of PyTorch'],
    ['a zip of something else', zip([['readme', Buffer.from('x')]]), 'expected one data.pkl, got none'],
    [
      'two pickles',
      zip([
        ['a/data.pkl', Buffer.from('.')],
        ['b/data.pkl', Buffer.from('.')],
      ]),
      'got "a/data.pkl", "b/data.pkl"',
    ],
    [
      'equal names',
      zip([
        ['a/x', Buffer.from('.')],
        ['a/x', Buffer.from('.')],
      ]),
      '"a/x" twice',
    ],
    [
      'a broken tensor',
      edited((b) => (b[b.indexOf('archive/data/0') + 14 + 64]! ^= 1)),
      'zip: entry "archive/data/0": expected checksum',
    ],
    [
      'compression',
      edited((b) => b.writeUInt16LE(8, central(b, 1) + 10)),
      'got entry "archive/byteorder": compression method 8',
      'ERR_UNSUPPORTED',
    ],
    [
      'encryption',
      edited((b) => b.writeUInt16LE(1, central(b, 0) + 8)),
      'got entry "archive/data.pkl": encryption',
      'ERR_UNSUPPORTED',
    ],
    ['zip64', edited((b) => b.writeUInt32LE(0xffffffff, central(b, 0) + 42)), 'zip64', 'ERR_UNSUPPORTED'],
    [
      'zip64 as a whole',
      edited((b) => b.writeUInt16LE(0xffff, end(b) + 10).valueOf() && b.writeUInt16LE(0xffff, end(b) + 8)),
      'zip64',
      'ERR_UNSUPPORTED',
    ],
    ['several disks', edited((b) => b.writeUInt16LE(1, end(b) + 4)), 'several disks', 'ERR_UNSUPPORTED'],
    ['overlap', edited((b) => b.writeUInt32LE(0, central(b, 2) + 42)), 'overlaps the one before it'],
    [
      'another name inside',
      edited((b) => (b[30] = 0x61 ^ 1)),
      'entry "archive/data.pkl": expected its name in its header',
    ],
    [
      'a size beyond',
      edited((b) => b.fill(0x7f, central(b, 2) + 20, central(b, 2) + 28)),
      'expected to end before byte',
    ],
    [
      'another count',
      edited((b) => b.fill(2, end(b) + 8, end(b) + 9).fill(2, end(b) + 10, end(b) + 11)),
      'directory: expected \\d+ bytes',
    ],
    ['a directory beyond', edited((b) => b.writeUInt32LE(b.length, end(b) + 16)), 'directory: expected to end at byte'],
    ['no end record', torchFile([floats]).slice(0, -1), 'expected the end record'],
  ])('refuses %s', (_, bytes, message, code = 'ERR_BAD_MODEL') => {
    const read = () => {
      const store = parse(bytes);
      for (const name of store.names()) store.read(name);
    };
    expect(read).toThrow(expect.objectContaining({ code, message: expect.stringMatching(`^model.pt: .*${message}`) }));
  });

  it('says which file is not there', () => {
    expect(() => TorchCheckpoint.open('/no/such.pt')).toThrow(expect.objectContaining({ code: 'ERR_MODEL_NOT_FOUND' }));
    expect(() => TorchCheckpoint.open('/')).toThrow(/^\/: expected a regular file/);
  });

  it('meets broken files with typed errors only', () => {
    const views = { ...floats, name: 'v', shape: [3, 2], strides: [1, 3] };
    const whole = torchFile([floats, { ...views, parameter: true }]);
    let state = 1;
    const random = (below: number) => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    const refused = { truncated: 0, mutated: 0, pickle: 0 };
    const tryOut = (kind: keyof typeof refused, bytes: Uint8Array) => {
      try {
        const store = parse(bytes);
        for (const name of store.names()) expect(store.read(name).data.byteLength).toBeLessThanOrEqual(whole.length);
      } catch (error) {
        if (!(error instanceof TidemergeError)) throw error;
        refused[kind]++;
      }
    };
    for (let length = 0; length < whole.length; length += 3) tryOut('truncated', whole.slice(0, length));
    for (let i = 0; i < 1500; i++) {
      const bytes = whole.slice();
      for (let flips = 1 + random(4); flips > 0; flips--) bytes[random(bytes.length)] = random(256);
      tryOut('mutated', bytes);
      // With a checksum that fits, so that the machine itself sees the change.
      const pickle = torchPickle([floats]);
      for (let flips = 1 + random(4); flips > 0; flips--) pickle[random(pickle.length)] = random(256);
      tryOut('pickle', torchFile([floats], pickle));
    }
    expect(refused.truncated).toBe(Math.ceil(whole.length / 3));
    expect(refused.mutated).toBeGreaterThan(400);
    expect(refused.pickle).toBeGreaterThan(400);
  });
});

const shared = sharedFolder('published PyTorch checkpoints');
if (!shared) it.skip('published PyTorch checkpoints: the folder is not there', () => {});
else {
  const folder = join(shared, 'data', 'models', 'sparse_binary_transformer');
  const models = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  it.each(models.map(({ name }) => name))('%s equals its safetensors bit for bit', (name) => {
    const torch = TorchCheckpoint.open(join(folder, name, 'original.pt'));
    const expected = openSafetensors(join(folder, name, 'model.safetensors'));
    expect(torch.names().sort()).toEqual(expected.names().sort());
    for (const tensor of expected.names()) {
      const [a, b] = [torch.read(tensor), expected.read(tensor)];
      // The conversion wrote scalars as [1].
      expect({ dtype: a.dtype, shape: a.shape.length === 0 ? [1] : a.shape }).toEqual({
        dtype: b.dtype,
        shape: b.shape,
      });
      expect(Buffer.from(a.data.buffer).equals(Buffer.from(b.data.buffer)), tensor).toBe(true);
    }
    torch.close();
    expected.close();
  });
}
