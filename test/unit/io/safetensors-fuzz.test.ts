import { expect, it } from 'vitest';
import { TidemergeError } from '../../../lib/errors.js';
import type { TensorToWrite } from '../../../lib/io/safetensors.js';
import { SafetensorsFile, serializeSafetensors } from '../../../lib/io/safetensors.js';
import { randomInts } from './temporary.js';

const CASES = 6000;
const SEED = 20_260_801;
type Random = (below: number) => number;

function validFile(random: Random): Uint8Array {
  const tensors: TensorToWrite[] = Array.from({ length: random(5) }, (_, i) => {
    const shape = Array.from({ length: random(4) }, () => random(5));
    const count = shape.reduce((product, size) => product * size, 1);
    const name = ['a', 'block.0.weight', '__proto__', 'é', 'x'.repeat(40)][i] as string;
    if (random(2) === 0) return { name, dtype: 'F32', shape, data: new Float32Array(count) };
    return random(2) === 0
      ? { name, dtype: 'BF16', shape, data: new Uint16Array(count) }
      : { name, dtype: 'I64', shape, data: new BigInt64Array(count) };
  });
  return serializeSafetensors(tensors, random(2) === 0 ? {} : { format: 'pt' });
}

function setLength(bytes: Uint8Array, length: bigint): void {
  if (bytes.length >= 8) new DataView(bytes.buffer, bytes.byteOffset).setBigUint64(0, BigInt.asUintN(64, length), true);
}

/** Edits that keep a header plausible reach further than flipped bits. */
function editHeader(bytes: Uint8Array, random: Random): Uint8Array {
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  let header = Buffer.from(bytes.subarray(8, 8 + length)).toString();
  const pieces = [
    '0',
    '1',
    '9',
    '-',
    '.',
    'e9',
    '99999999999',
    '9007199254740993',
    '"',
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    'null',
    '\\',
    ' ',
    '"__metadata__":',
    'F64',
    '\u0000',
    '😀',
  ];
  for (let edits = 1 + random(3); edits > 0; edits--) {
    const at = random(header.length + 1);
    const piece = pieces[random(pieces.length)] as string;
    // Insert, replace, delete, or repeat a stretch.
    const kind = random(4);
    if (kind === 0) header = header.slice(0, at) + piece + header.slice(at);
    else if (kind === 1) header = header.slice(0, at) + piece + header.slice(at + piece.length);
    else if (kind === 2) header = header.slice(0, at) + header.slice(at + 1 + random(6));
    else header = header.slice(0, at) + header.slice(random(at + 1), at) + header.slice(at);
  }
  const json = Buffer.from(header);
  const edited = Buffer.concat([Buffer.alloc(8), json, bytes.subarray(8 + length)]);
  setLength(edited, BigInt(json.length));
  return edited;
}

function mutate(bytes: Uint8Array, random: Random): Uint8Array {
  const kind = random(6);
  if (kind === 0) return bytes.slice(0, random(bytes.length + 1));
  if (kind === 1) return Buffer.concat([bytes, Buffer.alloc(1 + random(9))]);
  if (kind === 2) {
    const copy = bytes.slice();
    setLength(copy, random(2) === 0 ? BigInt(random(2 ** 31)) : BigInt(bytes.length + random(40) - 20));
    return copy;
  }
  if (kind === 3) {
    const copy = bytes.slice();
    for (let flips = 1 + random(8); flips > 0; flips--) {
      const at = random(copy.length);
      copy[at] = (copy[at] as number) ^ (1 << random(8));
    }
    return copy;
  }
  return editHeader(bytes, random);
}

it('every mutated file is read whole or refused with a TidemergeError', () => {
  const random = randomInts(SEED);
  let valid = 0;
  let refused = 0;
  for (let i = 0; i < CASES; i++) {
    const bytes = mutate(validFile(random), random);
    try {
      const file = SafetensorsFile.parse(bytes, 'fuzz');
      let total = 0;
      for (const name of file.names()) {
        const { data, byteLength, shape } = file.read(name);
        expect(data.byteLength).toBe(byteLength);
        expect(data.length).toBe(shape.reduce((product, size) => product * size, 1));
        total += byteLength;
      }
      // Every byte of the data belongs to exactly one tensor: nothing larger than the file was allocated.
      expect(total).toBeLessThanOrEqual(bytes.length);
      valid++;
    } catch (error) {
      if (!(error instanceof TidemergeError) || error.code !== 'ERR_BAD_SAFETENSORS' || error.message.length > 1500) {
        throw new Error(`case ${i}: ${Buffer.from(bytes).toString('latin1')}`, { cause: error });
      }
      refused++;
    }
  }
  // Both must happen, or the generator has lost its teeth.
  expect(valid).toBeGreaterThan(CASES / 100);
  expect(refused).toBeGreaterThan(CASES / 2);
});
