import { crc32 } from 'node:zlib';
import type { TensorToWrite } from '../../../lib/io/safetensors.js';

/*
 * Writes small checkpoints as PyTorch does: a pickle of protocol 2 and a file per storage, in a zip of stored entries
 * whose local headers say nothing of sizes.
 */

const STORAGES = {
  F64: 'DoubleStorage',
  F32: 'FloatStorage',
  F16: 'HalfStorage',
  BF16: 'BFloat16Storage',
  I64: 'LongStorage',
  I32: 'IntStorage',
  I16: 'ShortStorage',
  I8: 'CharStorage',
  U8: 'ByteStorage',
  BOOL: 'BoolStorage',
} as const;

export interface TorchTensorToWrite extends TensorToWrite {
  readonly strides?: readonly number[];
  readonly offset?: number;
  readonly parameter?: boolean;
}

export class PickleWriter {
  readonly #bytes: number[] = [0x80, 2];

  op(...bytes: number[]): this {
    this.#bytes.push(...bytes);
    return this;
  }
  global(name: string): this {
    const dot = name.lastIndexOf('.');
    return this.op(0x63, ...Buffer.from(`${name.slice(0, dot)}\n${name.slice(dot + 1)}\n`));
  }
  text(text: string): this {
    const bytes = Buffer.from(text);
    return this.op(0x58, ...u32(bytes.length), ...bytes);
  }
  integer(value: number): this {
    return value < 256 ? this.op(0x4b, value) : this.op(0x4a, ...u32(value));
  }
  tuple(values: readonly number[]): this {
    this.op(0x28);
    for (const value of values) this.integer(value);
    return this.op(0x74);
  }
  dictionary(): this {
    return this.global('collections.OrderedDict').op(0x29, 0x52);
  }
  tensor({ dtype, shape, data, strides, offset = 0, parameter }: TorchTensorToWrite, key: string): this {
    if (parameter) this.global('torch._utils._rebuild_parameter');
    this.global('torch._utils._rebuild_tensor_v2').op(0x28);
    this.op(0x28)
      .text('storage')
      .global(`torch.${STORAGES[dtype]}`)
      .text(key)
      .text('cpu')
      .integer(data.length)
      .op(0x74, 0x51);
    this.integer(offset)
      .tuple(shape)
      .tuple(strides ?? rowMajor(shape))
      .op(0x89)
      .dictionary()
      .op(0x74, 0x52);
    return parameter ? this.op(0x88).dictionary().op(0x87, 0x52) : this;
  }
  end(): Uint8Array {
    return Uint8Array.from([...this.#bytes, 0x2e]);
  }
}

/** A dictionary of tensors, with attributes as modules have them. */
export function torchPickle(tensors: readonly TorchTensorToWrite[]): Uint8Array {
  const pickle = new PickleWriter().dictionary().op(0x71, 0, 0x28);
  for (const [i, tensor] of tensors.entries()) pickle.text(tensor.name).tensor(tensor, String(i));
  return pickle.op(0x75).op(0x7d).text('_metadata').dictionary().op(0x73, 0x62).end();
}

export function torchFile(
  tensors: readonly TorchTensorToWrite[],
  pickle = torchPickle(tensors),
  more: Readonly<Record<string, Uint8Array>> = { byteorder: Buffer.from('little') },
): Uint8Array {
  return zip([
    ['archive/data.pkl', pickle],
    ...Object.entries(more).map(([name, bytes]) => [`archive/${name}`, bytes] as const),
    ...tensors.map(({ data }, i) => {
      const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      return [`archive/data/${i}`, bytes] as const;
    }),
  ]);
}

export function zip(files: readonly (readonly [name: string, data: Uint8Array])[]): Uint8Array {
  const local: Uint8Array[] = [];
  const central: Uint8Array[] = [];
  let at = 0;
  for (const [name, data] of files) {
    const text = Buffer.from(name);
    const padding = 64;
    const header = [...u32(0x04034b50), ...Buffer.alloc(22), ...u16(text.length), ...u16(padding)];
    const entry = Buffer.concat([Buffer.from(header), text, Buffer.alloc(padding, 'Z'), data]);
    const sizes = [...u32(crc32(data)), ...u32(data.length), ...u32(data.length)];
    const lengths = [...u16(text.length), ...u16(0), ...u16(0), ...Buffer.alloc(8)];
    const record = [...u32(0x02014b50), ...Buffer.alloc(12), ...sizes, ...lengths, ...u32(at)];
    central.push(Buffer.concat([Buffer.from(record), text]));
    local.push(entry);
    at += entry.length;
  }
  const directory = Buffer.concat(central);
  const count = u16(files.length);
  const end = [...u32(0x06054b50), ...u32(0), ...count, ...count, ...u32(directory.length), ...u32(at), ...u16(0)];
  return Buffer.concat([...local, directory, Buffer.from(end)]);
}

function rowMajor(shape: readonly number[]): number[] {
  return shape.map((_, axis) => shape.slice(axis + 1).reduce((product, size) => product * size, 1));
}

function u16(value: number): number[] {
  return [value & 255, value >> 8];
}
function u32(value: number): number[] {
  return [...u16(value & 0xffff), ...u16(value >>> 16)];
}
