import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ModelConfig } from '../../../lib/io/model-config.js';
import { findModelFiles } from '../../../lib/io/model-files.js';
import { caught, matches, temporaryDirectory, write } from './temporary.js';

const directory = temporaryDirectory();

describe('ModelConfig', () => {
  const config = ModelConfig.parse(
    '{"n":4,"f":4.0,"half":0.5,"text":"relu","yes":true,"nothing":null,"list":[1,2.5],"ints":[1,2],"names":["a"],"limit":[0.0,Infinity],"sub":{"deep":{"k":"x"}},"__proto__":1}',
    'dir/config.json',
  );

  it('reads values of the type asked for', () => {
    expect(config.requireInteger('n', { min: 4, max: 4 })).toBe(4);
    expect(config.requireInteger('f')).toBe(4);
    expect(config.requireNumber('half', { min: 0 })).toBe(0.5);
    expect(config.requireString('text')).toBe('relu');
    expect(config.requireBoolean('yes')).toBe(true);
    expect(config.requireOneOf('text', ['gelu', 'relu'])).toBe('relu');
    expect(config.requireNumbers('list')).toEqual([1, 2.5]);
    expect(config.requireIntegers('ints', { min: 1 })).toEqual([1, 2]);
    expect(config.requireStrings('names')).toEqual(['a']);
    expect(config.requireArray('limit')).toEqual([0, Infinity]);
    expect(config.requireSection('sub').requireSection('deep').requireString('k')).toBe('x');
    expect(config.keys()).toContain('__proto__');
  });

  it('takes null and absent keys as not given', () => {
    expect(config.has('nothing')).toBe(false);
    expect(config.has('toString')).toBe(false);
    expect(config.optionalInteger('nothing', 7)).toBe(7);
    expect(config.optionalNumber('absent', undefined)).toBeUndefined();
    expect(config.optionalString('text', 'x')).toBe('relu');
    expect(config.optionalBoolean('yes', false)).toBe(true);
    expect(config.optionalNumbers('list', [])).toEqual([1, 2.5]);
    expect(config.optionalStrings('absent', ['d'])).toEqual(['d']);
    expect(config.optionalSection('nothing')).toBeUndefined();
    // Given but wrong is an error, never the default.
    matches(
      caught(() => config.optionalInteger('text', 7)),
      'ERR_BAD_MODEL',
      /text: expected an integer, got "relu"/,
    );
  });

  it.each<[() => unknown, RegExp]>([
    [() => config.requireInteger('absent'), /^dir\/config\.json: absent: expected an integer, got nothing$/],
    [() => config.requireInteger('half'), /half: expected an integer, got 0\.5/],
    [() => config.requireInteger('n', { min: 5 }), /n: expected an integer >= 5, got 4/],
    [() => config.requireInteger('n', { min: 1, max: 3 }), /from 1 to 3, got 4/],
    [() => config.requireInteger('n', { max: 3 }), /<= 3, got 4/],
    [() => config.requireNumber('text'), /expected a finite number, got "relu"/],
    [() => config.requireBoolean('n'), /expected true or false, got 4/],
    [() => config.requireString('nothing'), /expected a string, got null/],
    [() => config.requireOneOf('text', ['gelu', 'silu']), /expected one of "gelu", "silu", got "relu"/],
    [() => config.requireNumbers('limit'), /expected an array of finite numbers, got \[0, Infinity\]/],
    [() => config.requireIntegers('list'), /array of integers, got \[1, 2\.5\]/],
    [() => config.requireStrings('list'), /array of strings/],
    [() => config.requireArray('sub'), /expected an array, got an object of 1 keys/],
    [() => config.requireSection('n'), /expected an object, got 4/],
    [
      () => config.requireSection('sub').requireSection('deep').requireInteger('k'),
      /config\.json: sub\.deep\.k: expected an integer, got "x"/,
    ],
  ])('names file, key, expectation and finding (%#)', (run, pattern) => {
    matches(caught(run), 'ERR_BAD_MODEL', pattern);
  });

  it('refuses files that are no JSON object, too large or not UTF-8', () => {
    matches(
      caught(() => ModelConfig.parse('[]')),
      'ERR_BAD_MODEL',
      /expected a JSON object/,
    );
    matches(
      caught(() => ModelConfig.parse('{"a":1,"a":2}')),
      'ERR_BAD_MODEL',
      /duplicate key/,
    );
    matches(
      caught(() => ModelConfig.read(write(directory, 'big.json', ' '.repeat(8 * 2 ** 20 + 1)))),
      'ERR_BAD_MODEL',
      /at most 8388608 bytes/,
    );
    matches(
      caught(() => ModelConfig.read(write(directory, 'latin.json', Buffer.from('{"é":1}', 'latin1')))),
      'ERR_BAD_MODEL',
      /UTF-8/,
    );
    matches(
      caught(() => ModelConfig.read(directory)),
      'ERR_BAD_MODEL',
      /regular file/,
    );
    matches(
      caught(() => ModelConfig.read(join(directory, 'none.json'))),
      'ERR_MODEL_NOT_FOUND',
      /none\.json/,
    );
    expect(ModelConfig.read(write(directory, 'bom.json', '\ufeff{"a":1}')).requireInteger('a')).toBe(1);
  });
});

describe('findModelFiles', () => {
  const make = (name: string, ...files: string[]) => {
    mkdirSync(join(directory, name), { recursive: true });
    for (const file of files) write(directory, `${name}/${file}`, '{}');
    return join(directory, name);
  };

  it('finds a whole file, or an index', () => {
    const whole = make('whole', 'config.json', 'model.safetensors', 'model.safetensors.index.json');
    expect(findModelFiles(whole)).toEqual({
      config: join(whole, 'config.json'),
      weights: join(whole, 'model.safetensors'),
    });
    const sharded = make('sharded', 'config.json', 'model.safetensors.index.json');
    expect(findModelFiles(sharded).weights).toBe(join(sharded, 'model.safetensors.index.json'));
  });

  it.each<[string, string[], RegExp]>([
    [
      'only a pickle',
      ['config.json', 'pytorch_model.bin'],
      /got only "pytorch_model\.bin"; pickled weights are never read/,
    ],
    [
      'only sharded pickles',
      ['config.json', 'pytorch_model.bin.index.json', 'pytorch_model-00001-of-00002.bin'],
      /pickled/,
    ],
    ['only a checkpoint', ['checkpoint.pth'], /got only "checkpoint\.pth"/],
    ['another name', ['config.json', 'adapter_model.safetensors'], /got "adapter_model\.safetensors": rename/],
    ['no weights', ['config.json', 'README.md'], /got "README\.md", "config\.json"/],
    ['no config', ['model.safetensors'], /expected config\.json beside model\.safetensors/],
    ['nothing', [], /an empty directory/],
  ])('explains %s', (name, files, pattern) => {
    matches(
      caught(() => findModelFiles(make(name.replaceAll(' ', '-'), ...files))),
      'ERR_MODEL_NOT_FOUND',
      pattern,
    );
  });

  it('explains a directory that is not there, or is a file', () => {
    matches(
      caught(() => findModelFiles(join(directory, 'gone'))),
      'ERR_MODEL_NOT_FOUND',
      /no such directory/,
    );
    matches(
      caught(() => findModelFiles(write(directory, 'plain', ''))),
      'ERR_MODEL_NOT_FOUND',
      /got a file/,
    );
  });
});
