import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openSafetensors, serializeSafetensors } from '../../../lib/io/safetensors.js';
import { caught, matches, temporaryDirectory, write } from './temporary.js';

const directory = temporaryDirectory();
const one = (name: string, value: number) => ({
  name,
  dtype: 'F32' as const,
  shape: [1],
  data: Float32Array.of(value),
});

function index(name: string, content: unknown): string {
  return write(
    directory,
    `${name}/model.safetensors.index.json`,
    typeof content === 'string' ? content : JSON.stringify(content),
  );
}

function shard(name: string, file: string, ...tensors: ReturnType<typeof one>[]): void {
  write(directory, `${name}/${file}`, serializeSafetensors(tensors, { format: 'pt', [file]: '1' }));
}

describe('sharded safetensors', () => {
  it('reads tensors of several shards and only those of the index', () => {
    shard('good', 'model-1.safetensors', one('a', 1), one('hidden', 9));
    shard('good', 'model-2.safetensors', one('b', 2));
    const path = index('good', {
      metadata: { total_size: 8 },
      weight_map: { b: 'model-2.safetensors', a: 'model-1.safetensors' },
    });
    const store = openSafetensors(path);
    expect(store.names().sort()).toEqual(['a', 'b']);
    expect([...store.readFloat32('a'), ...store.readFloat32('b')]).toEqual([1, 2]);
    expect(store.info('hidden')).toBeUndefined();
    matches(
      caught(() => store.read('hidden')),
      'ERR_BAD_MODEL',
      /index\.json: expected a tensor "hidden"/,
    );
    expect(store.metadata.get('model-1.safetensors')).toBe('1');
    store.close();
    matches(
      caught(() => store.read('a')),
      'ERR_DISPOSED',
      /closed|close/,
    );
  });

  it('opens a single file too', () => {
    shard('single', 'model.safetensors', one('a', 3));
    expect([...openSafetensors(join(directory, 'single', 'model.safetensors')).readFloat32('a')]).toEqual([3]);
  });

  it.each([
    '../good/model-1.safetensors',
    '/etc/x.safetensors',
    'a/b.safetensors',
    '..\\x.safetensors',
    'C:x.safetensors',
    '..',
    '',
    'model.bin',
    'a\0.safetensors',
    `${'x'.repeat(300)}.safetensors`,
  ])('refuses the shard %j', (file) => {
    matches(
      caught(() => openSafetensors(index('escape', { weight_map: { a: file } }))),
      'ERR_BAD_SAFETENSORS',
      /in the same directory/,
    );
  });

  it('follows a symbolic link inside the directory, as model caches need it', () => {
    shard('blobs', 'model-1.safetensors', one('a', 5));
    const path = index('linked', { weight_map: { a: 'link.safetensors' } });
    symlinkSync(join(directory, 'blobs', 'model-1.safetensors'), join(directory, 'linked', 'link.safetensors'));
    expect([...openSafetensors(path).readFloat32('a')]).toEqual([5]);
  });

  it('names a shard that is missing, and a tensor that is not in its shard', () => {
    matches(
      caught(() => openSafetensors(index('missing', { weight_map: { a: 'gone.safetensors' } }))),
      'ERR_MODEL_NOT_FOUND',
      /shard "gone\.safetensors"/,
    );
    shard('wrong', 'm.safetensors', one('b', 1));
    matches(
      caught(() => openSafetensors(index('wrong', { weight_map: { a: 'm.safetensors' } }))),
      'ERR_BAD_SAFETENSORS',
      /tensor "a": expected in "m\.safetensors"/,
    );
  });

  it.each<[string, unknown, RegExp]>([
    ['no object', [], /weight_map: expected an object/],
    ['no weight_map', {}, /got nothing/],
    ['a list as weight_map', { weight_map: [] }, /weight_map/],
    ['a number as file', { weight_map: { a: 1 } }, /got 1/],
    ['a tensor twice', '{"weight_map":{"a":"x.safetensors","a":"y.safetensors"}}', /duplicate key "a"/],
    ['bad JSON', '{', /invalid JSON/],
  ])('refuses an index with %s', (_, content, pattern) => {
    matches(
      caught(() => openSafetensors(index('bad', content))),
      'ERR_BAD_SAFETENSORS',
      pattern,
    );
  });

  it('refuses more shards than files may be open', () => {
    const weights: [string, string][] = [];
    for (let i = 0; i < 513; i++) {
      shard('many', `${i}.safetensors`, one(`t${i}`, i));
      weights.push([`t${i}`, `${i}.safetensors`]);
    }
    matches(
      caught(() => openSafetensors(index('many', { weight_map: Object.fromEntries(weights) }))),
      'ERR_BAD_SAFETENSORS',
      /at most 512 files/,
    );
  });
});
