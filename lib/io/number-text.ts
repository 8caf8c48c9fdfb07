/**
 * Cells that mean "no value here", compared without case and outer spaces. The reader turns them into NaN.
 */
export const MISSING_TEXTS: ReadonlySet<string> = new Set([
  '',
  '-',
  '--',
  '.',
  '?',
  'na',
  'n/a',
  '#n/a',
  '<na>',
  'nan',
  '-nan',
  'null',
  'none',
  'nil',
  'missing',
]);

/** Powers of ten that a float64 holds exactly. */
const POWERS = Float64Array.from({ length: 23 }, (_, exponent) => Number(`1e${exponent}`));
/** Below it, ten times the mantissa plus a digit is still exact. */
const MANTISSA_LIMIT = Math.floor((2 ** 53 - 9) / 10);
const PLAIN_NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;

export const POINT = 0x2e;
export const COMMA = 0x2c;

/**
 * The number in bytes[start, end), spaces around it allowed: the nearest float64 for a decimal number, NaN for one of
 * MISSING_TEXTS, and Infinity for everything else (also for numbers too large for a float64 and for "inf": neither is a
 * measurement). `decimal` is the byte between integer and fraction.
 *
 * The common case needs no string: a mantissa below 2^53 times or divided by an exact power of ten is correctly rounded
 * by a single operation (Clinger 1990). The rest goes through `Number`.
 */
export function parseNumber(bytes: Uint8Array, start: number, end: number, decimal = POINT): number {
  let i = start;
  const first = bytes[i];
  const negative = first === 0x2d;
  if (negative || first === 0x2b) i++;
  let mantissa = 0;
  let digits = 0;
  let fraction = 0;
  let seenPoint = false;
  for (; i < end; i++) {
    const c = bytes[i] as number;
    const digit = c - 0x30;
    if (digit >= 0 && digit <= 9) {
      if (mantissa > MANTISSA_LIMIT) return parseSlowly(bytes, start, end, decimal);
      mantissa = mantissa * 10 + digit;
      digits++;
      if (seenPoint) fraction++;
    } else if (c === decimal && !seenPoint) seenPoint = true;
    else return parseSlowly(bytes, start, end, decimal);
  }
  if (digits === 0 || fraction > 22) return parseSlowly(bytes, start, end, decimal);
  const value = mantissa / (POWERS[fraction] as number);
  return negative ? -value : value;
}

/** The same for a string. */
export function parseNumberText(text: string, decimal = POINT): number {
  const trimmed = text.trim();
  if (MISSING_TEXTS.has(trimmed.toLowerCase())) return NaN;
  const plain = decimal === COMMA ? withPoint(trimmed) : trimmed;
  if (!PLAIN_NUMBER.test(plain)) return Infinity;
  const value = Number(plain);
  return Number.isFinite(value) ? value : Infinity;
}

function withPoint(text: string): string {
  // A point would be a thousands separator there, and a number with one is not read as something else.
  return text.includes('.') ? '' : text.replace(',', '.');
}

/** Longer cells are no numbers, whatever is in them. */
const MAX_NUMBER_BYTES = 400;

function parseSlowly(bytes: Uint8Array, start: number, end: number, decimal: number): number {
  if (end - start > MAX_NUMBER_BYTES) return Infinity;
  return parseNumberText(Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1'), decimal);
}
