import { closeSync, openSync, writeSync } from 'node:fs';

/*
 * The file format of llama.cpp, as much of it as a model in float32 needs: a head with keys, a list of tensors, and their
 * numbers, each beginning at a multiple of 32 bytes.
 */

const ALIGNMENT = 32;
const TYPES = { uint32: 4, float32: 6, bool: 7, string: 8, array: 9 };
const INT32 = 5;

const u32 = (value) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};
const u64 = (value) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
};
const string = (text) => {
  const bytes = Buffer.from(text, 'utf8');
  return Buffer.concat([u64(bytes.length), bytes]);
};
const raw = (numbers) => Buffer.from(numbers.buffer, numbers.byteOffset, numbers.byteLength);

function encode(type, value) {
  if (type === 'uint32') return u32(value);
  if (type === 'float32') return raw(Float32Array.of(value));
  if (type === 'bool') return Buffer.of(value ? 1 : 0);
  return string(value);
}

/** One key with its value: strings, numbers, or arrays of strings, Float32Array and Int32Array. */
export function entry(key, type, value) {
  const head = Buffer.concat([string(key), u32(TYPES[type])]);
  if (type !== 'array') return Buffer.concat([head, encode(type, value)]);
  const of = value instanceof Float32Array ? TYPES.float32 : value instanceof Int32Array ? INT32 : TYPES.string;
  const body = of === TYPES.string ? Buffer.concat(value.map(string)) : raw(value);
  return Buffer.concat([head, u32(of), u64(value.length), body]);
}

/** `tensors`: { name, shape (as in PyTorch, last axis fastest), data() }, read one after the other. */
export function writeGguf(path, entries, tensors) {
  const padded = (size) => Math.ceil(size / ALIGNMENT) * ALIGNMENT;
  let offset = 0;
  const list = tensors.map(({ name, shape }) => {
    const axes = Buffer.concat([...shape].reverse().map(u64)); // fastest first
    const info = Buffer.concat([string(name), u32(shape.length), axes, u32(0), u64(offset)]); // 0: float32
    offset += padded(4 * shape.reduce((product, axis) => product * axis, 1));
    return info;
  });
  const head = Buffer.concat([
    Buffer.from('GGUF'),
    u32(3),
    u64(tensors.length),
    u64(entries.length),
    ...entries,
    ...list,
  ]);
  const file = openSync(path, 'w');
  const write = (bytes) => {
    for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
    const gap = padded(bytes.length) - bytes.length;
    if (gap > 0) writeSync(file, Buffer.alloc(gap));
  };
  write(head);
  for (const { data } of tensors) write(raw(data()));
  closeSync(file);
}
