import { crc32 } from 'node:zlib';
import { TidemergeError } from '../errors.js';
import type { ByteRange } from './byte-range.js';
import { quote } from './quote.js';

/*
 * Zip archives of uncompressed entries, as PyTorch writes them. Only the central directory is believed, and only after
 * everything it says has been compared with the local headers and the size of the file. (Own code, because what matters
 * here is what is refused: compression, encryption, zip64, several disks, entries that overlap or have equal names.)
 */

export interface ZipEntry {
  readonly name: string;
  /** Where its data begin. */
  readonly offset: number;
  readonly size: number;
  readonly crc: number;
}

const END = { signature: 0x06054b50, bytes: 22, maxComment: 0xffff };
const CENTRAL = { signature: 0x02014b50, bytes: 46 };
const LOCAL = { signature: 0x04034b50, bytes: 30 };
const MAX_DIRECTORY_BYTES = 2 ** 24;
const ENCRYPTED = 1;

interface Central extends Omit<ZipEntry, 'offset'> {
  /** Of the local header. */
  readonly header: number;
}

/** ERR_BAD_MODEL for archives that break a rule, ERR_UNSUPPORTED for what is not read on purpose. */
export function badZip(file: string, problem: string): TidemergeError {
  return new TidemergeError('ERR_BAD_MODEL', `${file}: zip: ${problem}`);
}

/** Reads and validates the directory. */
export function readZipDirectory(range: ByteRange): Map<string, ZipEntry> {
  const { name: file } = range;
  const end = findEnd(range);
  if (end.bytes > MAX_DIRECTORY_BYTES) {
    throw badZip(file, `directory: expected at most ${MAX_DIRECTORY_BYTES} bytes, got ${end.bytes}`);
  }
  if (end.offset + end.bytes > end.at) {
    throw badZip(file, `directory: expected to end at byte ${end.at}, got ${end.offset + end.bytes}`);
  }
  const centrals = parseDirectory(file, range.read(end.offset, end.bytes, 'zip directory'), end.entries);
  // In the order of the file, each must begin behind the end of the one before.
  centrals.sort((a, b) => a.header - b.header);
  const entries = new Map<string, ZipEntry>();
  let free = 0;
  for (const central of centrals) {
    if (central.header < free) throw badZip(file, `entry ${quote(central.name)}: overlaps the one before it`);
    const offset = dataOffset(range, central, end.offset);
    free = offset + central.size;
    if (free > end.offset) {
      throw badZip(file, `entry ${quote(central.name)}: expected to end before byte ${end.offset}, got ${free}`);
    }
    if (entries.has(central.name)) throw badZip(file, `expected distinct names, got ${quote(central.name)} twice`);
    entries.set(central.name, { name: central.name, offset, size: central.size, crc: central.crc });
  }
  return entries;
}

/** The bytes of an entry, compared with its checksum. */
export function readZipEntry(range: ByteRange, { name, offset, size, crc }: ZipEntry): Uint8Array<ArrayBuffer> {
  const bytes = range.read(offset, size, `zip entry ${quote(name)}`);
  const found = crc32(bytes);
  if (found === crc) return bytes;
  throw badZip(range.name, `entry ${quote(name)}: expected checksum ${crc}, got ${found}`);
}

/** The record at the end, behind which there is nothing but its comment. */
function findEnd(range: ByteRange): { at: number; entries: number; bytes: number; offset: number } {
  const { name: file, size } = range;
  const length = Math.min(size, END.bytes + END.maxComment);
  const tail = viewOf(range.read(size - length, length, 'end of the zip'));
  for (let at = length - END.bytes; at >= 0; at--) {
    if (tail.getUint32(at, true) !== END.signature) continue;
    if (at + END.bytes + tail.getUint16(at + 20, true) !== length) continue;
    const entries = tail.getUint16(at + 10, true);
    if (tail.getUint32(at + 4, true) !== 0 || tail.getUint16(at + 8, true) !== entries) {
      throw unsupported(file, 'an archive on several disks');
    }
    const [bytes, offset] = [tail.getUint32(at + 12, true), tail.getUint32(at + 16, true)];
    if (entries === 0xffff || bytes === 0xffffffff || offset === 0xffffffff) throw unsupported(file, 'zip64');
    return { at: size - length + at, entries, bytes, offset };
  }
  throw badZip(file, 'expected the end record of a zip archive, got none');
}

function parseDirectory(file: string, bytes: Uint8Array, count: number): Central[] {
  const view = viewOf(bytes);
  const entries: Central[] = [];
  let at = 0;
  for (let i = 0; i < count; i++) {
    const fixed = at + CENTRAL.bytes;
    if (fixed > bytes.length || view.getUint32(at, true) !== CENTRAL.signature) {
      throw badZip(file, `directory: expected entry ${i} of ${count} at byte ${at}, got something else`);
    }
    const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map((field) => view.getUint16(at + field, true));
    const next = fixed + nameBytes! + extraBytes! + commentBytes!;
    if (next > bytes.length) throw badZip(file, `directory: entry ${i}: expected to end within it, got byte ${next}`);
    entries.push(parseCentral(file, view, at, decode(file, bytes.subarray(fixed, fixed + nameBytes!))));
    at = next;
  }
  if (at !== bytes.length) throw badZip(file, `directory: expected ${at} bytes, got ${bytes.length}`);
  return entries;
}

function parseCentral(file: string, view: DataView, at: number, name: string): Central {
  const [flags, method] = [view.getUint16(at + 8, true), view.getUint16(at + 10, true)];
  const [crc, stored, size] = [16, 20, 24].map((field) => view.getUint32(at + field, true)) as [number, number, number];
  const header = view.getUint32(at + 42, true);
  if ((flags & ENCRYPTED) !== 0) throw unsupported(file, `entry ${quote(name)}: encryption`);
  if (method !== 0) throw unsupported(file, `entry ${quote(name)}: compression method ${method}`);
  if (stored === 0xffffffff || size === 0xffffffff || header === 0xffffffff || view.getUint16(at + 34, true) !== 0) {
    throw unsupported(file, `entry ${quote(name)}: zip64 or several disks`);
  }
  if (stored !== size) throw badZip(file, `entry ${quote(name)}: expected ${size} stored bytes, got ${stored}`);
  return { name, header, size, crc };
}

/** Behind the local header, whose name and method must agree; its sizes may be 0 where they follow the data. */
function dataOffset(range: ByteRange, { name, header }: Central, limit: number): number {
  const { name: file } = range;
  if (header + LOCAL.bytes > limit) throw badZip(file, `entry ${quote(name)}: expected a header before byte ${limit}`);
  const view = viewOf(range.read(header, LOCAL.bytes, 'zip header'));
  const [nameBytes, extraBytes] = [view.getUint16(26, true), view.getUint16(28, true)];
  const offset = header + LOCAL.bytes + nameBytes + extraBytes;
  if (view.getUint32(0, true) !== LOCAL.signature || view.getUint16(8, true) !== 0 || offset > limit) {
    throw badZip(file, `entry ${quote(name)}: expected its header at byte ${header}, got something else`);
  }
  const local = decode(file, range.read(header + LOCAL.bytes, nameBytes, 'zip name'));
  if (local !== name) throw badZip(file, `entry ${quote(name)}: expected its name in its header, got ${quote(local)}`);
  return offset;
}

function decode(file: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw badZip(file, 'expected names in UTF-8');
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function unsupported(file: string, what: string): TidemergeError {
  return new TidemergeError('ERR_UNSUPPORTED', `${file}: zip: expected plain stored entries, got ${what}`);
}
