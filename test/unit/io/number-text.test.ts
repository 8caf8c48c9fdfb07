import { describe, expect, it } from 'vitest';
import { COMMA, MISSING_TEXTS, parseNumber, parseNumberText } from '../../../lib/io/number-text.js';
import { randomInts } from './temporary.js';

/** The cell between bytes that would change the number if they were read. */
function parse(text: string, decimal?: number): number {
  const bytes = Buffer.from(`99${text}99`);
  return parseNumber(bytes, 2, bytes.length - 2, decimal);
}

describe('parseNumber', () => {
  it.each([
    '0',
    '-0',
    '+5',
    '7',
    '-12',
    '3.25',
    '.5',
    '5.',
    '-.5',
    '1e3',
    '1E-3',
    '2.5e+10',
    '00012',
    '0.1',
    '1e22',
    '1e23',
    '123456789012345678',
    '9007199254740993',
    '0.000000000000000000000001',
    '5.827000141143799',
    '27.78700065612793',
    '4.9e-324',
    '1.7976931348623157e308',
    '1e-400',
    ' 42 ',
    '\t1.5',
  ])('reads %j as the nearest float64', (text) => {
    expect(parse(text)).toBe(Number(text));
    expect(parseNumberText(text)).toBe(Number(text));
  });

  it('agrees with Number on random decimals of every length, bit for bit', () => {
    const random = randomInts(11);
    for (let i = 0; i < 50_000; i++) {
      const digits = Array.from({ length: 1 + random(20) }, () => random(10)).join('');
      const point = random(digits.length + 1);
      const sign = ['', '-', '+'][random(3)] as string;
      const exponent = random(4) === 0 ? `e${random(40) - 20}` : '';
      const text = `${sign}${digits.slice(0, point)}.${digits.slice(point)}${exponent}`;
      if (!Object.is(parse(text), Number(text)))
        throw new Error(`${text}: got ${parse(text)}, expected ${Number(text)}`);
    }
  });

  it('reads every missing text as NaN, whatever its case and the spaces around it', () => {
    for (const text of MISSING_TEXTS) {
      for (const written of [text, text.toUpperCase(), ` ${text} `]) expect(parse(written)).toBeNaN();
    }
  });

  it.each([
    'abc',
    '1a',
    'a1',
    '1 2',
    '1,5',
    '1.2.3',
    '--1',
    '+-1',
    '+',
    'e5',
    '1e',
    '1e+',
    '0x10',
    '1_000',
    'inf',
    '-Infinity',
    '1e999',
    '-1e999',
    '$5',
    '5%',
    '٣',
    'true',
    `${'1'.repeat(500)}`,
  ])('reads %j as no number', (text) => expect(parse(text)).toBe(Infinity));

  it('takes a decimal comma where asked to, and then no point', () => {
    expect(parse('1,5', COMMA)).toBe(1.5);
    expect(parse('-0,25e2', COMMA)).toBe(-25);
    expect(parse('7', COMMA)).toBe(7);
    expect(parse('1.5', COMMA)).toBe(Infinity);
    expect(parse('1.234,5', COMMA)).toBe(Infinity);
    expect(parse('1,2,3', COMMA)).toBe(Infinity);
    expect(parse('NA', COMMA)).toBeNaN();
  });
});
