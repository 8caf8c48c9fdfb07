import { describe, expect, it } from 'vitest';
import { quote } from '../../../lib/io/quote.js';
import type { JsonValue, StrictJsonOptions } from '../../../lib/io/strict-json.js';
import { parseStrictJson } from '../../../lib/io/strict-json.js';
import { caught, matches } from './temporary.js';

const options: StrictJsonOptions = { who: 'x.json', code: 'ERR_BAD_MODEL' };

function plain(value: JsonValue): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, member]) => [key, plain(member)]));
  return value;
}

describe('parseStrictJson', () => {
  it.each([
    'null',
    'true',
    'false',
    '0',
    '-0',
    '12.5e-3',
    '1E+2',
    '""',
    '"a"',
    '"\\u00e9\\n\\"\\\\"',
    '"é€😀"',
    '[]',
    '{}',
    ' [ 1 , [ ] , { } ] ',
    '{"a":1,"b":[true,null,{"c":"d"}]}',
    '\t{"a" :\r\n"b"}\n',
    '[1,2,3,"]"]',
  ])('agrees with JSON.parse on %s', (text) => {
    expect(plain(parseStrictJson(text, options))).toEqual(JSON.parse(text));
  });

  it.each([
    '',
    ' ',
    '{',
    '[',
    '"',
    '"a',
    '{"a"}',
    '{"a":}',
    '{"a":1,}',
    '[1,]',
    '[,1]',
    '{a:1}',
    "{'a':1}",
    '01',
    '1.',
    '.5',
    '+1',
    '1e',
    '0x10',
    '--1',
    'nul',
    'nulll',
    'truex',
    'NaN',
    'Infinity',
    '1 2',
    '{} {}',
    '"\t"',
    '"\\x"',
    '"\\u12"',
    '[1}',
    '{"a":1]',
    'undefined',
    '1a',
    '\u00a01',
    '/**/1',
    '-',
    '-a',
  ])('refuses %j as JSON.parse does', (text) => {
    expect(() => JSON.parse(text)).toThrow();
    matches(
      caught(() => parseStrictJson(text, options)),
      'ERR_BAD_MODEL',
      /^x\.json: invalid JSON at character \d+/,
    );
  });

  it('refuses duplicate keys at any depth, also spelled with escapes', () => {
    for (const text of [
      '{"a":1,"a":2}',
      '[{"b":{"c":1,"c":1}}]',
      '{"a":1,"\\u0061":2}',
      '{"__proto__":1,"__proto__":2}',
    ]) {
      matches(
        caught(() => parseStrictJson(text, options)),
        'ERR_BAD_MODEL',
        /duplicate key/,
      );
    }
  });

  it('keeps __proto__ and constructor as ordinary keys', () => {
    const value = parseStrictJson('{"__proto__":{"polluted":1},"constructor":2}', options) as Map<string, JsonValue>;
    expect([...value.keys()]).toEqual(['__proto__', 'constructor']);
    expect('polluted' in {}).toBe(false);
  });

  it('bounds nesting and the number of values', () => {
    expect(() => parseStrictJson('['.repeat(64) + ']'.repeat(64), options)).not.toThrow();
    matches(
      caught(() => parseStrictJson('['.repeat(100_000), options)),
      'ERR_BAD_MODEL',
      /nested at most 64/,
    );
    expect(parseStrictJson('[1,2]', { ...options, maxValues: 3 })).toEqual([1, 2]);
    matches(
      caught(() => parseStrictJson('[1,2,3]', { ...options, maxValues: 3 })),
      'ERR_BAD_MODEL',
      /too many/,
    );
  });

  it('reads the non-finite numbers of Python only when asked to', () => {
    expect(parseStrictJson('[NaN,Infinity,-Infinity]', { ...options, allowNonFinite: true })).toEqual([
      NaN,
      Infinity,
      -Infinity,
    ]);
    for (const text of ['-NaN', 'Infinityx', '[-]', 'nan']) {
      matches(
        caught(() => parseStrictJson(text, { ...options, allowNonFinite: true })),
        'ERR_BAD_MODEL',
        /expected a JSON value/,
      );
    }
  });
});

describe('quote', () => {
  it('shortens and escapes what a terminal would act on', () => {
    expect(quote('a"b')).toBe('"a\\"b"');
    expect(quote('\u001b[31m\u009b\u007f')).toBe('"\\u001b[31m\\u009b\\u007f"');
    expect(quote('x'.repeat(1e6)).length).toBeLessThan(100);
  });
});
