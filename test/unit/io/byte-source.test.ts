import { PassThrough } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { describe, expect, it, vi } from 'vitest';
import type { ByteInput } from '../../../lib/io/byte-source.js';
import { openBytes, peek } from '../../../lib/io/byte-source.js';
import { utf8Chunks } from '../../../lib/io/text-encoding.js';
import { chunksOf, matches, rejected, temporaryDirectory, write } from './temporary.js';

const directory = temporaryDirectory();
const TEXT = 'date,wert\n2020-01-01,grün €\n'.repeat(60);

async function read(input: ByteInput, encoding?: 'utf-8' | 'latin1'): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const chunk of utf8Chunks(openBytes(input), encoding)) parts.push(chunk);
  return Buffer.concat(parts).toString('utf8');
}

describe('openBytes', () => {
  it('reads paths, arrays and iterables, gzipped or not, in chunks of any size', async () => {
    const plain = Buffer.from(TEXT);
    for (const bytes of [
      plain,
      gzipSync(plain),
      Buffer.concat([gzipSync(plain.subarray(0, 100)), gzipSync(plain.subarray(100))]),
    ]) {
      expect(await read(write(directory, 'x.csv', bytes))).toBe(TEXT);
      expect(await read(bytes)).toBe(TEXT);
      expect(await read([bytes])).toBe(TEXT);
      for (const size of [1, 2, 3, 1000]) expect(await read(chunksOf(bytes, size))).toBe(TEXT);
    }
    expect(await read(new Uint8Array())).toBe('');
    expect(await read([new Uint8Array(), new Uint8Array()])).toBe('');
    expect(await read(Buffer.from([0x1f]))).toBe('\u001f');
  });

  it('reads standard input for "-"', async () => {
    const stdin = new PassThrough();
    const spy = vi.spyOn(process, 'stdin', 'get').mockReturnValue(stdin as unknown as typeof process.stdin);
    stdin.end(gzipSync('a,b'));
    expect(await read('-')).toBe('a,b');
    expect(openBytes('-').name).toBe('standard input');
    spy.mockRestore();
  });

  it('says what is wrong with a path or a broken archive', async () => {
    matches(
      await rejected(() => read(`${directory}/none.csv`)),
      'ERR_FILE_ACCESS',
      /none\.csv: cannot be read: ENOENT/,
    );
    matches(await rejected(() => read(directory)), 'ERR_FILE_ACCESS', /EISDIR/);
    const packed = gzipSync(TEXT);
    matches(
      await rejected(() => read(packed.subarray(0, packed.length - 9))),
      'ERR_BAD_DATA',
      /invalid gzip data: unexpected end/,
    );
    const damaged = Buffer.from(packed);
    damaged.fill(0xff, 20, 40);
    matches(await rejected(() => read(damaged)), 'ERR_BAD_DATA', /invalid gzip data/);
  });

  it('passes on the error of a source, also through gunzip', async () => {
    const packed = gzipSync(TEXT);
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield packed.subarray(0, 10);
      throw new RangeError('source broke');
    }
    await expect(read(failing())).rejects.toThrow('source broke');
  });

  it('closes the source when the reader stops early', async () => {
    for (const packed of [false, true]) {
      let closed = false;
      async function* endless(): AsyncGenerator<Uint8Array> {
        const bytes = packed ? gzipSync(TEXT) : Buffer.from(TEXT);
        try {
          for (;;) yield bytes;
        } finally {
          closed = true;
        }
      }
      for await (const _ of openBytes(endless()).chunks) break;
      await vi.waitFor(() => expect(closed).toBe(true));
    }
  });
});

describe('peek', () => {
  it('gives the head and then everything once', async () => {
    const { head, all } = await peek(chunksOf(Buffer.from('abcdef'), 2), 3);
    expect(Buffer.from(head).toString()).toBe('abcd');
    let text = '';
    for await (const chunk of all) text += Buffer.from(chunk).toString();
    expect(text).toBe('abcdef');
  });
});

describe('utf8Chunks', () => {
  it('strips a byte order mark and decodes UTF-16 by its mark, cut anywhere', async () => {
    const little = Buffer.from(`\ufeff${TEXT}`, 'utf16le');
    const big = Buffer.from(little).swap16();
    for (const bytes of [Buffer.from(`\ufeff${TEXT}`), little, big]) {
      for (const size of [1, 3, 7, 4096]) expect(await read(chunksOf(bytes, size))).toBe(TEXT);
      expect(await read(gzipSync(bytes))).toBe(TEXT);
    }
  });

  it('reads Latin-1 where asked to', async () => {
    expect(await read(Buffer.from('grün,1\n', 'latin1'), 'latin1')).toBe('grün,1\n');
  });

  it('refuses binary files and broken UTF-16', async () => {
    matches(
      await rejected(() => read(Buffer.from('PK\u0003\u0004\u0000\u0000'))),
      'ERR_BAD_DATA',
      /binary data \(a zero byte at 4\)/,
    );
    matches(await rejected(() => read(Buffer.from([0xff, 0xfe, 0x41]))), 'ERR_BAD_DATA', /utf-16le text/);
  });
});
